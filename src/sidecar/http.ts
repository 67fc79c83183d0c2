/** What a sidecar answers over HTTP: probes, metrics, how it stands, and the request to drain. */
import Fastify, { type FastifyInstance } from "fastify";
import { MeshbridgeError } from "../kernel/errors.ts";
import { fail } from "../model/errors.ts";
import type { DrainReport } from "./pod/sync.ts";
import type { TargetState } from "./target.ts";

export interface SidecarState {
  readonly version: string;
  readonly cluster: string;
  readonly owner: string;
  /** `offered`, `taken-out`, `absent`. */
  offer(): string;
  readiness(): { readonly ready: boolean; readonly reason: string | undefined };
  leaving(): boolean;
  /** It is offered and was seen in every registry. */
  registered(): boolean;
  targets(): readonly TargetState[];
  metrics(): Promise<{ readonly contentType: string; readonly text: string }>;
  drain(): Promise<DrainReport>;
}

/**
 * The app, not listening. `/readyz` says that the sidecar does its work, not that the workload is registered: the Pod's
 * readiness gate says that, and a sidecar that is not ready would keep its own workload from becoming so.
 */
export function createSidecarApp(state: SidecarState): FastifyInstance {
  const app = Fastify({ logger: false, bodyLimit: 1024, requestTimeout: 10_000, forceCloseConnections: true });
  app.removeContentTypeParser("text/plain");
  app.setErrorHandler((error, _request, reply) => {
    const known = error instanceof MeshbridgeError ? error : fail("MB_BAD_REQUEST", { reason: "it could not be answered" });
    const { code, status, message: detail, next: hint } = known;
    return reply
      .code(status)
      .type("application/problem+json")
      .serializer(JSON.stringify)
      .send({ title: code, code, status, detail, hint });
  });
  app.addHook("onRequest", async (_request, reply) => {
    reply.header("x-content-type-options", "nosniff").header("x-frame-options", "DENY");
  });
  app.get("/livez", async (_request, reply) => reply.type("text/plain").send("ok\n"));
  app.get("/readyz", async (_request, reply) => {
    const lines = state
      .targets()
      .map(({ name, connected, error }) => `[${connected ? "+" : "-"}] ${name}: ${error?.message ?? "ok"}\n`);
    return reply.type("text/plain").send(`${lines.join("")}ok\n`);
  });
  app.get("/metrics", async (_request, reply) => {
    const { contentType, text } = await state.metrics();
    return reply.header("content-type", contentType).send(text);
  });
  app.get("/v1/registrations", async () => ({
    version: state.version,
    cluster: state.cluster,
    owner: state.owner,
    offer: state.offer(),
    readiness: state.readiness(),
    leaving: state.leaving(),
    registered: state.registered(),
    targets: state.targets().map(({ error, ...target }) => ({
      ...target,
      ...(error !== undefined && { error: { code: error.code, message: error.message, next: error.next } }),
    })),
  }));
  // A body of JSON is asked for, so that no page of another site can send it from a browser.
  app.post("/drain", { schema: { body: { type: "object" } } }, async () => state.drain());
  return app;
}
