/** What a rollout is asked to do, what it knows, and what it says. All plain data; times in ms since the epoch. */
import type { WorkloadHealth } from "../interpret/workload-state.ts";

export interface RolloutStage {
  readonly name: string;
  /** Clusters it is placed in, in the order in which they are changed. */
  readonly clusters: readonly string[];
  /** At least 1. */
  readonly maxConcurrency: number;
  readonly soakMs: number;
  readonly approval: boolean;
}

export interface GateRule {
  readonly workload: "ready" | "applied";
  /** Share of the new instances that must be registered and passing, 1 to 100; undefined when the registry is not asked. */
  readonly registryPercent: number | undefined;
  readonly proxiesAcked: boolean;
  readonly freshForMs: number;
}

export interface RolloutPlan {
  readonly stages: readonly RolloutStage[];
  readonly gate: GateRule;
  readonly deadlineMs: number;
  readonly maxFailures: number;
  readonly onFailure: "pause" | "rollback";
}

interface Observed {
  /** When the source said so. */
  readonly observedAt: number;
}

/** What is known of one cluster. What is not there is Unknown. */
export interface ClusterFacts {
  readonly reachable?: Observed & { readonly value: boolean };
  readonly workload?: Observed & {
    /** The revision that the object carries. */
    readonly revision: string;
    readonly health: WorkloadHealth;
    /** Whether its status is about its newest generation. */
    readonly current: boolean;
    readonly desired: number | undefined;
    readonly message: string;
  };
  readonly registry?: Observed & {
    /** Revision of the Pods that are counted as new. */
    readonly revision: string;
    /** New Pods that should be registered. */
    readonly expected: number;
    /** Of these, registered and passing. */
    readonly passing: number;
    /** Of these, registered and failing their check. */
    readonly critical: number;
    /** Instances of Pods that were replaced and are still registered. */
    readonly old: number;
  };
  readonly proxies?: Observed & {
    readonly revision: string;
    /** Gateways connected that serve the service. */
    readonly gateways: number;
    /** Of these, those that have acknowledged a snapshot with the new instances. */
    readonly acked: number;
  };
}

export type ClusterPhase =
  | "Pending"
  /** Told to take the new revision; passes its gate or not. */
  | "Verifying"
  | "Passed"
  | "Failed"
  /** Not reachable: the others go on, its turn comes when it is back. */
  | "Deferred"
  | "RollingBack"
  | "RolledBack"
  | "RollbackFailed";

export interface ClusterProgress {
  readonly cluster: string;
  readonly phase: ClusterPhase;
  /** It was the n-th to be changed; null while it was not. */
  readonly order: number | null;
  /** When it was told to change; facts must be newer than this. */
  readonly startedAt: number | null;
  /** Observation from which it has passed without a break. */
  readonly passingSince: number | null;
  /** Newest observation that passed. */
  readonly lastPassingAt: number | null;
  readonly message: string;
}

export type RolloutPhase = "Progressing" | "Paused" | "RollingBack" | "Succeeded" | "RolledBack" | "RollbackIncomplete";

/** All that a new controller needs to go on. Kept in the object's status, written before anything it says is done. */
export interface RolloutState {
  readonly revision: string;
  /** The revision to go back to: the last that succeeded. Null when there was none. */
  readonly previous: string | null;
  readonly phase: RolloutPhase;
  /** What goes on when a pause ends. */
  readonly pausedFrom: "Progressing" | "RollingBack" | null;
  /** One word for programs. */
  readonly reason: string;
  readonly message: string;
  /** Names of the stages that somebody approved for this revision. */
  readonly approvals: readonly string[];
  /** Sorted by cluster. */
  readonly clusters: readonly ClusterProgress[];
}

export type RolloutAction =
  /** Repeated until the cluster shows the revision; applying what is there already changes nothing. */
  | { readonly type: "apply"; readonly cluster: string; readonly revision: string }
  | { readonly type: "wait"; readonly cluster: string; readonly message: string }
  | { readonly type: "approval"; readonly stage: string };

export interface RolloutStep {
  readonly state: RolloutState;
  readonly actions: readonly RolloutAction[];
  /** When to ask again even if no fact changes; undefined when only a fact or a command can change anything. */
  readonly nextAt: number | undefined;
}
