/** `/v1/drains` and `/v1/services/…/drain`: takes traffic away from a cluster's instances of a service, for a while. */
import { type Static, Type } from "typebox";
import { type Drain, sameDrain } from "../../catalog/drains.ts";
import { parseDuration } from "../../kernel/duration.ts";
import { fail } from "../../model/errors.ts";
import { parseServiceId, serviceId } from "../../model/service.ts";
import { SERVICE_ACK_STATES, serviceAckOf, serviceAckState } from "../acks.ts";
import { drainedBy, leftWithDrained, type Served } from "../drains.ts";
import { serviceNotFound } from "../not-found.ts";
import { PageQuery, page, pageOf } from "../paging.ts";
import type { BridgeState } from "../state.ts";
import type { Routes } from "./routes.ts";
import { PROBLEMS, Time, time } from "./schemas.ts";

const DEFAULT_TTL = "10m";
const LONGEST_TTL_MS = 24 * 3_600_000;
/** Each costs a merge of its service at every change, and a line of the file. */
const MOST_DRAINS = 1000;

const DrainAnswer = Type.Object({
  service: Type.String(),
  cluster: Type.String(),
  owner: Type.String(),
  addresses: Type.Union([Type.Array(Type.String()), Type.Null()], { description: "null: every instance of the cluster." }),
  reason: Type.String(),
  since: Time,
  until: Time,
  force: Type.Boolean(),
  durable: Type.Boolean({ description: "It outlives a restart of the bridge." }),
  instances: Type.Integer({ description: "Instances in the catalog that it names now." }),
  stillServing: Type.Array(Type.String(), {
    description: "Clients that are sent to drained instances nevertheless: nothing else is confirmed to serve them.",
  }),
  catalogVersion: Type.Integer({ description: "A version of the catalog that has it." }),
  servedVersion: Type.Integer({ description: "The catalog's version that clients are served from." }),
  acks: Type.Enum([...SERVICE_ACK_STATES], {
    description:
      "`acked`: every connected client that asks for the service has acknowledged a state with the drain. `nobody`: none asks for it.",
  }),
});

/** What a drain is answered with, and one line of `GET /v1/drains`. */
export type DrainAnswer = Static<typeof DrainAnswer>;

const Params = Type.Object({ namespace: Type.String(), name: Type.String() });
const Name = { minLength: 1, maxLength: 253, pattern: "^[^\\s\\p{C}]+$" };
const Owner = Type.String({ ...Name, default: "operator", description: "Whose word it is; each has its own drain." });
const Query = Type.Object(
  {
    cluster: Type.String(Name),
    ttl: Type.String({ default: DEFAULT_TTL, description: "It ends by itself after this; at most 24h." }),
    force: Type.Boolean({ default: false, description: "Also when nothing else would be left to serve." }),
    owner: Owner,
  },
  { additionalProperties: false },
);
const Body = Type.Object(
  {
    addresses: Type.Optional(Type.Array(Type.String(Name), { minItems: 1, maxItems: 5000, description: "Only these." })),
    reason: Type.Optional(Type.String({ maxLength: 300 })),
  },
  { additionalProperties: false },
);
const EndQuery = Type.Object({ cluster: Type.String(Name), owner: Owner }, { additionalProperties: false });
const Ended = Type.Object({ catalogVersion: Type.Integer(), servedVersion: Type.Integer() });
const ListQuery = Type.Object({ ...PageQuery, service: Type.Optional(Type.String()) }, { additionalProperties: false });

