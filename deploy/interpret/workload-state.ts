/** What an object of a cluster says about itself, in one form for every kind. */

export type WorkloadHealth = "Healthy" | "Progressing" | "Degraded" | "Unknown";

export interface WorkloadState {
  /** `Unknown` when what is needed to tell is missing. */
  readonly health: WorkloadHealth;
  /** One sentence. */
  readonly message: string;
  /** Whether the status is about the newest spec. False also when that cannot be told. */
  readonly current: boolean;
  /** Replicas it was told to have; undefined for kinds without. */
  readonly desired: number | undefined;
  /** Replicas of the newest spec. */
  readonly updated: number | undefined;
  /** Replicas that are ready, whatever their spec. */
  readonly ready: number | undefined;
}

export interface Counts {
  readonly desired: number;
  readonly updated: number;
  readonly ready: number;
}

export const NO_COUNTS = { desired: undefined, updated: undefined, ready: undefined } as const;

/** A status about an older spec says nothing about the newest one. */
export function outdated(counts: Counts): WorkloadState {
  return { health: "Progressing", message: "its controller has not seen the newest spec yet", current: false, ...counts };
}
