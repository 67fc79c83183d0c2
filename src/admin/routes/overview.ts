/** `/`, `/v1/version` and `/v1/overview`: what this is, and how it is, in one look. */
import { type Static, Type } from "typebox";
import type { Routes } from "./routes.ts";
import { PROBLEMS, Time, time } from "./schemas.ts";

const Version = Type.Object({ version: Type.String(), node: Type.String(), started: Time });

const Overview = Type.Object({
  sync: Type.Enum(["waiting", "partial", "complete"]),
  catalogVersion: Type.Integer(),
  services: Type.Integer(),
  instances: Type.Integer(),
  held: Type.Integer(),
  rejected: Type.Integer(),
  registries: Type.Record(Type.String(), Type.Integer(), { description: "How many registries are in each state." }),
  proxies: Type.Record(Type.String(), Type.Integer(), { description: "How many clients are connected in each role." }),
  nacked: Type.Array(Type.String(), { description: "Clients that refused the newest they were sent." }),
});

/** `GET /v1/overview`. */
export type OverviewAnswer = Static<typeof Overview>;

export const overviewRoutes: Routes = (app, state) => {
  app.get("/", { schema: { hide: true } }, async () => ({
    name: "meshbridge",
    version: state.version().version,
    links: [
      "/docs",
      "/openapi.json",
      "/v1/overview",
      "/v1/services",
      "/v1/registries",
      "/v1/proxies",
      "/v1/events",
      "/v1/config",
      "/readyz?verbose",
      "/metrics",
    ],
  }));
  app.get(
    "/v1/version",
    { schema: { tags: ["operation"], summary: "What runs", response: { 200: Version, ...PROBLEMS } } },
    async () => {
      const { version, node, startedAt } = state.version();
      return { version, node, started: time(startedAt) };
    },
  );
  app.get(
    "/v1/overview",
    { schema: { tags: ["operation"], summary: "How it is, in one look", response: { 200: Overview, ...PROBLEMS } } },
    async (): Promise<Static<typeof Overview>> => {
      const { version, sync, services } = state.catalog();
      const instances = [...services.values()].flatMap((service) => service.instances);
      const proxies = state.proxies();
      return {
        sync,
        catalogVersion: version,
        services: services.size,
        instances: instances.length,
        held: instances.filter(({ hold }) => hold !== undefined).length,
        rejected: state.rejected().length,
        registries: tally(state.registries().map((registry) => registry.state)),
        proxies: tally(proxies.map(({ client }) => client.role)),
        nacked: proxies.filter(({ types }) => types.some(({ status }) => status === "NACKED")).map(({ id }) => id),
      };
    },
  );
};

function tally(words: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const word of words) counts[word] = (counts[word] ?? 0) + 1;
  return counts;
}
