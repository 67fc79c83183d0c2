/** `/v1/proxies`: the connected clients, how far each has come, and what it has. */
import { type Static, Type } from "typebox";
import { fail } from "../../model/errors.ts";
import { ROLES } from "../../routing/client.ts";
import type { ProxyStatus } from "../../xds/proxy-status.ts";
import { nearNames } from "../not-found.ts";
import { PageQuery, page, pageOf } from "../paging.ts";
import type { BridgeState } from "../state.ts";
import type { Routes } from "./routes.ts";
import { LocalityAnswer, PROBLEMS, Time, time } from "./schemas.ts";

const DUMP_TYPES = ["clusters", "endpoints", "listeners", "routes"] as const;

const TypeAnswer = Type.Object({
  type: Type.String({ description: "LDS, RDS, CDS, EDS or SDS." }),
  typeUrl: Type.String(),
  status: Type.Enum(["SYNCED", "STALE", "NOT_SENT", "NACKED"], {
    description: "SYNCED: the newest sent is acknowledged. STALE: sent, not answered. NACKED: the newest sent was refused.",
  }),
  wildcard: Type.Boolean(),
  names: Type.Integer({ description: "Resources asked for by name." }),
  sentSeq: Type.Integer(),
  ackedSeq: Type.Integer(),
  sent: Time,
  acked: Time,
  nacks: Type.Integer(),
  lastNack: Type.Union([Type.Object({ message: Type.String(), at: Time }), Type.Null()]),
});

const ProxyAnswer = Type.Object({
  id: Type.String(),
  nodeId: Type.String(),
  nodeCluster: Type.String(),
  agent: Type.String({ description: "The client program and its version." }),
  role: Type.Enum([...ROLES]),
  gateway: Type.String(),
  cluster: Type.String(),
  network: Type.String(),
  namespace: Type.String(),
  locality: LocalityAnswer,
  peer: Type.String(),
  variant: Type.Enum(["sotw", "delta"]),
  connected: Time,
  types: Type.Array(TypeAnswer),
});

/** One line of `GET /v1/proxies`. */
export type ConnectedProxy = Static<typeof ProxyAnswer>;

const Dump = Type.Object({
  proxy: Type.String(),
  resources: Type.Array(
    Type.Object({ type: Type.Enum([...DUMP_TYPES]), name: Type.String(), version: Type.String(), resource: Type.Unknown() }),
  ),
});

/** `GET /v1/proxies/:id/dump`. */
export type ProxyDump = Static<typeof Dump>;

const Query = Type.Object({ role: Type.Optional(Type.Enum([...ROLES])), ...PageQuery }, { additionalProperties: false });
const Params = Type.Object({ id: Type.String() });
const DumpQuery = Type.Object({ type: Type.Optional(Type.Enum([...DUMP_TYPES])) }, { additionalProperties: false });

export const proxyRoutes: Routes = (app, state) => {
  app.get<{ Querystring: Static<typeof Query> }>(
    "/v1/proxies",
    {
      schema: {
        tags: ["proxies"],
        summary: "List connected clients",
        querystring: Query,
        response: { 200: pageOf(ProxyAnswer), ...PROBLEMS },
      },
    },
    async ({ query }) => {
      const found = state.proxies().filter(({ client }) => query.role === undefined || client.role === query.role);
      const { items, ...rest } = page(found, ({ id }) => id, query);
      return { ...rest, items: items.map(answer) };
    },
  );

  app.get<{ Params: Static<typeof Params> }>(
    "/v1/proxies/:id",
    { schema: { tags: ["proxies"], summary: "One client", params: Params, response: { 200: ProxyAnswer, ...PROBLEMS } } },
    async ({ params }) => answer(proxyOf(params.id, state)),
  );

  app.get<{ Params: Static<typeof Params>; Querystring: Static<typeof DumpQuery> }>(
    "/v1/proxies/:id/dump",
    {
      schema: {
        tags: ["proxies"],
        summary: "What a client is served",
        description: "The resources of the client's view as JSON, whether or not it has asked for each.",
        params: Params,
        querystring: DumpQuery,
        response: { 200: Dump, ...PROBLEMS },
      },
    },
    async ({ params, query }) => {
      const { id, view } = proxyOf(params.id, state);
      const all = state.dump(view) ?? [];
      return { proxy: id, resources: all.filter(({ type }) => query.type === undefined || type === query.type) };
    },
  );
};

/** Throws MB_NOT_FOUND with the ids that look like the one asked for. */
export function proxyOf(id: string, state: BridgeState): ProxyStatus {
  const proxies = state.proxies();
  const found = proxies.find((proxy) => proxy.id === id);
  if (found !== undefined) return found;
  const near = nearNames(
    id,
    proxies.map((proxy) => proxy.id),
  );
  const list = near.length > 0 ? `GET /v1/proxies; did you mean ${near.join(" or ")}?` : "GET /v1/proxies";
  throw fail("MB_NOT_FOUND", { what: "connected proxy", name: id.slice(0, 200), list });
}

function answer({ client, view: _, connectedAt, types, ...rest }: ProxyStatus): Static<typeof ProxyAnswer> {
  const { inbound: __, ...who } = client;
  return {
    ...rest,
    ...who,
    connected: time(connectedAt),
    types: types.map(({ sentAt, ackedAt, lastNack, ...type }) => ({
      ...type,
      sent: time(sentAt),
      acked: time(ackedAt),
      lastNack: lastNack === undefined ? null : { message: lastNack.message, at: time(lastNack.at) },
    })),
  };
}
