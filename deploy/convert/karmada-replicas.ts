/** Karmada's ReplicaSchedulingStrategy, where it has a counterpart. Pure. */
import { type Json, type JsonObject, listAt, numberAt, valueAt } from "../json/value.ts";
import { defined } from "./output.ts";
import type { Source } from "./source.ts";

const AT = ["spec", "placement", "replicaScheduling"] as const;

/** Of a policy that divides; `total`: the replicas of the template. */
export function replicasOf(policy: Source, total: number): JsonObject {
  const preference = policy.take(...AT, "replicaDivisionPreference");
  if (preference === "Aggregated") return { total, by: "aggregated" };
  if (policy.take(...AT, "weightPreference", "dynamicWeight") !== undefined) return { total, by: "capacity" };
  const weights = listAt(policy.value, ...AT, "weightPreference", "staticWeightList");
  const preferences = new Map<string, Json>();
  for (const [index, one] of weights.entries()) {
    const at = [...AT, "weightPreference", "staticWeightList", index];
    policy.take(...at, "weight");
    const names = listAt(policy.take(...at, "targetCluster", "clusterNames"));
    const weight = numberAt(one, "weight") ?? 0;
    // Of several weights for a cluster the largest counts.
    for (const name of names.filter((item) => typeof item === "string"))
      preferences.set(name, { weight: Math.max(weight, numberAt(preferences.get(name), "weight") ?? 0) });
    if (names.length === 0)
      policy.note(
        [...at, "targetCluster"],
        `weights are by cluster name here: give weight ${weight} to each cluster that it meant`,
      );
  }
  if (valueAt(policy.value, [...AT, "weightPreference"]) === undefined)
    policy.note(AT, "no weights are given: every cluster has the same");
  return defined({ total, preferences: preferences.size > 0 ? Object.fromEntries(preferences) : undefined });
}
