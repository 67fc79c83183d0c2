/** Replicas and rollout that can be carried out as written. */
import { parseDuration } from "../../../src/kernel/duration.ts";
import { type Check, reportRepeated, reportSameNames } from "./check.ts";
import { checkSelector } from "./selectors.ts";

export function checkReplicas(check: Check): void {
  const replicas = check.workload.spec.replicas;
  if (replicas === undefined) return;
  const path = ["spec", "replicas"];
  for (const [cluster, { min, max }] of Object.entries(replicas.preferences))
    if (min !== undefined && max !== undefined && min > max)
      check.report([...path, "preferences", cluster, "min"], `is ${min}, above max, which is ${max}`);
  if (replicas.when.maxMove !== undefined && replicas.when.rebalance !== "converge")
    check.report([...path, "when", "maxMove"], "counts only with `rebalance: converge`");
}

export function checkRollout(check: Check): void {
  const { stages, gate, deadline } = check.workload.spec.rollout;
  const path = ["spec", "rollout"];
  reportSameNames(check, [...path, "stages"], stages, "stage");
  const placed = new Map<string, string>();
  for (const [index, stage] of stages.entries()) {
    const at = [...path, "stages", index];
    reportRepeated(check, [...at, "clusters"], stage.clusters, "cluster");
    checkSelector(check, [...at, "clusterSelector"], stage.clusterSelector);
    for (const [item, cluster] of (stage.clusters ?? []).entries()) {
      const earlier = placed.get(cluster);
      if (earlier !== undefined && earlier !== stage.name)
        check.report([...at, "clusters", item], `${cluster} is in the stage ${earlier} already`);
      else placed.set(cluster, stage.name);
    }
    if (stage.clusters === undefined && stage.clusterSelector === undefined && index < stages.length - 1)
      check.report(at, "takes all clusters that are left, so it must be the last stage");
    if ((parseDuration(stage.soak) ?? 0) >= (parseDuration(deadline) ?? Number.POSITIVE_INFINITY))
      check.report([...at, "soak"], `is ${stage.soak}, not below the deadline, which is ${deadline}: no cluster could pass`);
  }
  if (gate.proxies !== undefined && gate.registry === undefined)
    check.report([...path, "gate", "proxies"], "needs `registry`, whose service says which gateways are meant");
  if (parseDuration(gate.freshFor) === 0) check.report([...path, "gate", "freshFor"], "must be above zero");
}
