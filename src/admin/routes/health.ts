/** `/livez`, `/readyz`, `/healthz`: for whoever starts and stops the bridge (Kubernetes' words). */
import { type Static, Type } from "typebox";
import type { Routes } from "./routes.ts";

const Query = Type.Object({ verbose: Type.Optional(Type.String()) }, { additionalProperties: false });

export const healthRoutes: Routes = (app, state) => {
  const operation = { tags: ["operation"] };
  app.get("/livez", { schema: { ...operation, summary: "Alive" } }, async (_request, reply) =>
    reply.type("text/plain").send("ok\n"),
  );
  for (const path of ["/readyz", "/healthz"]) {
    app.get<{ Querystring: Static<typeof Query> }>(
      path,
      { schema: { ...operation, summary: "Ready to serve xDS; says who is not", querystring: Query } },
      async ({ query }, reply) => {
        const checks = state.checks();
        const ready = checks.every(({ ok }) => ok);
        // Terse when all is well; whoever is not ready is always named.
        const shown = query.verbose === undefined && ready ? [] : checks.filter(({ ok }) => query.verbose !== undefined || !ok);
        const lines = shown.map(({ name, ok, message }) => `[${ok ? "+" : "-"}] ${name}: ${message}\n`);
        return reply
          .code(ready ? 200 : 503)
          .type("text/plain")
          .send(`${lines.join("")}${ready ? "ok" : "not ready"}\n`);
      },
    );
  }
};
