/** `/metrics`: what Prometheus scrapes. */
import type { Routes } from "./routes.ts";

export const metricsRoutes: Routes = (app, state) => {
  app.get(
    "/metrics",
    { schema: { tags: ["operation"], summary: "Metrics in Prometheus' text format" } },
    async (_request, reply) => {
      const { contentType, text } = await state.metrics();
      return reply.header("content-type", contentType).send(text);
    },
  );
};
