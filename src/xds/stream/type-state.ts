/** What is known of one type on one stream. Plain mutable data, owned by the stream. */
import type { TypeUrl } from "../types.ts";
import { newSubscription, type Subscription } from "./subscription.ts";

/** A removal waits until the types that may refer to the resource are settled up to these seqs. */
export type RemovalNeeds = readonly { readonly typeUrl: TypeUrl; readonly seq: number }[];

export interface TypeState {
  readonly typeUrl: TypeUrl;
  readonly subscription: Subscription;
  /** Everything wanted up to this seq was sent, but for what is in `dirty`. */
  sentSeq: number;
  /** Everything wanted up to this seq was sent and answered, by ACK or NACK. */
  settledSeq: number;
  /** Everything wanted up to this seq was sent and acknowledged. */
  ackedSeq: number;
  /** Due whatever the log says: re-sent by reference, blocked, or a removal that waits. */
  readonly dirty: Set<string>;
  /** Asked for by name and not answered yet: answered even when believed current, or when there is no such resource. */
  readonly owed: Set<string>;
  /** The client said at the start what it holds: it may be in step without ever having been sent anything. */
  cameWithState: boolean;
  /** Everything wanted is due. */
  full: boolean;
  /** An answer is due even when it is empty. */
  mustAnswer: boolean;
  /** Nonces of the responses (one, or the chunks of one) that are not answered yet. */
  readonly inflight: Set<string>;
  /** What `settledSeq` becomes when they are. */
  inflightSeq: number;
  /** One of the chunks in flight was refused. */
  refused: boolean;
  /** Removals that wait for the types that may refer to them. */
  readonly waiting: Map<string, RemovalNeeds>;
  /** What the client came with: nothing of it is changed or removed while the view is not complete. */
  guarded: ReadonlySet<string> | undefined;
  /** What is due for guarded names once the view is complete. */
  readonly withheld: Set<string>;
  nacks: number;
  lastNack: string | undefined;
}

export function newTypeState(typeUrl: TypeUrl): TypeState {
  return {
    typeUrl,
    subscription: newSubscription(),
    sentSeq: 0,
    settledSeq: 0,
    ackedSeq: 0,
    dirty: new Set(),
    owed: new Set(),
    cameWithState: false,
    full: false,
    mustAnswer: false,
    inflight: new Set(),
    inflightSeq: 0,
    refused: false,
    waiting: new Map(),
    guarded: undefined,
    withheld: new Set(),
    nacks: 0,
    lastNack: undefined,
  };
}

/** Forgets whatever was due for a name that is no longer wanted. */
export function forget(state: TypeState, name: string): void {
  state.dirty.delete(name);
  state.owed.delete(name);
  state.waiting.delete(name);
  state.withheld.delete(name);
}
