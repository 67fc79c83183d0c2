/** The clusters as the planner sees them: plain data in one order, whatever order they were given in. Pure. */
import { compareText } from "../../src/kernel/compare.ts";
import type { Cluster, Taint } from "../api/schema/cluster.ts";

export interface ClusterView {
  readonly name: string;
  /** Also holds what region, zone and provider say, under Kubernetes' own keys, unless a label says otherwise. */
  readonly labels: ReadonlyMap<string, string>;
  readonly region: string | undefined;
  readonly zone: string | undefined;
  readonly provider: string | undefined;
  /** Cordoned: nothing new is placed. */
  readonly unschedulable: boolean;
  readonly taints: readonly Taint[];
  /** `unknown` when nothing fresh is known. Only `ready` clusters get something new; none is left because of it. */
  readonly health: "ready" | "unready" | "unknown";
}

/** Sorted by name; a name occurs once. Only `sortFleet` makes it. */
export interface Fleet {
  readonly clusters: readonly ClusterView[];
  readonly byName: ReadonlyMap<string, ClusterView>;
}

/** Throws a TypeError when a name occurs twice: which of the two is meant cannot be known. */
export function sortFleet(clusters: readonly ClusterView[]): Fleet {
  const sorted = clusters.toSorted((a, b) => compareText(a.name, b.name));
  const byName = new Map<string, ClusterView>();
  for (const cluster of sorted) {
    if (byName.has(cluster.name)) throw new TypeError(`two clusters are called ${cluster.name}`);
    byName.set(cluster.name, cluster);
  }
  return { clusters: sorted, byName };
}

/** From the declared object, and the health that was observed and is fresh. */
export function viewOf(cluster: Cluster, health: ClusterView["health"]): ClusterView {
  const { region, zone, provider, unschedulable, taints } = cluster.spec;
  const labels = new Map<string, string>();
  if (region !== undefined) labels.set("topology.kubernetes.io/region", region);
  if (zone !== undefined) labels.set("topology.kubernetes.io/zone", zone);
  for (const [key, value] of Object.entries(cluster.metadata.labels ?? {})) labels.set(key, value);
  return { name: cluster.metadata.name, labels, region, zone, provider, unschedulable, taints, health };
}

/** The group of a spread constraint that the cluster is in; undefined when it has none. */
export function topologyOf(cluster: ClusterView, by: string): string | undefined {
  switch (by) {
    case "cluster":
      return cluster.name;
    case "region":
      return cluster.region ?? cluster.labels.get("topology.kubernetes.io/region");
    case "zone":
      return cluster.zone ?? cluster.labels.get("topology.kubernetes.io/zone");
    case "provider":
      return cluster.provider;
    default:
      return cluster.labels.get(by);
  }
}
