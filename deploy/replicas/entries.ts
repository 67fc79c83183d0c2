/** Preferences and capacity of each cluster as bounds for the division. Pure. */
import { compareText } from "../../src/kernel/compare.ts";
import type { Preference, Replicas } from "../api/schema/replicas.ts";
import type { ReplicaRequest } from "./request.ts";

/** No estimate counts as more than this: products of weights and seats must stay exact. */
const MAX_CAPACITY = 10_000_000;

export interface Entry {
  readonly cluster: string;
  readonly rank: number;
  /** The preference's weight. */
  readonly weight: number;
  /** Seats that are granted before any other. Already within `upper`, and within the total. */
  lower: number;
  /** By preference alone. */
  readonly max: number;
  /** Undefined when nothing is known. */
  readonly capacity: number | undefined;
  /** `max` and capacity together, as the mode has it. */
  readonly upper: number;
  readonly current: number;
  readonly why: string[];
}

/** Sorted by rank: by name, or mixed by the request's key. Lower bounds are granted from the total, larger weights first. */
export function entriesOf(request: ReplicaRequest): readonly Entry[] {
  const { replicas, clusters, key } = request;
  const order = clusters
    .map((cluster) => ({ cluster, hash: key === "" ? 0 : fnv1a(`${cluster}\n${key}`) }))
    .sort((a, b) => a.hash - b.hash || compareText(a.cluster, b.cluster));
  const entries = order.map(({ cluster }, rank) => entryOf(cluster, rank, request));
  grantLower(entries, replicas.total);
  return entries;
}

function entryOf(cluster: string, rank: number, { replicas, current, capacity }: ReplicaRequest): Entry {
  const why: string[] = [];
  const preference = preferenceOf(replicas, cluster);
  if (preference === undefined) why.push("no preference names it and there is none for `*`: it gets none");
  const { weight = 1, min = 0, max = Number.POSITIVE_INFINITY } = preference ?? { weight: 0, max: 0 };
  const known = capacity.get(cluster);
  const room = known === undefined ? undefined : Math.max(0, Math.min(MAX_CAPACITY, Math.floor(known)));
  const has = current.get(cluster) ?? 0;
  // Room that nobody has vouched for is not given away; what runs is left.
  const unvouched = replicas.by === "weight" ? Number.POSITIVE_INFINITY : has;
  const upper = Math.min(max, room ?? unvouched);
  if (room === undefined && replicas.by !== "weight") why.push("its capacity is not known: it gets nothing new");
  const lower = Math.min(min, upper);
  if (lower < min && preference !== undefined) why.push(`min ${min} does not fit: ${limitText({ max, capacity: room, upper })}`);
  return { cluster, rank, weight, lower, max, capacity: room, upper, current: has, why };
}

/** `*` is for clusters without one of their own; no preferences at all are weight 1 for everybody. */
function preferenceOf({ preferences }: Replicas, cluster: string): Preference | undefined {
  if (cluster !== "*" && Object.hasOwn(preferences, cluster)) return preferences[cluster];
  if (Object.hasOwn(preferences, "*")) return preferences["*"];
  return Object.keys(preferences).length === 0 ? {} : undefined;
}

/** The larger weight first, as far as the total goes. */
function grantLower(entries: readonly Entry[], total: number): void {
  let left = total;
  for (const entry of entries.toSorted((a, b) => b.weight - a.weight || a.rank - b.rank)) {
    const granted = Math.min(entry.lower, left);
    if (entry.lower > 0)
      entry.why.push(granted < entry.lower ? `min ${entry.lower}, but only ${granted} of ${total} are left` : `min ${granted}`);
    entry.lower = granted;
    left -= granted;
  }
}

/** `max 8` or `capacity 9`: what holds the upper bound. */
export function limitText({ max, capacity, upper }: Pick<Entry, "max" | "capacity" | "upper">): string {
  if (upper === max) return `max ${max}`;
  return capacity === undefined ? `what it has, ${upper}` : `capacity ${capacity}`;
}

/** 32-bit FNV-1a of the text's code units. */
function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) {
    hash ^= text.charCodeAt(index);
    hash = Math.imul(hash, 0x01000193);
  }
  return hash >>> 0;
}
