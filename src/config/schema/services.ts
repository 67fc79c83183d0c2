/** Traffic policy by service. */
import { Type } from "typebox";
import { PROTOCOLS } from "../../model/service.ts";
import { LOAD_BALANCERS } from "../../routing/policy.ts";
import { duration, NAME_PATTERN, name, positiveDuration, serviceRef, strict, urlPath } from "./common.ts";
import { RetriesSchema } from "./gateways.ts";

const OutlierDetectionSchema = Type.Object(
  {
    consecutive5xx: Type.Integer({
      minimum: 1,
      maximum: 1_000_000,
      default: 5,
      description: "Errors in a row (5xx, or no connection) after which an instance is left out.",
    }),
    consecutiveGatewayFailure: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 1_000_000,
        description: "The same for 502, 503 and 504 alone. Default: not looked at.",
      }),
    ),
    interval: positiveDuration("How often instances are let in again.", { default: "10s" }),
    baseEjectionTime: positiveDuration("How long an instance is left out the first time; longer each time after.", {
      default: "30s",
    }),
    maxEjectionPercent: Type.Integer({
      minimum: 0,
      maximum: 100,
      default: 10,
      description: "The largest share of instances left out, in percent; one always may be.",
    }),
  },
  {
    ...strict,
    description:
      "Leaves out instances that fail, as each Envoy sees it. Default: off; but what may lead through gateways is left out for a moment after three connections in a row that failed or broke.",
  },
);

const limit = (description: string, minimum: number) =>
  Type.Optional(Type.Integer({ minimum, maximum: 4_294_967_295, description }));

const CircuitBreakerSchema = Type.Object(
  {
    maxConnections: limit("Connections of one Envoy to the service. Default: Envoy's, 1024.", 1),
    maxPendingRequests: limit("Requests that wait for a connection. Default: Envoy's, 1024.", 1),
    maxRequests: limit("Requests under way. Default: Envoy's, 1024.", 1),
    maxRetries: limit("Retries under way. Default: as many as requests.", 0),
  },
  { ...strict, description: "Bounds on what one Envoy sends to the service." },
);

const FailoverSchema = Type.Object(
  {
    order: Type.Array(name("`zone`, `region`, `cluster`, `network`, or the name of a cluster, network or region."), {
      default: [],
      description:
        "Who comes next when the nearest do not suffice; what matches no entry comes last. `zone`, `region`, `cluster` and `network` are the client's own. Default: zone, region, cluster.",
    }),
    services: Type.Array(serviceRef("A service."), {
      default: [],
      maxItems: 20,
      description:
        "Services that answer when this one does not, in this order: each is a priority after all of the one before it. Ports are found by name, then by number.",
    }),
    threshold: Type.Optional(
      Type.String({
        pattern: "^([1-9]\\d?|100)%$",
        patternErrorMessage: "must be a percentage from 1% to 100%, such as 70%",
        title: "percent",
        description: "Traffic begins to spill over when less than this share is usable. Replaces `overprovisioning`.",
      }),
    ),
    priorityLabels: Type.Array(Type.String({ minLength: 1, maxLength: 317, title: "label or label=value" }), {
      default: [],
      maxItems: 20,
      description:
        "Labels that an instance should have: the client's own value (region, zone, cluster and network by their Kubernetes and Istio names), or the value given. The more of them it has, from the first on without a gap, the sooner it is used.",
    }),
  },
  { ...strict, description: "Who is used when the nearest instances do not suffice. Default: by zone, region and cluster." },
);

const ProbeSchema = Type.Object(
  {
    path: Type.Optional(urlPath("Asked for by HTTP. Default: only that a connection comes about, with TLS where there is TLS.")),
    interval: positiveDuration("Time between two questions; a service without traffic is asked each 5 s while all is well.", {
      default: "300ms",
    }),
    timeout: positiveDuration("Time for an answer.", { default: "500ms" }),
    unhealthyThreshold: Type.Integer({
      minimum: 1,
      maximum: 100,
      default: 2,
      description: "Failures in a row that make it unhealthy.",
    }),
    healthyThreshold: Type.Integer({
      minimum: 1,
      maximum: 1000,
      default: 3,
      description: "Successes in a row that make it healthy again.",
    }),
    all: Type.Boolean({
      default: false,
      description: "Asks every endpoint. Default: only gateways, since registries know their own instances.",
    }),
  },
  {
    ...strict,
    description:
      "Each Envoy asks the gateways that lead to the service, through to what is behind them, and closes the connections to one that does not answer. Default: off; the bridge asks gateways in any case (`networks[].probe`).",
  },
);

