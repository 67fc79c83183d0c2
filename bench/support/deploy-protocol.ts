/** Between the deploy benchmark and its processes. */

/** To the simulated fleet. */
export type FleetOrder =
  /** So many API servers, each of them with so many Deployments of a workload `bench/tracked` in it. */
  | { readonly type: "start"; readonly servers: number; readonly objects: number }
  /** Writes so far. */
  | { readonly type: "writes" };

export type FleetReply = { readonly urls: readonly string[] } | { readonly writes: number };

/** To the process that tracks objects. */
export interface TrackOrder {
  readonly urls: readonly string[];
  readonly objects: number;
  /** Whether the workload wants objects of the kind: then they are kept whole. */
  readonly whole: boolean;
}

export interface TrackReply {
  readonly seconds: number;
  readonly tracked: number;
  readonly rssMiB: number;
  readonly heapMiB: number;
}
