/** What the plan speaks of: who owns a record, what is wanted in a registry, what was found there. Data alone. */

/**
 * Whose a record is. `cluster` and `instance` say who; `epoch` says which life of it: a replica that took over, or a Pod's
 * container that was started again, has a higher one. Written into every record.
 */
export interface Owner {
  readonly cluster: string;
  readonly instance: string;
  /** A whole number, at least 0; grows with every take-over. */
  readonly epoch: number;
}

/** Whether an instance is offered to clients, or still there and marked as one not to be dialled any more. */
export type Traffic = "in" | "out";

/** A record that should be in the registry. */
export interface WantedRecord {
  /** Says which record it is, the same in every life of its owner; unique within the registry. */
  readonly key: string;
  readonly service: string;
  readonly traffic: Traffic;
  /** All that the registry is to hold, owner and epoch included, as one comparable text. */
  readonly content: string;
  /** The places it has been in, the first being where it is native. Names of registries and clusters. */
  readonly origin: readonly string[];
}

/** A record that is in the registry. */
export interface FoundRecord {
  readonly key: string;
  readonly service: string;
  readonly traffic: Traffic;
  /** As `WantedRecord.content`: equal texts are equal records. */
  readonly content: string;
  /** Undefined: it says of no owner, so it is somebody else's. */
  readonly owner: Owner | undefined;
}

/** What should be there, as far as we know ourselves. */
export interface Desired {
  /** False: our own view is not complete, so that what it lacks may well be wanted. */
  readonly synced: boolean;
  readonly records: readonly WantedRecord[];
}

/** What is there. Complete: an answer that may lack something is no observation. */
export interface Observed {
  /** The registry's name in origin chains: the same in all syncs that write to it or read it. */
  readonly place: string;
  readonly records: readonly FoundRecord[];
}

/** The same cluster and instance, in whichever life. */
export function isSameOwner(a: Owner, b: Pick<Owner, "cluster" | "instance">): boolean {
  return a.cluster === b.cluster && a.instance === b.instance;
}
