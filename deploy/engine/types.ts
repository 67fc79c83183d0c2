/** Between the pure core and the clusters: what is seen, and what became of a plan. */
import type { MeshbridgeError } from "../../src/kernel/errors.ts";
import type { CustomKind } from "../api/schema/interpret.ts";
import type { JsonObject } from "../json/value.ts";
import type { FieldConflict } from "../kube/types.ts";
import type { ObjectKey } from "../plan/object-key.ts";
import type { ObservedCluster, PlannedAction } from "../plan/types.ts";
import type { ReplicaDemand } from "../replicas/capacity.ts";
import type { ClusterFacts } from "../rollout/types.ts";

export interface ObserveRequest {
  /** `namespace/name` of the FederatedWorkload. */
  readonly workload: string;
  /** What its template makes: looked up everywhere, whoever it belongs to. */
  readonly keys: readonly ObjectKey[];
  /** The one whose replicas and health count as the workload's; undefined: there is none. */
  readonly main: ObjectKey | undefined;
  /** How its custom kinds are read; left out: none. One list for as long as it says the same. */
  readonly kinds?: readonly CustomKind[];
  /** Set: room is measured for replicas that ask for so much. Needs rights to list nodes and Pods. */
  readonly demand: ReplicaDemand | undefined;
}

/** A moment's view of all clusters. Each cluster by itself: one that does not answer is in it as unreachable. */
export interface Observation {
  /** Every cluster of the engine. `objects`: this workload's own, and what stands under `keys`. */
  readonly clusters: ReadonlyMap<string, ObservedCluster>;
  /** `reachable` and `workload` of each; registry and proxies are for others to add. Times are of the answers. */
  readonly facts: ReadonlyMap<string, ClusterFacts>;
  /** Replicas that the main object has been given, where it is ours. */
  readonly replicas: ReadonlyMap<string, number>;
  /** Replicas of this workload that the cluster holds in all; empty unless asked for. */
  readonly capacity: ReadonlyMap<string, number>;
  /** Objects of all workloads of ours, in all clusters that answered: what shares of deletes are counted from. */
  readonly ownedObjects: number;
  /** What could not be read, and why; the clusters concerned are unreachable or not synced. */
  readonly problems: readonly ClusterProblem[];
  /** ms since the epoch, when it began. */
  readonly observedAt: number;
}

export interface ClusterProblem {
  readonly cluster: string;
  readonly error: MeshbridgeError;
}

export interface ApplyOptions {
  /** `namespace/name`: says under which field manager is written. */
  readonly workload: string;
  /** Everything is checked by the API servers and nothing is kept. */
  readonly dryRun?: boolean;
}

export type OutcomeResult =
  /** The API server has accepted it. */
  | "done"
  /** There was nothing to do: none, or already gone. */
  | "unchanged"
  /** Others own fields, or the object is another than the one that was seen. */
  | "conflict"
  /** The API server said no. */
  | "refused"
  /** No answer: it may have been done; the next pass sees. */
  | "unreachable"
  /** The plan itself does not do it: blocked, held or queued. */
  | "waiting";

export interface ActionOutcome {
  readonly action: PlannedAction;
  readonly result: OutcomeResult;
  /** One sentence. */
  readonly message: string;
  readonly conflicts: readonly FieldConflict[];
  /** The object afterwards, as the API server answered. */
  readonly object?: JsonObject;
}

export interface Engine {
  /** Every cluster is asked at once, each within its deadline. Rejects with the signal's reason alone. */
  observe(request: ObserveRequest, signal: AbortSignal): Promise<Observation>;
  /**
   * Clusters side by side; within one in the plan's order, and nothing more after it has stopped answering. Only what the
   * actions say: no delete without the uid that was seen. One outcome for each action, in their order.
   */
  apply(actions: readonly PlannedAction[], options: ApplyOptions, signal: AbortSignal): Promise<readonly ActionOutcome[]>;
}
