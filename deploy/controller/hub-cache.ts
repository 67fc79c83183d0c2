/** What the hub says: all FederatedWorkloads and Clusters, by list and watch. */
import type { Log } from "../../src/kernel/log.ts";
import { type JsonObject, textAt } from "../json/value.ts";
import type { ClusterClient } from "../kube/types.ts";
import { CLUSTER_KIND, WORKLOAD_KIND } from "./kinds.ts";

export interface HubCache {
  /** Both have been listed once. Before that nothing is known to be unwanted, so nothing is done. */
  readonly synced: boolean;
  /** `namespace/name` of every FederatedWorkload. */
  workloads(): readonly string[];
  clusters(): readonly JsonObject[];
}

export interface HubCacheOptions {
  readonly client: ClusterClient;
  readonly log: Log;
  readonly signal: AbortSignal;
  workloadChanged(key: string): void;
  clustersChanged(): void;
}

/** Follows until the signal aborts. The specs of workloads are not kept: each is read when its turn comes. */
export function followHub({ client, log, signal, workloadChanged, clustersChanged }: HubCacheOptions): HubCache {
  const workloads = new Set<string>();
  const clusters = new Map<string, JsonObject>();
  const listed = { workloads: false, clusters: false };
  const ended = (error: unknown) => {
    // The abort ends it; anything else is a fault of ours, and must not pass for an empty hub.
    if (!signal.aborted) throw error;
  };

  const followWorkloads = async () => {
    // Its own status writes come back as changes: a turn that finds nothing to do writes nothing, so that ends by itself.
    const keep = (object: JsonObject) => textAt(object, "metadata", "resourceVersion") ?? "";
    for await (const delta of client.watch(WORKLOAD_KIND, { keep, metadataOnly: true }, signal)) {
      if (delta.type === "failed") log.warn({ err: delta.error }, "the hub's FederatedWorkloads cannot be read");
      if (delta.type === "listed") listed.workloads = true;
      if (!("changes" in delta)) continue;
      for (const [key, version] of delta.changes) {
        if (version === undefined) workloads.delete(key);
        else workloads.add(key);
        workloadChanged(key);
      }
    }
  };
  const followClusters = async () => {
    for await (const delta of client.watch(CLUSTER_KIND, { keep: (object) => object }, signal)) {
      if (delta.type === "failed") log.warn({ err: delta.error }, "the hub's Clusters cannot be read");
      if (delta.type === "listed") listed.clusters = true;
      if (!("changes" in delta)) continue;
      for (const [key, cluster] of delta.changes) {
        if (cluster === undefined) clusters.delete(key);
        else clusters.set(key, cluster);
      }
      clustersChanged();
    }
  };
  followWorkloads().catch(ended);
  followClusters().catch(ended);
  return {
    get synced() {
      return listed.workloads && listed.clusters;
    },
    workloads: () => [...workloads],
    clusters: () => [...clusters.values()],
  };
}
