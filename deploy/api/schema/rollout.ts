/** How a new revision reaches the clusters. */
import { type Static, Type } from "typebox";
import { countOrPercent, duration, kubeName, SelectorSchema, strict } from "./common.ts";

const StageSchema = Type.Object(
  {
    name: kubeName("Unique in the rollout; approvals name it."),
    clusters: Type.Optional(Type.Array(kubeName("A cluster."), { description: "These; they win over the selector." })),
    clusterSelector: Type.Optional(SelectorSchema),
    maxConcurrency: countOrPercent("Clusters changed at once; a percentage is of the stage, rounded down, at least 1.", {
      default: "100%",
    }),
    soak: duration("How long each cluster must pass its gate without a break.", { default: "0s" }),
    approval: Type.Boolean({ default: false, description: "The stage begins only when somebody has approved it." }),
  },
  { ...strict, description: "Clusters that are changed together. With neither names nor selector: all that are left." },
);
export type StageSpec = Static<typeof StageSchema>;

const RegistryGateSchema = Type.Object(
  {
    service: Type.String({
      pattern: "^[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9][A-Za-z0-9._-]*$",
      patternErrorMessage: "must be namespace/name, such as shop/web",
      description: "The service in the bridge's catalog.",
    }),
    passing: Type.String({
      pattern: "^([1-9]\\d?|100)%$",
      patternErrorMessage: "must be a percentage from 1% to 100%",
      default: "100%",
      description: "Share of the new instances that must be registered and passing, rounded up.",
    }),
  },
  { ...strict, description: "What the service registry must say." },
);

const GateSchema = Type.Object(
  {
    workload: Type.Enum(["ready", "applied"], {
      default: "ready",
      description: "ready: all replicas of the new generation are ready. applied: the cluster has accepted it.",
    }),
    registry: Type.Optional(RegistryGateSchema),
    proxies: Type.Optional(Type.Enum(["acked"], { description: "acked: every gateway of the service has acknowledged it." })),
    freshFor: duration("An observation older than this is Unknown and passes no gate.", { default: "30s" }),
  },
  { ...strict, default: {}, description: "What must be true of a cluster before the next one is changed." },
);
export type Gate = Static<typeof GateSchema>;

export const RolloutSchema = Type.Object(
  {
    stages: Type.Array(StageSchema, { default: [], maxItems: 100, description: "In this order; none: all clusters at once." }),
    gate: GateSchema,
    deadline: duration("Time for each cluster to pass its gate, soak included.", { default: "10m" }),
    drain: duration("Before Pods are taken away: time for requests in flight once every client has acknowledged the drain.", {
      default: "10s",
    }),
    maxFailures: Type.Integer({ minimum: 0, default: 0, description: "Failed clusters that are put up with." }),
    onFailure: Type.Enum(["pause", "rollback"], { default: "pause", description: "What happens when there are more." }),
  },
  { ...strict, default: {}, description: "How a new revision reaches the clusters." },
);
export type Rollout = Static<typeof RolloutSchema>;
