/**
 * How groups are kept: instances in one form, sorted by id, and what is equal in many of them there once. What a registry
 * sends has its own labels, ports and locality for every instance, though most of them say the same. Pure.
 *
 * Nothing is shared beyond a group and its former state, so that no table of what was seen outlives what is kept.
 */
import { compareText } from "../kernel/compare.ts";
import type { Group } from "./group.ts";
import type { Instance, SourcedInstance } from "./instance.ts";
import { isSameLocality, UNKNOWN_LOCALITY } from "./locality.ts";
import { sourceName } from "./source.ts";

export interface CompactGroup extends Group {
  /** Sorted by id; each has the very source of the group. */
  readonly instances: readonly SourcedInstance[];
}

const NO_LABELS: Readonly<Record<string, string>> = Object.freeze({});
/** So many different values are compared with: a group whose every instance has labels of its own costs no more. */
const MAX_SHARED = 4;

/**
 * Equal content, in little room; a compact group is returned as it is. `before` is the same source's former state: an
 * instance that has not changed since is the very object that it was.
 */
export function compact(group: Group, before?: CompactGroup): CompactGroup {
  if (isCompact(group)) return group;
  const source = before !== undefined && sourceName(before.source) === sourceName(group.source) ? before.source : group.source;
  const former = before?.source === source ? before.instances : [];
  const share = {
    ports: sharing<Instance["ports"]>(isSameRecord),
    labels: sharing(isSameRecord, NO_LABELS),
    locality: sharing(isSameLocality, UNKNOWN_LOCALITY),
  };
  let [cluster, network] = ["", ""];
  let at = 0;
  const instances = [...group.instances].sort(byId).map((one): SourcedInstance => {
    while (former[at] !== undefined && former[at]?.id !== one.id && byId(former[at] ?? one, one) < 0) at++;
    const known = former[at];
    if (known !== undefined && isUnchanged(known, one)) return known;
    // Texts that are equal are one text from here on.
    if (cluster !== one.cluster) cluster = one.cluster;
    if (network !== one.network) network = one.network;
    const { id, address, health, weight, hold, stale } = one;
    const ports = share.ports(one.ports);
    const labels = share.labels(one.labels);
    const locality = share.locality(one.locality);
    // One literal and no spread: every instance has the same shape, and no room beside its fields.
    const made: SourcedInstance = { id, address, ports, locality, cluster, network, health, weight, labels, source };
    return hold === undefined && stale === undefined ? made : { ...made, ...(hold && { hold }), ...(stale && { stale }) };
  });
  return { ...group, source, labels: isSameRecord(group.labels, NO_LABELS) ? NO_LABELS : group.labels, instances };
}

function isCompact(group: Group): group is CompactGroup {
  const { source, instances } = group;
  return instances.every((one, index) => "source" in one && one.source === source && (instances[index - 1]?.id ?? "") <= one.id);
}

function byId(a: Instance, b: Instance): number {
  return compareText(a.id, b.id);
}

/** What is held or stale changes with time: it is never taken for the same. */
function isUnchanged(known: SourcedInstance, now: Instance): boolean {
  return (
    known.id === now.id &&
    known.address === now.address &&
    known.health === now.health &&
    known.weight === now.weight &&
    known.cluster === now.cluster &&
    known.network === now.network &&
    (known.hold ?? known.stale ?? now.hold ?? now.stale) === undefined &&
    isSameLocality(known.locality, now.locality) &&
    isSameRecord(known.ports, now.ports) &&
    isSameRecord(known.labels, now.labels)
  );
}

/** Gives an equal value that it was given before, if it remembers one. */
function sharing<T>(isSame: (a: T, b: T) => boolean, ...seen: T[]): (value: T) => T {
  return (value) => {
    for (const one of seen) if (isSame(one, value)) return one;
    if (seen.length < MAX_SHARED) seen.push(value);
    return value;
  };
}

function isSameRecord<T extends string | number>(a: Readonly<Record<string, T>>, b: Readonly<Record<string, T>>): boolean {
  if (a === b) return true;
  let fields = 0;
  for (const name in a) {
    if (a[name] !== b[name]) return false;
    fields++;
  }
  for (const _ in b) fields--;
  return fields === 0;
}
