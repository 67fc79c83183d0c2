/** `/v1/explain`: why each instance of a service is, or is not, an endpoint of a client. */
import { type Static, Type } from "typebox";
import type { CatalogService } from "../../catalog/types.ts";
import { fail } from "../../model/errors.ts";
import type { ServicePort } from "../../model/service.ts";
import { STALENESS_STAGES } from "../../registry/staleness.ts";
import { REGISTRY_STATES } from "../../registry/status.ts";
import { ROLES } from "../../routing/client.ts";
import type { ServicePolicy } from "../../routing/policy.ts";
import { selectPort } from "../../routing/ports.ts";
import { ACK_STATES } from "../acks.ts";
import { explainService } from "../explain.ts";
import { serviceNotFound } from "../not-found.ts";
import { proxyOf } from "./proxies.ts";
import type { Routes } from "./routes.ts";
import { ConditionAnswer, HealthWord, LocalityAnswer, PROBLEMS } from "./schemas.ts";

const orNull = <T extends Parameters<typeof Type.Union>[0][number]>(schema: T) => Type.Union([schema, Type.Null()]);

const Answer = Type.Object({
  service: Type.String(),
  port: orNull(Type.String()),
  node: orNull(Type.String()),
  client: Type.Object({
    role: Type.Enum([...ROLES]),
    gateway: Type.String(),
    cluster: Type.String(),
    network: Type.String(),
    locality: LocalityAnswer,
    namespace: Type.String(),
  }),
  sources: Type.Array(Type.String()),
  conditions: Type.Array(ConditionAnswer),
  policy: orNull(Type.String()),
  instances: Type.Array(
    Type.Object({
      id: Type.String(),
      seenIn: Type.String({ description: "Registry and scope." }),
      address: Type.String(),
      port: orNull(Type.Integer()),
      verdict: Type.Enum(["kept", "held", "excluded"]),
      reason: Type.String(),
      health: Type.Object({ registry: HealthWord, client: orNull(HealthWord) }),
      priority: orNull(Type.Integer()),
      weight: Type.Integer(),
      locality: LocalityAnswer,
      cluster: Type.String(),
      network: Type.String(),
      hold: orNull(
        Type.Object({
          reason: Type.String(),
          since: Type.String(),
          endsInSeconds: orNull(Type.Number({ description: "If nothing happens. null: not while its evidence is in doubt." })),
        }),
      ),
      evidence: orNull(
        Type.Object(
          {
            state: Type.Enum([...REGISTRY_STATES]),
            ageSeconds: orNull(Type.Number({ description: "Since it was last confirmed." })),
            staleness: Type.Enum([...STALENESS_STAGES]),
            fromDisk: Type.Boolean({ description: "Known from the saved state alone, not read since the bridge started." }),
          },
          { description: "How the registry is that it was seen in, or the datacentre or cluster of it." },
        ),
      ),
      endpoint: orNull(
        Type.Object(
          {
            address: Type.String(),
            port: Type.Integer(),
            weight: Type.Integer(),
            gateway: orNull(Type.String()),
            sni: orNull(Type.String()),
          },
          { description: "What the client dials for it: the instance itself, or a gateway that stands for it and others." },
        ),
      ),
      drain: orNull(Type.Object({ owner: Type.String(), reason: Type.String(), until: Type.String() })),
    }),
  ),
  rejected: Type.Array(Type.Object({ seenIn: Type.String(), record: Type.String(), reason: Type.String() })),
  proxies: Type.Array(
    Type.Object({
      id: Type.String(),
      status: Type.Enum([...ACK_STATES]),
      message: orNull(Type.String()),
    }),
  ),
});

const Query = Type.Object(
  {
    service: Type.String({ description: "`namespace/name`" }),
    node: Type.Optional(
      Type.String({ description: "Id of a connected client: with its eyes. Else: a client without locality." }),
    ),
    port: Type.Optional(Type.String({ description: "Name or number. Default: the only or first one." })),
  },
  { additionalProperties: false },
);

export const explainRoutes: Routes = (app, state) => {
  app.get<{ Querystring: Static<typeof Query> }>(
    "/v1/explain",
    {
      schema: {
        tags: ["explain"],
        summary: "Why an endpoint is there or not",
        querystring: Query,
        response: { 200: Answer, ...PROBLEMS },
      },
    },
    async ({ query }) => {
      const service = state.catalog().services.get(query.service);
      if (service === undefined) throw serviceNotFound(query.service, state);
      const policy = state.traffic().policyOf(service.key);
      const port = selectPort(portsUnder(policy, service), query.port);
      if (port === undefined && query.port !== undefined) {
        const list = `one of: ${service.ports.map(({ name }) => name).join(", ")}`;
        throw fail("MB_NOT_FOUND", { what: `port of ${service.id}`, name: query.port.slice(0, 100), list });
      }
      return explainService({
        service,
        port,
        client: query.node === undefined ? state.neutralClient() : proxyOf(query.node, state).client,
        node: query.node,
        policy,
        traffic: state.traffic(),
        rejected: state.rejected().filter((record) => record.service === service.id),
        registries: state.registries(),
        held: state.held(),
        proxies: state.proxies(),
        resourceSeq: state.resourceSeq,
      });
    },
  );
};

/** As routes choose among them: a policy's protocol counts for every port. */
function portsUnder({ protocol }: ServicePolicy, { ports }: CatalogService): readonly ServicePort[] {
  return protocol === undefined ? ports : ports.map((port) => ({ ...port, protocol }));
}
