/** Chooses regions, zones or other groups of clusters, so that a workload is spread over neither too few nor too many. Pure. */
import { compareText } from "../../src/kernel/compare.ts";
import type { Spread } from "../api/schema/placement.ts";
import { type ClusterView, topologyOf } from "./fleet.ts";

export interface SpreadInput {
  /** Clusters that everything else allows. */
  readonly eligible: readonly ClusterView[];
  /** Clusters it runs in now. */
  readonly current: ReadonlySet<string>;
  /** How many replicas each cluster can hold; a cluster that is not in it counts as one with room unknown. */
  readonly capacity: ReadonlyMap<string, number>;
}

export interface SpreadResult {
  /** False: there are fewer groups than `minGroups`; nothing new may be placed. */
  readonly satisfied: boolean;
  readonly groups: readonly string[];
  /** Why a cluster is left out. */
  readonly rejected: ReadonlyMap<string, string>;
}

interface Group {
  readonly name: string;
  readonly clusters: string[];
  used: number;
  room: number;
}

/** Groups in use come first, so that nothing moves without need; then those with more room, then more clusters, then by name. */
export function chooseGroups(spread: Spread, { eligible, current, capacity }: SpreadInput): SpreadResult {
  const groups = new Map<string, Group>();
  const rejected = new Map<string, string>();
  for (const cluster of eligible) {
    const name = topologyOf(cluster, spread.by);
    if (name === undefined) {
      rejected.set(cluster.name, `has no ${spread.by} to spread by`);
      continue;
    }
    const group = groups.get(name) ?? { name, clusters: [], used: 0, room: 0 };
    groups.set(name, group);
    group.clusters.push(cluster.name);
    if (current.has(cluster.name)) group.used++;
    group.room += capacity.get(cluster.name) ?? 0;
  }
  const order = [...groups.values()].sort(
    (a, b) => b.used - a.used || b.room - a.room || b.clusters.length - a.clusters.length || compareText(a.name, b.name),
  );
  const taken = order.slice(0, spread.maxGroups ?? order.length);
  for (const group of order.slice(taken.length))
    for (const cluster of group.clusters)
      rejected.set(cluster, `${spread.by} ${group.name} is beyond the ${spread.maxGroups} that may be used`);
  return { satisfied: taken.length >= spread.minGroups, groups: taken.map(({ name }) => name), rejected };
}
