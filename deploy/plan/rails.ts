/**
 * What keeps deletes from happening without proof: unfilled caches, clusters that cannot be reached, too many at once,
 * the last healthy copy. A rail never turns anything into a delete. Pure.
 */
import { createHash } from "node:crypto";
import { canonicalText, type Json } from "../json/value.ts";
import { keyText, type ObjectKey } from "./object-key.ts";
import type { ObservedCluster, Plan, PlannedAction } from "./types.ts";

export interface RailInput {
  readonly observed: ReadonlyMap<string, ObservedCluster>;
  /** Whether everything that says what is wanted has been read: workloads, clusters, templates. */
  readonly wantedSynced: boolean;
  /** Objects of ours in all clusters, for the share. */
  readonly ownedObjects: number;
  readonly maxDeletes: number;
  /** 1 to 100. */
  readonly maxDeletePercent: number;
  /** The hash that somebody said to let these very deletes go. */
  readonly approvedDeletes: string | undefined;
  readonly allowLastCopy: boolean;
  /**
   * `cluster` and `keyText` to the health of a workload's copy, from fresh facts; what is not in it is Unknown. Objects
   * that are no workloads have none and are not guarded: say so by `isWorkload`.
   */
  readonly health: (cluster: string, key: ObjectKey) => "Healthy" | "Progressing" | "Degraded" | "Unknown";
  readonly isWorkload: (key: ObjectKey) => boolean;
}

/** The plan of one pass over everything: all workloads together, so that many small deletes count as many. */
export function railPlan(actions: readonly PlannedAction[], input: RailInput): Plan {
  const proven = actions.map((action) => guardEvidence(action, input));
  const safe = guardNeeded(guardLastCopies(proven, input));
  const deletes = safe.filter(({ verb }) => verb === "delete");
  const asked = askAbout(deletes, input);
  const held = asked === undefined ? safe : safe.map((action) => hold(action, "TooManyDeletes", asked.message));
  return { actions: held, hash: planHash(held), ask: asked };
}

function guardEvidence(action: PlannedAction, { observed, wantedSynced }: RailInput): PlannedAction {
  if (action.verb !== "delete" && action.verb !== "release") return action;
  const { verb } = action;
  const seen = observed.get(action.cluster);
  if (seen === undefined || !seen.reachable)
    return {
      ...action,
      verb: "queued",
      reason: "Unreachable",
      instead: verb,
      message: "the cluster cannot be reached; done when it is back",
    };
  if (!wantedSynced) return hold(action, "NotSynced", "what is wanted has not been read completely");
  // A cluster that cannot be reached must not hold up the others; one that is still being read may.
  const unread = [...observed].find(([, cluster]) => cluster.reachable && !cluster.synced);
  return unread === undefined ? action : hold(action, "NotSynced", `the cache of ${unread[0]} is not filled yet`);
}

function hold(action: PlannedAction, reason: PlannedAction["reason"], message: string): PlannedAction {
  const { verb } = action;
  // Left behind on purpose takes nothing from anybody; everything else goes together or stays together.
  const leaves = verb === "delete" || (verb === "release" && (reason === "NotSynced" || action.reason === "UsedByOthers"));
  return leaves ? { ...action, verb: "held", reason, message, instead: verb as "delete" | "release" } : action;
}

/**
 * A copy is not deleted when no healthy one stays elsewhere; one known to be Degraded may go as soon as any is meant to stay. One
 * in the middle of a change still serves: an empty list of targets met during a roll-out must not take it.
 */
function guardLastCopies(actions: readonly PlannedAction[], input: RailInput): readonly PlannedAction[] {
  if (input.allowLastCopy) return actions;
  const leaving = new Map<string, Set<string>>();
  const meant = new Set(actions.filter(({ verb }) => verb !== "delete").map(({ key }) => keyText(key)));
  for (const { verb, key, cluster } of actions)
    if (verb === "delete") leaving.set(keyText(key), (leaving.get(keyText(key)) ?? new Set()).add(cluster));
  return actions.map((action) => {
    const { verb, key, cluster } = action;
    if (verb !== "delete" || !input.isWorkload(key)) return action;
    const gone = leaving.get(keyText(key));
    if (input.health(cluster, key) === "Degraded" && meant.has(keyText(key))) return action;
    const stays = [...input.observed.keys()].some((name) => gone?.has(name) !== true && input.health(name, key) === "Healthy");
    return stays
      ? action
      : hold(action, "LastHealthyCopy", "no healthy copy is known elsewhere; allow the last copy to go if that is meant");
  });
}

/** What stays keeps what it needs: a copy without its ConfigMap, Service or namespace would be no copy. */
function guardNeeded(actions: readonly PlannedAction[]): readonly PlannedAction[] {
  const staying = new Map(
    actions.filter(({ reason }) => reason === "LastHealthyCopy").map(({ cluster, key }) => [cluster, `${key.kind} ${key.name}`]),
  );
  return actions.map((action) => {
    const stays = staying.get(action.cluster);
    return stays === undefined ? action : hold(action, "LastHealthyCopy", `it stays as long as ${stays} does`);
  });
}

function askAbout(deletes: readonly PlannedAction[], input: RailInput): Plan["ask"] {
  const percent = input.ownedObjects === 0 ? 100 : (deletes.length * 100) / input.ownedObjects;
  const tooMany = deletes.length > input.maxDeletes;
  if (deletes.length === 0 || !(tooMany || percent > input.maxDeletePercent)) return undefined;
  const hash = planHash(deletes);
  if (hash === input.approvedDeletes) return undefined;
  const limit = tooMany ? `more than ${input.maxDeletes}` : `more than ${input.maxDeletePercent} %`;
  return {
    hash,
    message: `${deletes.length} of ${input.ownedObjects} objects would be deleted in one pass, ${limit}; say ${hash} to allow it`,
  };
}

/**
 * 16 hexadecimal digits. Equal for equal actions on objects in the state that was seen; messages and what is not to be
 * done do not count.
 */
export function planHash(actions: readonly PlannedAction[]): string {
  const done = actions.filter(({ verb }) => verb !== "none" && verb !== "blocked");
  const lines = done.map(({ cluster, key, verb, diffs, manifest, uid, force, instead }) =>
    canonicalText([
      cluster,
      keyText(key),
      instead ?? verb,
      diffs as unknown as Json,
      manifest ?? null,
      uid ?? null,
      force ?? false,
    ]),
  );
  return createHash("sha256").update(lines.toSorted().join("\n")).digest("hex").slice(0, 16);
}
