/** Clusters for tests. */
import { type ClusterView, type Fleet, sortFleet } from "./fleet.ts";

export function cluster(
  name: string,
  parts: Partial<Omit<ClusterView, "labels">> & { labels?: Record<string, string> } = {},
): ClusterView {
  const { labels = {}, ...others } = parts;
  return {
    name,
    region: undefined,
    zone: undefined,
    provider: undefined,
    unschedulable: false,
    taints: [],
    health: "ready",
    ...others,
    labels: new Map(Object.entries(labels)),
  };
}

export function fleetOf(...clusters: readonly ClusterView[]): Fleet {
  return sortFleet(clusters);
}
