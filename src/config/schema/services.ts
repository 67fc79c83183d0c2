/** Traffic policy by service. */
import { Type } from "typebox";
import { PROTOCOLS } from "../../model/service.ts";
import { LOAD_BALANCERS } from "../../routing/policy.ts";
import { name, positiveDuration, strict } from "./common.ts";

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
  { ...strict, description: "Leaves out instances that fail, as each Envoy sees it. Default: off." },
);

const limit = (description: string, minimum: number) =>
  Type.Optional(Type.Integer({ minimum, maximum: 4_294_967_295, description }));

const CircuitBreakerSchema = Type.Object(
  {
    maxConnections: limit("Connections of one Envoy to the service. Default: Envoy's, 1024.", 1),
    maxPendingRequests: limit("Requests that wait for a connection. Default: Envoy's, 1024.", 1),
    maxRequests: limit("Requests under way. Default: Envoy's, 1024.", 1),
    maxRetries: limit("Retries under way. Default: Envoy's, 3.", 0),
  },
  { ...strict, description: "Bounds on what one Envoy sends to the service." },
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
    connectTimeout: positiveDuration("Time to connect to an instance.", { default: "5s" }),
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
