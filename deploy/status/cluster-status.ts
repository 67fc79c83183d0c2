/** What is told of each cluster: fresh facts, or Unknown. An old Healthy is never shown. Pure. */
import type { ClusterStatus, DeployCondition } from "../api/schema/status.ts";
import type { Share } from "../replicas/request.ts";
import type { ClusterFacts } from "../rollout/types.ts";
import { type ConditionUpdate, timeText } from "./conditions.ts";

export interface ClusterStatusInput {
  readonly cluster: string;
  readonly facts: ClusterFacts;
  /** Undefined when the workload says nothing of replicas. */
  readonly share: Share | undefined;
  /** Why it is placed there, or not. */
  readonly placement: string;
  /** The revision that the cluster should have. */
  readonly revision: string;
  readonly freshForMs: number;
  readonly now: number;
}

/** Revision and time of the last observation are told also when it is old; health and counts are not. */
export function clusterStatus({
  cluster,
  facts,
  share,
  placement,
  revision,
  freshForMs,
  now,
}: ClusterStatusInput): ClusterStatus {
  const { workload } = facts;
  const fresh = workload !== undefined && workload.observedAt <= now && now - workload.observedAt <= freshForMs;
  const health = !fresh ? "Unknown" : workload.revision === revision && workload.current ? workload.health : "Progressing";
  return {
    name: cluster,
    health,
    ...(workload === undefined ? {} : { revision: workload.revision, observedAt: timeText(workload.observedAt) }),
    ...(share === undefined ? {} : { replicas: share.replicas + share.pending }),
    why: [placement, ...(share?.why ?? [])],
  };
}

/** True only when every cluster is known to be healthy; no clusters are no proof of health. */
export function healthCondition(clusters: readonly ClusterStatus[]): ConditionUpdate {
  const named = (health: ClusterStatus["health"]) => clusters.filter((one) => one.health === health).map(({ name }) => name);
  const tell = (status: DeployCondition["status"], reason: string, message: string): ConditionUpdate => ({
    type: "Healthy",
    status,
    reason,
    message,
  });
  const [degraded, unknown, progressing] = [named("Degraded"), named("Unknown"), named("Progressing")];
  if (clusters.length === 0) return tell("Unknown", "NoClusters", "it is placed nowhere");
  if (degraded.length > 0) return tell("False", "Degraded", `degraded in ${degraded.join(", ")}`);
  if (unknown.length > 0) return tell("Unknown", "FactsUnknown", `nothing fresh is known of ${unknown.join(", ")}`);
  if (progressing.length > 0) return tell("False", "Progressing", `not yet as wanted in ${progressing.join(", ")}`);
  return tell("True", "Healthy", `healthy in all of ${clusters.length} clusters`);
}
