/**
 * Removal protection, pure: what stays of a group when its source names fewer instances, or none.
 *
 * Only authoritative evidence removes. What suspect evidence would remove is *held*: it stays, marked, and is served as
 * DEGRADED, so that it takes traffic only as far as the rest does not suffice. So is what leaves in too great a number at
 * once (drop-guard.ts). A hold ends when the instance is named again, when authoritative answers have stood for `holdFor`
 * (holds.ts), or when the operator says so.
 */
import type { Evidence } from "../model/evidence.ts";
import type { Group } from "../model/group.ts";
import type { Instance } from "../model/instance.ts";

/** What a source says now; `instances` empty and `declared` false: it no longer knows the service. */
export interface Statement {
  readonly group: Group;
  readonly declared: boolean;
  readonly evidence: Evidence;
}

/**
 * The group after the statement, or undefined when nothing of it is left.
 * `now` is wall-clock ms since the epoch: the time a new hold is marked with.
 */
export function protectGroup(
  previous: Group | undefined,
  { group, declared, evidence }: Statement,
  now: number,
): Group | undefined {
  const named = new Set(group.instances.map(({ id }) => id));
  const missing = previous?.instances.filter(({ id }) => !named.has(id)) ?? [];
  const held = missing.flatMap((instance) => holdOf(instance, evidence, now));
  if (!declared && held.length === 0 && evidence.kind === "authoritative") return undefined;
  if (!declared && previous !== undefined) return { ...previous, instances: held };
  return declared ? { ...group, instances: held.length === 0 ? group.instances : [...group.instances, ...held] } : undefined;
}

/** The group without those held instances whose hold is over. Undefined when that is nothing. */
export function releaseGroup(group: Group, declared: boolean, over: ReadonlySet<string>): Group | undefined {
  const instances = group.instances.filter(({ id, hold }) => hold === undefined || !over.has(id));
  return !declared && instances.length === 0 ? undefined : { ...group, instances };
}

/** The group with instances that left a moment ago and are held after all, since too much left together with them. */
export function bringBack(group: Group, left: readonly Instance[], now: number): Group {
  const present = new Set(group.instances.map(({ id }) => id));
  const hold = { reason: "mass-drop", since: now } as const;
  const missing = left.filter(({ id }) => !present.has(id)).map((instance) => ({ ...instance, hold }));
  return missing.length === 0 ? group : { ...group, instances: [...group.instances, ...missing] };
}

/** An instance that is held already outlives authoritative evidence too: the hold's own end decides. */
function holdOf(instance: Instance, evidence: Evidence, now: number): readonly Instance[] {
  if (instance.hold !== undefined) return [instance];
  return evidence.kind === "suspect" ? [{ ...instance, hold: { reason: evidence.reason, since: now } }] : [];
}
