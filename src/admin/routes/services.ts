/** `/v1/services`: what is in the catalog. */
import { type Static, Type } from "typebox";
import type { CatalogInstance, CatalogService } from "../../catalog/types.ts";
import { serviceId } from "../../model/service.ts";
import { serviceNotFound } from "../not-found.ts";
import { PageQuery, page, pageOf } from "../paging.ts";
import type { Routes } from "./routes.ts";
import {
  ConditionAnswer,
  HealthWord,
  Labels,
  LocalityAnswer,
  PortAnswer,
  PROBLEMS,
  RejectedAnswer,
  SourceAnswer,
  Time,
  time,
} from "./schemas.ts";

const Summary = Type.Object({
  id: Type.String({ description: "`namespace/name`" }),
  namespace: Type.String(),
  name: Type.String(),
  ports: Type.Array(PortAnswer),
  instances: Type.Integer(),
  healthy: Type.Integer({ description: "Healthy or of unknown health, and not held." }),
  held: Type.Integer({ description: "No longer named by their registry, without proof; served as degraded." }),
  registries: Type.Array(Type.String()),
  conditions: Type.Array(ConditionAnswer),
});

/** One line of `GET /v1/services`. */
export type ServiceSummary = Static<typeof Summary>;

const InstanceAnswer = Type.Object({
  id: Type.String(),
  source: SourceAnswer,
  address: Type.String(),
  ports: Type.Record(Type.String(), Type.Integer()),
  health: HealthWord,
  weight: Type.Integer(),
  locality: LocalityAnswer,
  cluster: Type.String(),
  network: Type.String(),
  labels: Labels,
  evidence: Type.Enum(["authoritative", "held"], { description: "`held`: its registry no longer names it, but without proof." }),
  hold: Type.Union([Type.Object({ reason: Type.String(), since: Time }), Type.Null()]),
  drain: Type.Union([Type.Object({ owner: Type.String(), reason: Type.String(), since: Time, until: Time }), Type.Null()], {
    description: "By whose word it gets no new traffic, and until when.",
  }),
});

const Detail = Type.Object({
  id: Type.String(),
  catalogVersion: Type.Integer({ description: "Grows with every change of the catalog; `…/acks` says who has it." }),
  namespace: Type.String(),
  name: Type.String(),
  ports: Type.Array(PortAnswer),
  labels: Labels,
  sources: Type.Array(SourceAnswer),
  conditions: Type.Array(ConditionAnswer),
  policy: Type.Record(Type.String(), Type.Unknown(), { description: "The traffic policy that applies, defaults filled in." }),
  instances: Type.Array(InstanceAnswer),
  rejected: Type.Array(RejectedAnswer),
});

/** `GET /v1/services/:namespace/:name`. */
export type ServiceDetail = Static<typeof Detail>;

const Query = Type.Object(
  {
    namespace: Type.Optional(Type.String()),
    q: Type.Optional(Type.String({ description: "Part of the name." })),
    registry: Type.Optional(Type.String({ description: "Only services that this registry names." })),
    ...PageQuery,
  },
  { additionalProperties: false },
);
const Params = Type.Object({ namespace: Type.String(), name: Type.String() });

export const serviceRoutes: Routes = (app, state) => {
  app.get<{ Querystring: Static<typeof Query> }>(
    "/v1/services",
    {
      schema: {
        tags: ["services"],
        summary: "List services",
        querystring: Query,
        response: { 200: pageOf(Summary), ...PROBLEMS },
      },
    },
    async ({ query }) => {
      const { namespace, q, registry } = query;
      const found = [...state.catalog().services.values()].filter(
        ({ key, sources }) =>
          (namespace === undefined || key.namespace === namespace) &&
          (q === undefined || key.name.toLowerCase().includes(q.toLowerCase())) &&
          (registry === undefined || sources.some((source) => source.registry === registry)),
      );
      const { items, ...rest } = page(found, ({ id }) => id, query);
      return { ...rest, items: items.map(summary) };
    },
  );

  app.get<{ Params: Static<typeof Params> }>(
    "/v1/services/:namespace/:name",
    {
      schema: {
        tags: ["services"],
        summary: "One service with its instances",
        params: Params,
        response: { 200: Detail, ...PROBLEMS },
      },
    },
    async ({ params }) => {
      const id = serviceId(params);
      const { version: catalogVersion, services } = state.catalog();
      const service = services.get(id);
      const rejected = state.rejected().filter((record) => record.service === id);
      if (service === undefined) throw serviceNotFound(id, state);
      const { key, ports, labels, sources, conditions, instances } = service;
      const policy = { ...state.traffic().policyOf(key) };
      const shown = instances.map(detail);
      return { id, catalogVersion, ...key, ports, labels, sources, conditions, policy, instances: shown, rejected };
    },
  );
};

function summary({ id, key, ports, instances, sources, conditions }: CatalogService): Static<typeof Summary> {
  const healthy = instances.filter(
    ({ health, hold }) => hold === undefined && (health === "healthy" || health === "unknown"),
  ).length;
  const held = instances.filter(({ hold }) => hold !== undefined).length;
  const registries = [...new Set(sources.map(({ registry }) => registry))];
  return { id, ...key, ports: [...ports], instances: instances.length, healthy, held, registries, conditions: [...conditions] };
}

function detail({ hold, drain, ...instance }: CatalogInstance): Static<typeof InstanceAnswer> {
  const { id, source, address, ports, health, weight, locality, cluster, network, labels } = instance;
  return {
    id,
    source,
    address,
    ports,
    health,
    weight,
    locality,
    cluster,
    network,
    labels,
    evidence: hold === undefined ? "authoritative" : "held",
    hold: hold === undefined ? null : { reason: hold.reason, since: time(hold.since) },
    drain: drain === undefined ? null : { ...drain, since: time(drain.since), until: time(drain.until) },
  };
}
