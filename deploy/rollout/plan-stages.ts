/** The declared rollout for the clusters it is placed in. Pure. */
import { parseDuration } from "../../src/kernel/duration.ts";
import type { Rollout, StageSpec } from "../api/schema/rollout.ts";
import type { ClusterView } from "../placement/fleet.ts";
import { choiceOf } from "../placement/selector.ts";
import type { RolloutPlan, RolloutStage } from "./types.ts";

/**
 * Each placed cluster is in exactly one stage, the first that takes it. What no stage takes makes one more, named
 * `remaining`. Clusters that a stage names but that it is not placed in do not count, also not for percentages.
 */
export function planRollout(rollout: Rollout, placed: readonly ClusterView[]): RolloutPlan {
  const left = new Map(placed.map((cluster) => [cluster.name, cluster]));
  const stages: RolloutStage[] = [];
  for (const stage of rollout.stages) {
    const names = clustersOf(stage, [...left.values()]);
    for (const name of names) left.delete(name);
    stages.push({
      name: stage.name,
      clusters: names,
      maxConcurrency: countOf(stage.maxConcurrency, names.length),
      soakMs: milliseconds(stage.soak),
      approval: stage.approval,
    });
  }
  if (left.size > 0)
    stages.push({ name: "remaining", clusters: [...left.keys()], maxConcurrency: left.size, soakMs: 0, approval: false });
  const { gate } = rollout;
  return {
    stages,
    gate: {
      workload: gate.workload,
      registryPercent: gate.registry === undefined ? undefined : Number.parseInt(gate.registry.passing, 10),
      proxiesAcked: gate.proxies === "acked",
      freshForMs: milliseconds(gate.freshFor),
    },
    deadlineMs: milliseconds(rollout.deadline),
    maxFailures: rollout.maxFailures,
    onFailure: rollout.onFailure,
  };
}

/** Names keep the order in which they are given. */
function clustersOf({ clusters, clusterSelector }: StageSpec, left: readonly ClusterView[]): readonly string[] {
  if (clusters === undefined && clusterSelector === undefined) return left.map(({ name }) => name);
  const choice = choiceOf(clusters, clusterSelector);
  const chosen = left.filter((cluster) => choice(cluster) === undefined).map(({ name }) => name);
  return clusters === undefined ? chosen : clusters.filter((name) => chosen.includes(name));
}

/** Percentages are rounded down, but never to nothing: a stage of one cluster with 50% goes on. */
export function countOf(limit: number | string, of: number): number {
  const count = typeof limit === "number" ? limit : Math.floor((of * Number.parseInt(limit, 10)) / 100);
  return Math.max(1, count);
}

/** The schema has seen to its form. */
function milliseconds(duration: string): number {
  return parseDuration(duration) ?? 0;
}