export const drainRoutes: Routes = (app, state) => {
  app.get<{ Querystring: Static<typeof ListQuery> }>(
    "/v1/drains",
    {
      schema: {
        tags: ["drains"],
        summary: "List drains",
        querystring: ListQuery,
        response: { 200: pageOf(DrainAnswer), ...PROBLEMS },
      },
    },
    async ({ query: { service, ...query } }) => {
      const chosen = state.drains.list().filter((drain) => (service ?? drain.service) === drain.service);
      const { items, ...rest } = page(chosen, keyOf, query);
      return { ...rest, items: items.map((drain) => answer(drain, state)) };
    },
  );

  app.post<{ Params: Static<typeof Params>; Querystring: Static<typeof Query>; Body: Static<typeof Body> }>(
    "/v1/services/:namespace/:name/drain",
    {
      schema: {
        tags: ["drains"],
        summary: "Take new traffic away from a cluster's instances of a service",
        description:
          "They are served as DRAINING in the last priority until it expires or is ended. Refused when a client would have nothing else; with `force` it holds even then.",
        params: Params,
        querystring: Query,
        // Required, if only `{}`: a request without a body is one that any web page may make a browser send.
        body: Body,
        response: { 200: DrainAnswer, ...PROBLEMS },
      },
    },
    async ({ params, query: { cluster, ttl, force, owner }, body: { addresses, reason = "" } }) => {
      const service = serviceId(params);
      if (!state.catalog().services.has(service)) throw serviceNotFound(service, state);
      const since = state.drains.now();
      const drain: Drain = { service, cluster, owner, addresses, reason, force, since, until: since + ttlOf(ttl) };
      const others = state.drains.list().filter((one) => !sameDrain(one, drain));
      if (others.length >= MOST_DRAINS) throw fail("MB_BAD_REQUEST", { reason: `there are ${MOST_DRAINS} drains already` });
      const left = force ? [] : leftOf(service, [...others, drain], state);
      if (left.length > 0) throw fail("MB_DRAIN_LAST", { service, cluster, clients: left.slice(0, 5).join(", ") });
      await state.drains.set(drain);
      return answer(drain, state);
    },
  );

  app.delete<{ Params: Static<typeof Params>; Querystring: Static<typeof EndQuery> }>(
    "/v1/services/:namespace/:name/drain",
    {
      schema: {
        tags: ["drains"],
        summary: "End a drain",
        params: Params,
        querystring: EndQuery,
        response: { 200: Ended, ...PROBLEMS },
      },
    },
    async ({ params, query }) => {
      const service = serviceId(params);
      const name = `${service} in ${query.cluster} by ${query.owner}`;
      if (!(await state.drains.remove({ service, ...query }))) {
        throw fail("MB_NOT_FOUND", { what: "drain", name: name.slice(0, 400), list: "GET /v1/drains" });
      }
      return { catalogVersion: state.catalog().version, servedVersion: state.servedVersion() };
    },
  );
};

function ttlOf(text: string): number {
  const ms = parseDuration(text);
  if (ms !== undefined && ms > 0 && ms <= LONGEST_TTL_MS) return ms;
  throw fail("MB_BAD_REQUEST", { reason: `query/ttl must be a duration of at most 24h, like ${DEFAULT_TTL}` });
}

function keyOf({ service, cluster, owner }: Drain): string {
  return `${service} ${cluster} ${owner}`;
}

/** Everyone connected who asks for the service, and the neutral client, so that it is judged with nobody connected too. */
function leftOf(id: string, drains: readonly Drain[], state: BridgeState): readonly string[] {
  const service = state.catalog().services.get(id);
  if (service === undefined) return [];
  const asking = state.proxies().filter((proxy) => serviceAckOf(proxy, service, state.resourceSeq).status !== "not-subscribed");
  const neutral: Served = { id: "a client of the bridge's own network", view: "", client: state.neutralClient() };
  return leftWithDrained(
    service,
    drains.filter((one) => one.service === id),
    asking.length > 0 ? asking : [neutral],
    { topology: state.traffic().topology, preference: state.traffic().policyOf(service.key) },
  );
}

function answer(drain: Drain, state: BridgeState): DrainAnswer {
  const { version: catalogVersion, services } = state.catalog();
  const servedVersion = state.servedVersion();
  const service = services.get(drain.service);
  const acks = service === undefined ? [] : state.proxies().map((proxy) => serviceAckOf(proxy, service, state.resourceSeq));
  const { since, until, addresses, ...rest } = drain;
  return {
    ...rest,
    addresses: addresses === undefined ? null : [...addresses],
    since: time(since),
    until: time(until),
    durable: state.drains.durable,
    instances: drainedBy(service, drain).length,
    stillServing: parseServiceId(drain.service) === undefined ? [] : [...leftOf(drain.service, state.drains.list(), state)],
    catalogVersion,
    servedVersion,
    acks: serviceAckState(acks, catalogVersion, servedVersion),
  };
}
