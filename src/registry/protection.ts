/**
 * Removal protection, pure: what stays of a group when its source names fewer instances, or none.
 *
 * Only authoritative evidence removes. What suspect evidence would remove is *held*: it stays, marked, and is served as
 * DEGRADED, so that it takes traffic only as far as the rest does not suffice. A hold ends when the instance is named
 * again, or when authoritative answers have stood for `holdFor`.
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

/** The group without its held instances: what is left when their holds end. Undefined when that is nothing. */
export function releaseGroup(group: Group, declared: boolean): Group | undefined {
  const instances = group.instances.filter(({ hold }) => hold === undefined);
  if (!declared && instances.length === 0) return undefined;
  return instances.length === group.instances.length ? group : { ...group, instances };
}

/** An instance that is held already outlives authoritative evidence too: the hold's own end decides. */
function holdOf(instance: Instance, evidence: Evidence, now: number): readonly Instance[] {
  if (instance.hold !== undefined) return [instance];
  return evidence.kind === "suspect" ? [{ ...instance, hold: { reason: evidence.reason, since: now } }] : [];
}
