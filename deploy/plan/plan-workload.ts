/** What is to be done for one workload in all its clusters, before the rails. Pure. */
import { compareText } from "../../src/kernel/compare.ts";
import type { JsonObject } from "../json/value.ts";
import { type DecideContext, decideUnwanted, decideWanted } from "./decide.ts";
import { isInventory, withInventory } from "./inventory.ts";
import { keyOf, keyText, kindRank, type ObjectKey } from "./object-key.ts";
import type { ObservedCluster, PlannedAction } from "./types.ts";

export interface WorkloadPlanInput extends Omit<DecideContext, "cluster"> {
  /** What is wanted in each cluster it is placed in, marked as ours. Empty everywhere when the workload is being deleted. */
  readonly wanted: ReadonlyMap<string, readonly JsonObject[]>;
  readonly observed: ReadonlyMap<string, ObservedCluster>;
}

/** By cluster; within one, what others need first, then what leaves in the reverse order. */
export function planWorkload({ wanted, observed, ...context }: WorkloadPlanInput): readonly PlannedAction[] {
  const names = [...new Set([...wanted.keys(), ...observed.keys()])].sort(compareText);
  return names.flatMap((cluster) => {
    const seen = observed.get(cluster);
    const all = withInventory(wanted.get(cluster) ?? [], context.workload, seen?.objects);
    return planCluster(all, seen, { ...context, cluster });
  });
}

function planCluster(
  wanted: readonly JsonObject[],
  seen: ObservedCluster | undefined,
  context: DecideContext,
): readonly PlannedAction[] {
  const here = new Set(wanted.map((manifest) => keyText(keyOf(manifest))));
  const applies = wanted.map((manifest): PlannedAction => {
    const key = keyOf(manifest);
    const base = { cluster: context.cluster, key, diffs: [] };
    if (seen === undefined || !seen.reachable)
      return {
        ...base,
        verb: "queued",
        reason: "Unreachable",
        message: "the cluster cannot be reached; done when it is back",
        instead: "update",
        manifest,
      };
    if (seen.missingKinds.has(`${key.group}/${key.kind}`))
      return {
        ...base,
        verb: "blocked",
        reason: "KindNotServed",
        message: `this cluster does not serve ${key.kind} of ${key.group || "the core"}`,
      };
    // Before the caches are filled, what is there cannot be told from what is not.
    if (!seen.synced)
      return {
        ...base,
        verb: "held",
        reason: "NotSynced",
        message: "the cluster's cache is not filled yet",
        instead: "update",
        manifest,
      };
    return decideWanted(manifest, seen.objects.get(keyText(key)), context);
  });
  const leaving = [...(seen?.objects ?? [])].flatMap(([text, live]) =>
    here.has(text) ? [] : (decideUnwanted(live, context) ?? []),
  );
  return [...applies.sort(byNeed), ...leaving.sort((a, b) => byNeed(b, a))];
}

function byNeed(a: PlannedAction, b: PlannedAction): number {
  return rank(a.key) - rank(b.key) || compareText(keyText(a.key), keyText(b.key));
}

/** The inventory right after the Namespace: it is written before what it names, and goes after it. */
function rank(key: ObjectKey): number {
  return isInventory(key) ? 0.5 : kindRank(key.kind);
}