export const ServicePolicySchema = Type.Object(
  {
    match: Type.String({
      title: "pattern",
      description: "`namespace/name`, where `*` stands for any characters within a part; `*` alone is every service.",
    }),
    loadBalancer: Type.Enum([...LOAD_BALANCERS], { default: "roundRobin", description: "How an instance is picked." }),
    outlierDetection: Type.Optional(OutlierDetectionSchema),
    circuitBreaker: Type.Optional(CircuitBreakerSchema),
    protocol: Type.Optional(Type.Enum([...PROTOCOLS], { description: "Replaces what the registries say of every port." })),
    connectTimeout: positiveDuration(
      "Time to connect to an instance, TLS included. A lost first packet is sent again after 1 s.",
      {
        default: "2s",
      },
    ),
    deadAfter: duration(
      "A connection whose other end acknowledges nothing for so long is closed (Linux: TCP_USER_TIMEOUT, and keepalive each second); how long an answer takes does not matter. 0s: never.",
      { default: "2s" },
    ),
    panicThreshold: Type.Integer({
      minimum: 0,
      maximum: 100,
      default: 0,
      description:
        "Below this percentage of usable instances Envoy ignores health. 0: never, so that an outage of most does not send requests to the dead.",
    }),
    overprovisioning: Type.Integer({
      minimum: 100,
      maximum: 10_000,
      default: 140,
      description:
        "Envoy's overprovisioning factor in percent: at 140 a locality's traffic begins to spill over when less than 1/1.4 = 72 % of it is usable.",
    }),
    failover: Type.Optional(FailoverSchema),
    affinity: Type.Optional(
      Type.Enum(["local", "remote", "none"], {
        description:
          "local: the client's own cluster first. remote: the others first. none: all alike. Default: by nearness alone.",
      }),
    ),
    distribute: Type.Optional(
      Type.Record(Type.String({ pattern: NAME_PATTERN }), Type.Integer({ minimum: 0, maximum: 10_000 }), {
        minProperties: 1,
        description:
          "Shares by cluster, such as `{eu-1: 80, eu-2: 20}`. Where a cluster cannot serve its share, `failover` and nearness decide who does.",
      }),
    ),
    redirect: Type.Optional(
      Type.Object(
        {
          service: serviceRef("Who answers."),
          cluster: Type.Optional(name("Only its instances in this cluster. Default: all.")),
        },
        { ...strict, description: "Another service answers in place of this one, or this one's instances in one cluster alone." },
      ),
    ),
    union: Type.Optional(
      Type.Array(serviceRef("A service."), {
        minItems: 1,
        maxItems: 20,
        description: "The service is one name for these: all their instances count alike. `match` is the whole name then.",
      }),
    ),
    mirrors: Type.Boolean({
      default: false,
      description: "Makes a service `<name>-<cluster>` for each cluster it runs in, which leads there and nowhere else.",
    }),
    tls: Type.Enum(["mutual", "none"], {
      default: "none",
      description: "mutual: its endpoints are dialled by mutual TLS, as `mtls` says. Only so can it be reached through gateways.",
    }),
    gatewayMode: Type.Enum(["remote", "local", "none"], {
      default: "remote",
      description:
        "The way to other networks. remote: their gateways. local: the client's own network's gateways, which pass on to those. none: instances are dialled themselves.",
    }),
    retries: Type.Optional(RetriesSchema),
    probe: Type.Optional(ProbeSchema),
    merge: Type.Enum(["merge", "priority", "reject"], {
      default: "merge",
      description:
        "When several registries name the service. merge: all instances count. priority: those of the first registry that has any. reject: those of the first registry alone.",
    }),
    registries: Type.Array(name("A registry."), {
      default: [],
      description:
        "The order of registries for merge, the strongest first; those not named follow in the order of the configuration.",
    }),
  },
  { ...strict, description: "Policy of the services that match; the first match counts, alone." },
);
