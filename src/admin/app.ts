/** The admin HTTP API: one file a resource in routes/, schemas from TypeBox, OpenAPI from the schemas. */
import { isIP } from "node:net";
import swagger from "@fastify/swagger";
import swaggerUi from "@fastify/swagger-ui";
import Fastify, { type FastifyInstance } from "fastify";
import type { Log } from "../kernel/log.ts";
import { fail } from "../model/errors.ts";
import { errorHandler, sendProblem } from "./problem.ts";
import { ackRoutes } from "./routes/acks.ts";
import { configRoutes } from "./routes/config.ts";
import { dnsRoutes } from "./routes/dns.ts";
import { drainRoutes } from "./routes/drains.ts";
import { eventRoutes } from "./routes/events.ts";
import { explainRoutes } from "./routes/explain.ts";
import { healthRoutes } from "./routes/health.ts";
import { linkRoutes } from "./routes/links.ts";
import { loadRoutes } from "./routes/loads.ts";
import { logLevelRoutes } from "./routes/log-level.ts";
import { metricsRoutes } from "./routes/metrics.ts";
import { overviewRoutes } from "./routes/overview.ts";
import { protectionRoutes } from "./routes/protection.ts";
import { proxyRoutes } from "./routes/proxies.ts";
import { registryRoutes } from "./routes/registries.ts";
import type { Routes } from "./routes/routes.ts";
import { serviceRoutes } from "./routes/services.ts";
import { whatIfRoutes } from "./routes/whatif.ts";
import type { BridgeState } from "./state.ts";

/** Every resource, in the order of the documentation. */
const RESOURCES: readonly Routes[] = [
  overviewRoutes,
  serviceRoutes,
  ackRoutes,
  drainRoutes,
  registryRoutes,
  linkRoutes,
  protectionRoutes,
  proxyRoutes,
  loadRoutes,
  explainRoutes,
  whatIfRoutes,
  dnsRoutes,
  eventRoutes,
  configRoutes,
  logLevelRoutes,
  healthRoutes,
  metricsRoutes,
];

export interface AdminOptions {
  readonly log: Log;
  /** Names besides `localhost` and IP literals under which this API may be asked for; `any` where it is open to others. */
  readonly hosts?: readonly string[] | "any";
}

/** A service's namespace or name is at most 253 characters; a node id may be longer. */
const MAX_PATH_PART = 2048;

/** The app, not listening. Its answers hold no secret; it has no login, so it belongs on loopback or a Unix socket. */
export async function createAdminApp(state: BridgeState, { log, hosts = [] }: AdminOptions): Promise<FastifyInstance> {
  const app = Fastify({
    logger: false,
    bodyLimit: 256 * 1024,
    connectionTimeout: 10_000,
    requestTimeout: 10_000,
    maxRequestsPerSocket: 1000,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: MAX_PATH_PART },
    // What fails before a route is found, such as a path that cannot be decoded.
    frameworkErrors: errorHandler(log),
    // A query's text becomes the number it stands for; nothing unknown is dropped in silence.
    ajv: { customOptions: { coerceTypes: true, removeAdditional: false, allErrors: false } },
  });
  // JSON is all that is taken: a form of another site cannot send it without asking first (CORS), so it can change nothing.
  app.removeContentTypeParser("text/plain");
  app.setErrorHandler(errorHandler(log));
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split("?", 1)[0] ?? request.url;
    return sendProblem(reply, request, fail("MB_NOT_FOUND", { what: "resource", name: path, list: "GET /docs" }));
  });
  // A web page of another site can make a browser ask us under a name of its own (DNS rebinding): such names are refused.
  app.addHook("onRequest", async (request, reply) => {
    reply.header("x-content-type-options", "nosniff").header("x-frame-options", "DENY");
    if (hosts === "any" || isOurHost(request.hostname, hosts)) return;
    await sendProblem(reply, request, fail("MB_FORBIDDEN_HOST", { host: request.hostname.slice(0, 100) }));
  });
  await app.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: { title: "Meshbridge admin API", version: state.version().version, description: "What the bridge knows, and why." },
    },
  });
  await app.register(swaggerUi, { routePrefix: "/docs" });
  app.get("/openapi.json", { schema: { hide: true } }, () => app.swagger());
  for (const routes of RESOURCES) routes(app, state);
  return app;
}

function isOurHost(hostname: string, hosts: readonly string[]): boolean {
  const bare = hostname.replace(/^\[|\]$/g, "").toLowerCase();
  return bare === "" || bare === "localhost" || bare.endsWith(".localhost") || isIP(bare) !== 0 || hosts.includes(bare);
}
