/**
 * The contract between a registry that is written to and the sync. Counterpart of `registry/adapter.ts`, which reads. An
 * adapter's `writer.ts` keeps to it; whoever owns what, and what is to be changed, is decided by `plan/` alone.
 */
import type { Static, TObject } from "typebox";
import type { Clock } from "../kernel/clock.ts";
import type { MeshbridgeError } from "../kernel/errors.ts";
import type { Log } from "../kernel/log.ts";
import type { Election } from "./cluster/election.ts";
import type { Put } from "./plan/plan.ts";
import type { FoundRecord, Owner, WantedRecord } from "./plan/record.ts";
import type { Registration } from "./registration.ts";

export type WriterEvent =
  /** It can be written to, and whatever was there before may be gone: look at all of it. Also after every reconnect. */
  | { readonly type: "open" }
  /** Something of ours may have changed there. */
  | { readonly type: "changed" }
  /** It cannot be reached; records may be leaving by their lease. It is tried again by itself. */
  | { readonly type: "lost"; readonly error: MeshbridgeError; readonly retryInMs: number };

/** A record, with what its registry knows of whether its owner lives. */
export interface SurveyedRecord extends FoundRecord {
  readonly owner: Owner;
  /** `fresh`: somebody keeps it alive; `over`: nobody does; `unknown`: the registry cannot tell. */
  readonly lease: "fresh" | "over" | "unknown";
  /** What says so, as part of a sentence: `its check is critical`. */
  readonly evidence: string;
}

/**
 * One registry, for one owner. Every call has a deadline of its own, ends with the signal's reason on abort, and throws
 * errors of the table: MB_REGISTRY_UNREACHABLE, MB_REGISTRY_REFUSED, MB_REGISTRY_BAD_REPLY, MB_SECRET_UNREADABLE, and
 * MB_REGISTRATION_FOREIGN where another owner's record turned up between the look and the change: then nothing was changed.
 */
export interface Writer {
  /**
   * The records that registrations become, whether each has its own or several share one. None for those that are `out`
   * where the format has no way to say so but absence. Of records with equal keys the first counts. Pure.
   */
  render(registrations: readonly Registration[]): readonly WantedRecord[];
  /** All records of the owner, and those of the keys whoever owns them. Complete, or it throws. */
  observe(keys: readonly string[], signal: AbortSignal): Promise<readonly FoundRecord[]>;
  /**
   * Writes the record, over our own of before. What was a lease of an earlier life becomes one of this life. Where the
   * registry can change two records at once, `instead` goes with it, unless it is not ours any more.
   */
  put(change: Put, signal: AbortSignal): Promise<void>;
  /** Marks it as one not to be dialled. Nothing where the format cannot say so. */
  takeOut(record: FoundRecord, signal: AbortSignal): Promise<void>;
  /** Removes it; that it is gone already is a success. */
  remove(record: FoundRecord, signal: AbortSignal): Promise<void>;
  /** Whether those who read the registry see the record, and as it should be. */
  confirm(record: WantedRecord, signal: AbortSignal): Promise<boolean>;
  /** All records that say they are owned by the cluster, whichever instance of it. Complete, or it throws. */
  survey(cluster: string, signal: AbortSignal): Promise<readonly SurveyedRecord[]>;
  /**
   * Removes a record of whichever owner, while it still is as it was surveyed. Resolves with why it was not removed, one
   * sentence without its full stop; undefined: it was, or is gone already.
   */
  purge(record: SurveyedRecord, signal: AbortSignal): Promise<string | undefined>;
  /**
   * Holds the connection and keeps the leases of what was put alive, for as long as it is iterated. Ends with the signal;
   * what has a lease stays until that runs out, unless it was removed before.
   */
  events(signal: AbortSignal): AsyncIterable<WriterEvent>;
}

export interface WriterContext {
  /** The target's name in the configuration, and the registry's in origin chains. */
  readonly name: string;
  readonly owner: Owner;
  /** The folder relative paths are meant from. */
  readonly baseDir: string;
  readonly log: Log;
  readonly clock: Clock;
  /** Uniform in [0, 1), for jitter. */
  readonly random: () => number;
}

/** A kind of registry that can be written to. */
export interface WriterKind<Schema extends TObject = TObject> {
  /** The value of `kind:` in the configuration. */
  readonly kind: string;
  /** One sentence for the reference page. */
  readonly description: string;
  readonly schema: Schema;
  /** It is no target of a sidecar beside a workload. */
  readonly clusterOnly?: true;
  open(config: Static<Schema>, context: WriterContext): Writer;
  /**
   * Lets replicas elect the one that acts, by the same settings. `identity`: this process, and no other one. Absent where the
   * registry has nothing to do so with.
   */
  elect?(config: Static<Schema>, context: WriterContext & { readonly identity: string }): Election;
}

/** Keeps the schema's type so that `open` sees its own settings typed. */
export function defineWriter<Schema extends TObject>(kind: WriterKind<Schema>): WriterKind<Schema> {
  return kind;
}
