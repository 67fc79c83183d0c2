/** What is known of a workload: per cluster and revision, each fact with the time it was observed. */
import { type Static, Type } from "typebox";
import { openMap, strict } from "./common.ts";

/** RFC 3339, UTC. */
export const time = (description: string) =>
  Type.String({ pattern: "^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(\\.\\d+)?Z$", title: "RFC 3339 time", description });

const CONDITION_STATUS = ["True", "False", "Unknown"] as const;
/** Conditions of a FederatedWorkload. `DeletionHeld` is bad when True, the others are good then. */
export type WorkloadConditionType =
  | "Valid"
  | "Placed"
  | "Scheduled"
  | "Applied"
  | "Healthy"
  | "RolledOut"
  | "DeletionHeld"
  | "DependenciesFound";

/** As Kubernetes' meta/v1 Condition. */
export const ConditionSchema = Type.Object(
  {
    type: Type.String({ minLength: 1, description: "What it is about." }),
    status: Type.Enum([...CONDITION_STATUS], { description: "Unknown also when nothing fresh is known." }),
    reason: Type.String({ pattern: "^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$", description: "One word for programs." }),
    message: Type.String({ description: "One sentence for people." }),
    lastTransitionTime: time("Since when the status is this."),
    observedGeneration: Type.Optional(Type.Integer({ minimum: 0, description: "Generation of the object it is about." })),
  },
  { ...strict, description: "A Kubernetes condition." },
);
export type DeployCondition = Static<typeof ConditionSchema>;

const ClusterStatusSchema = Type.Object(
  {
    name: Type.String({ minLength: 1, description: "The cluster." }),
    revision: Type.Optional(Type.String({ description: "The revision last seen there." })),
    health: Type.Enum(["Healthy", "Progressing", "Degraded", "Unknown"], { description: "Unknown when stale." }),
    observedAt: Type.Optional(time("When the cluster said so.")),
    replicas: Type.Optional(Type.Integer({ minimum: 0, description: "Replicas wanted there." })),
    readyReplicas: Type.Optional(Type.Integer({ minimum: 0, description: "Replicas ready there, of the new revision." })),
    why: Type.Array(Type.String(), { default: [], description: "Why it has so many replicas, or none." }),
  },
  { ...strict, description: "One cluster." },
);
export type ClusterStatus = Static<typeof ClusterStatusSchema>;

export const StatusSchema = Type.Object(
  {
    observedGeneration: Type.Optional(Type.Integer({ minimum: 0 })),
    conditions: Type.Optional(Type.Array(ConditionSchema)),
    clusters: Type.Optional(Type.Array(ClusterStatusSchema)),
    rollout: Type.Optional(openMap("State of the rollout; all that a new controller needs to go on.")),
  },
  { ...strict, description: "What is known. Written by the controller alone." },
);
export type WorkloadStatus = Static<typeof StatusSchema>;
