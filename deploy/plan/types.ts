/** The plan: what would be done, object by object, with reasons. Plain data. */
import type { Json, JsonObject } from "../json/value.ts";
import type { ObjectKey } from "./object-key.ts";

export type Verb =
  | "create"
  | "update"
  | "delete"
  /** Our mark goes, the object stays: others use it, or it is left behind on purpose. */
  | "release"
  | "none"
  /** Wanted, but not done: somebody must decide. */
  | "blocked"
  /** A delete that a rail holds back. */
  | "held"
  /** For a cluster that cannot be reached: done when it is back. */
  | "queued";

export type PlanReason =
  | "Missing"
  | "Changed"
  | "Drifted"
  | "DriftReported"
  | "DriftIgnored"
  | "InSync"
  | "Adopted"
  | "AlreadyExists"
  | "KindNotServed"
  | "BeingDeleted"
  | "NotWanted"
  | "UsedByOthers"
  | "Orphaned"
  | "Unreachable"
  | "NotSynced"
  | "TooManyDeletes"
  | "LastHealthyCopy";

export interface ShownDiff {
  /** JSON pointer. */
  readonly path: string;
  readonly change: "set" | "remove";
  /** Values of Secrets are not shown. */
  readonly from?: Json;
  readonly to?: Json;
  /** Other managers that own the field. */
  readonly owners: readonly string[];
  /** False: the field is left as it is. */
  readonly applied: boolean;
}

export interface PlannedAction {
  readonly cluster: string;
  readonly key: ObjectKey;
  readonly verb: Verb;
  readonly reason: PlanReason;
  /** One sentence. */
  readonly message: string;
  readonly diffs: readonly ShownDiff[];
  /** What is applied, with create and update. */
  readonly manifest?: JsonObject;
  /** Whether the apply takes fields from other managers. */
  readonly force?: boolean;
  /** With delete: the object that was seen; another of the same name is not meant. */
  readonly uid?: string;
  /** With held and queued: what is held back. */
  readonly instead?: "create" | "update" | "delete" | "release";
}

export interface ObservedCluster {
  readonly reachable: boolean;
  /** Whether every cache of this cluster has been filled once since it was opened. */
  readonly synced: boolean;
  /** By `keyText`: everything that is ours, and what stands where something of ours is wanted. */
  readonly objects: ReadonlyMap<string, JsonObject>;
  /** `group/Kind` of what is wanted and not served there. */
  readonly missingKinds: ReadonlySet<string>;
}

export interface Plan {
  /** By cluster; creates and updates in the order of need, then deletes the other way round. */
  readonly actions: readonly PlannedAction[];
  /** Equal when the same would be done for the same reasons to the same objects. */
  readonly hash: string;
  /** Set when deletes wait for a person: say this hash to let them go. */
  readonly ask: { readonly hash: string; readonly message: string } | undefined;
}
