/**
 * Drain before removal, as a state machine: traffic away, acknowledged, in flight done, Pods gone, registry clean. What is
 * not known holds it where it is. Pure.
 */
import type { CustomKind } from "../api/schema/interpret.ts";
import type { DrainState } from "../gates/drains.ts";
import { addressesOf, isLeaving, victims } from "../gates/pods.ts";
import { replicasAt } from "../interpret/scale.ts";
import { type JsonObject, listAt, textAt, valueAt } from "../json/value.ts";
import { keyText, type ObjectKey } from "../plan/object-key.ts";
import type { PlannedAction } from "../plan/types.ts";
import type { LiveWorkload, Removal } from "./types.ts";

interface Sight {
  readonly main: ObjectKey | undefined;
  readonly live: JsonObject | undefined;
  /** Say where replicas of custom kinds stand. */
  readonly kinds: readonly CustomKind[];
}

/** What an action takes away from its cluster; undefined: no Pods leave by it. */
export function takesAway(action: PlannedAction, { main, live, kinds }: Sight) {
  if (main === undefined || keyText(action.key) !== keyText(main)) return undefined;
  if (action.verb === "delete") return { kind: "remove", to: 0 } as const;
  if (action.verb !== "update" || live === undefined) return undefined;
  const [from, to] = [replicasAt(live, kinds) ?? 1, replicasAt(action.manifest, kinds)];
  return to !== undefined && to < from ? ({ kind: "scale", to } as const) : undefined;
}

/** A removal that has just been decided on: who leaves is written down, so that it stays the same Pods over a restart. */
export function beginRemoval(cluster: string, { kind, to }: Pick<Removal, "kind" | "to">, live: LiveWorkload): Removal {
  const own = ownPods(live);
  const leaving = kind === "remove" || live.object === undefined ? own : victims(live.object, own, own.length - to);
  return {
    cluster,
    kind,
    to,
    pods: leaving.map((pod) => textAt(pod, "metadata", "name") ?? "").toSorted(),
    addresses: [...new Set(leaving.flatMap(addressesOf))].toSorted(),
    catalogClusters: [],
    phase: "Draining",
    drainedAt: null,
    message: "traffic is taken away",
  };
}

/**
 * Whether those written down are still those who would leave. Pods come and go by themselves, and one that was not drained
 * must not be the one that is taken.
 */
export function stillCovers({ kind, to, pods }: Removal, live: LiveWorkload): boolean {
  const own = ownPods(live).filter((pod) => !isLeaving(pod));
  const named = own.filter((pod) => pods.includes(textAt(pod, "metadata", "name") ?? ""));
  return named.length >= (kind === "remove" ? own.length : own.length - to);
}

export interface RemovalFacts {
  readonly drain: DrainState;
  /** Undefined: the cluster could not be read. */
  readonly live: LiveWorkload | undefined;
  readonly kinds: readonly CustomKind[];
  /** Instances at its addresses that are still registered; undefined: not known. */
  readonly registered: number | undefined;
  readonly now: number;
  readonly drainMs: number;
}

/** The next state; undefined: it is done, and the drain may end. */
export function stepRemoval(removal: Removal, facts: RemovalFacts): Removal | undefined {
  switch (removal.phase) {
    case "Draining":
      return draining(removal, facts);
    case "Removing":
      return isGone(removal, facts)
        ? { ...removal, phase: "Checking", message: "the Pods are gone; the registry is looked at" }
        : removal;
    case "Checking": {
      if (facts.registered === 0) return undefined;
      const message =
        facts.registered === undefined
          ? "whether they are still registered is not known"
          : `${facts.registered} of them are still registered`;
      return { ...removal, message };
    }
  }
}

function draining(removal: Removal, { drain, now, drainMs }: RemovalFacts): Removal {
  if (drain.state !== "drained") return { ...removal, drainedAt: null, message: `${WORD[drain.state]}: ${drain.message}` };
  const drainedAt = removal.drainedAt ?? now;
  if (now - drainedAt >= drainMs)
    return { ...removal, drainedAt, phase: "Removing", message: "no client sends new requests; the Pods may go" };
  return {
    ...removal,
    drainedAt,
    message: `drained for ${Math.floor((now - drainedAt) / 1000)} s of ${Math.ceil(drainMs / 1000)} s`,
  };
}

const WORD = { waiting: "traffic is taken away", refused: "refused", unknown: "Unknown" } as const;

/** Their names are gone from the cluster, and it has no more replicas than it should. */
function isGone({ pods, to }: Removal, { live, kinds }: RemovalFacts): boolean {
  if (live === undefined) return false;
  const there = new Set(live.pods.map((pod) => textAt(pod, "metadata", "name")));
  return replicasOf(live, kinds) <= to && !pods.some((name) => there.has(name));
}

/** That it is told to have. */
export function replicasOf({ object }: LiveWorkload, kinds: readonly CustomKind[]): number {
  return object === undefined ? 0 : (replicasAt(object, kinds) ?? 1);
}

/** Those that the object's own ReplicaSets, or the object itself, control. */
function ownPods({ object, pods, replicaSets }: LiveWorkload): readonly JsonObject[] {
  const uid = textAt(object, "metadata", "uid");
  if (uid === undefined) return [];
  const owners = new Set([
    uid,
    ...replicaSets.filter((one) => controllerOf(one) === uid).map((one) => textAt(one, "metadata", "uid")),
  ]);
  return pods.filter((pod) => owners.has(controllerOf(pod) ?? ""));
}

function controllerOf(object: JsonObject): string | undefined {
  const owner = listAt(object, "metadata", "ownerReferences").find((one) => valueAt(one, ["controller"]) === true);
  return textAt(owner, "uid");
}
