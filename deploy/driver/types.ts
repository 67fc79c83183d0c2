/** What the driver keeps, and whom it asks. The state is plain data; times in ms since the epoch. */
import type { CustomKind } from "../api/schema/interpret.ts";
import type { ActionOutcome, Observation } from "../engine/types.ts";
import type { DrainOrder, DrainState } from "../gates/drains.ts";
import type { PodObjects } from "../gates/pods.ts";
import type { Reading } from "../gates/reading.ts";
import type { JsonObject } from "../json/value.ts";
import type { ObjectKey } from "../plan/object-key.ts";
import type { PlannedAction } from "../plan/types.ts";
import type { RolloutPlan, RolloutState } from "../rollout/types.ts";

/** Pods that leave one cluster by our doing: first the traffic, then they, then a look at the registry. */
export interface Removal {
  readonly cluster: string;
  /** `scale`: fewer replicas; `remove`: all of them. */
  readonly kind: "scale" | "remove";
  /** Replicas that stay. */
  readonly to: number;
  /** Names of the Pods that leave, and their addresses. */
  readonly pods: readonly string[];
  readonly addresses: readonly string[];
  /** What the bridges' catalog calls the cluster that these addresses are in. */
  readonly catalogClusters: readonly string[];
  readonly phase: "Draining" | "Removing" | "Checking";
  /** Since when every client has acknowledged that it gets no new traffic; null: not all have. */
  readonly drainedAt: number | null;
  readonly message: string;
}

/** All that a new driver needs to go on. Kept before anything it says is done. */
export interface DriverState {
  readonly rollout: RolloutState;
  /** Sorted by cluster, one each at most. */
  readonly removals: readonly Removal[];
}

export interface DriverWorkload {
  /** `namespace/name` of the FederatedWorkload. */
  readonly key: string;
  /** The object whose Pods are the service's instances; undefined: there is none. */
  readonly main: ObjectKey | undefined;
  readonly rollout: RolloutPlan;
  /** How its custom kinds are read; left out: none. */
  readonly kinds?: readonly CustomKind[];
  /** `namespace/name` in the bridges' catalog; undefined: the registry is not asked and nothing is drained. */
  readonly service: string | undefined;
  /** From the last acknowledgement until the Pods go: requests in flight end in it. */
  readonly drainMs: number;
  /** Removes even where clients would have nothing else. */
  readonly allowLast: boolean;
}

/** What the cluster shows of the main object; undefined where it could not be read. */
export interface LiveWorkload extends PodObjects {
  /** Undefined: it is not there. */
  readonly object: JsonObject | undefined;
  readonly observedAt: number;
}

/** Everything outside. Nothing rejects but by the signal, and `save`. */
export interface DriverPorts {
  readonly now: () => number;
  observe(signal: AbortSignal): Promise<Observation>;
  /** What is to be done so that each cluster has its revision (null: none was told to it yet), after the rails. */
  plan(revisions: ReadonlyMap<string, string | null>, observation: Observation): readonly PlannedAction[];
  live(cluster: string, signal: AbortSignal): Promise<LiveWorkload | undefined>;
  /** One for each bridge. */
  readings(signal: AbortSignal): Promise<readonly Reading[]>;
  drain(order: DrainOrder, signal: AbortSignal): Promise<DrainState>;
  undrain(order: Pick<DrainOrder, "service" | "cluster" | "owner">, signal: AbortSignal): Promise<boolean>;
  /** Has these Pods taken first when replicas are taken away. False: it could not be said. */
  markForRemoval(cluster: string, pods: readonly string[], signal: AbortSignal): Promise<boolean>;
  apply(actions: readonly PlannedAction[], signal: AbortSignal): Promise<readonly ActionOutcome[]>;
  /** Resolves when it is kept. Rejects when it is not, or when another driver has taken over: then nothing is done. */
  save(state: DriverState, signal: AbortSignal): Promise<void>;
}

export interface PassResult {
  readonly state: DriverState;
  readonly outcomes: readonly ActionOutcome[];
  /** Actions that wait for traffic to be taken away, or for proof. */
  readonly waiting: readonly PlannedAction[];
  /** Sentences: what is not known, and why. */
  readonly unknown: readonly string[];
  /** When to look again even if nothing happens; undefined: only a change matters. */
  readonly nextAt: number | undefined;
}
