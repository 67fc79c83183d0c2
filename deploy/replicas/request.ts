/** What the replica planner is asked and what it answers. */
import type { Replicas } from "../api/schema/replicas.ts";

export interface ReplicaRequest {
  readonly replicas: Replicas;
  /** Names of the clusters it is placed in, in any order, each once. */
  readonly clusters: readonly string[];
  /** Replicas each cluster has been given so far; what is not in it has none. Clusters that are left do not count. */
  readonly current: ReadonlyMap<string, number>;
  /**
   * How many replicas of this workload a cluster can hold in all, its own included, as far as it is known. By weight,
   * what is not in it has no limit; by capacity and aggregated, it gets nothing new: no figure is no evidence of room.
   */
  readonly capacity: ReadonlyMap<string, number>;
  /** `namespace/name`: mixes who is first among equals, so that many workloads do not all favour one cluster. */
  readonly key: string;
}

export interface Share {
  readonly cluster: string;
  /** Replicas that fit. */
  readonly replicas: number;
  /**
   * Replicas that fit nowhere, written to this cluster all the same, so that they stay Pending there and show when room
   * comes back. What is written is `replicas + pending`.
   */
  readonly pending: number;
  /** Why it is so many: sentences in the order in which the number came about. */
  readonly why: readonly string[];
}

export interface Division {
  /** Sorted by name, one for each cluster of the request. */
  readonly shares: readonly Share[];
  /** Replicas that fit nowhere: those pending, and those that no cluster may take. 0 when all is well. */
  readonly unplaced: number;
  /** False while further steps towards the ideal are wanted: ask again once this one is done. */
  readonly settled: boolean;
}
