/** `/v1/whatif`: what every client would get if a cluster or a registry were lost. Changes nothing. */
import { type Static, Type } from "typebox";
import { fail } from "../../model/errors.ts";
import { serviceId } from "../../model/service.ts";
import { type Client, ROLES } from "../../routing/client.ts";
import { matchesService } from "../../routing/match.ts";
import type { BridgeState } from "../state.ts";
import { type Loss, whatIf } from "../whatif.ts";
import type { Routes } from "./routes.ts";
import { HealthWord, LocalityAnswer, PROBLEMS } from "./schemas.ts";

const text = (description: string) => Type.Optional(Type.String({ minLength: 1, maxLength: 253, description }));

const Body = Type.Object(
  {
    lose: text("This cluster is gone."),
    drain: text("This cluster is drained."),
    loseRegistry: text("This registry cannot be read for longer than `staleness.degradeAfter`."),
    services: text("Only services that match the pattern `namespace/name`."),
  },
  { additionalProperties: false, description: "Exactly one of lose, drain and loseRegistry." },
);

const Counts = Type.Object({ before: Type.Integer(), after: Type.Integer() });

const Answer = Type.Object({
  clients: Type.Array(
    Type.Object({
      client: Type.Object({
        role: Type.Enum([...ROLES]),
        gateway: Type.String(),
        cluster: Type.String(),
        network: Type.String(),
        locality: LocalityAnswer,
        namespace: Type.String(),
      }),
      services: Type.Array(
        Type.Object({
          service: Type.String(),
          port: Type.String(),
          verdict: Type.Enum(["kept", "fewer", "failover", "none"]),
          usable: Counts,
          endpoints: Type.Array(
            Type.Object({
              address: Type.String(),
              port: Type.Integer(),
              priority: Type.Integer(),
              weight: Type.Integer(),
              health: HealthWord,
              clusters: Type.Array(Type.String()),
              gatewayOf: Type.Union([Type.String(), Type.Null()]),
            }),
          ),
        }),
      ),
    }),
  ),
});
export type WhatIfAnswer = Static<typeof Answer>;

/** So many services are computed at most; more need a pattern. */
const MAX_SERVICES = 5000;

export const whatIfRoutes: Routes = (app, state) => {
  app.post<{ Body: Static<typeof Body> }>(
    "/v1/whatif",
    {
      schema: {
        tags: ["explain"],
        summary: "What every client would get if a cluster or a registry were lost",
        body: Body,
        response: { 200: Answer, ...PROBLEMS },
      },
    },
    async ({ body }) => {
      const loss = lossOf(body, state);
      const pattern = body.services ?? "*";
      const chosen = [...state.catalog().services].filter(([, { key }]) => matchesService(pattern, key));
      if (chosen.length > MAX_SERVICES)
        throw fail("MB_BAD_REQUEST", {
          reason: `${chosen.length} services are more than ${MAX_SERVICES}: name some by \`services\``,
        });
      const services = new Map(chosen.map(([, service]) => [serviceId(service.key), service]));
      return { clients: whatIf({ loss, services, clients: clientsOf(state), traffic: state.traffic(), now: Date.now() }) };
    },
  );
};

function lossOf({ lose, drain, loseRegistry }: Static<typeof Body>, state: BridgeState): Loss {
  if ([lose, drain, loseRegistry].filter((one) => one !== undefined).length !== 1)
    throw fail("MB_BAD_REQUEST", { reason: "exactly one of lose, drain and loseRegistry is needed" });
  if (loseRegistry !== undefined) {
    const known = state.registries().map(({ name }) => name);
    if (!known.includes(loseRegistry))
      throw fail("MB_NOT_FOUND", { what: "registry", name: loseRegistry.slice(0, 100), list: "GET /v1/registries" });
    return { kind: "loseRegistry", registry: loseRegistry };
  }
  const cluster = lose ?? drain ?? "";
  const there = [...state.catalog().services.values()].some(({ instances }) => instances.some((one) => one.cluster === cluster));
  if (!there)
    throw fail("MB_NOT_FOUND", { what: "cluster with instances", name: cluster.slice(0, 100), list: "GET /v1/services" });
  return lose === undefined ? { kind: "drain", cluster } : { kind: "lose", cluster };
}

/** Everybody who is connected, each kind once; a client without locality besides on every network that is configured. */
function clientsOf(state: BridgeState): readonly Client[] {
  const neutral = state.neutralClient();
  const networks = new Set([neutral.network, ...state.traffic().networks.map(({ name }) => name)]);
  const all = [...state.proxies().map(({ client }) => client), ...[...networks].map((network) => ({ ...neutral, network }))];
  return [...new Map(all.map((client) => [JSON.stringify(client), client])).values()];
}
