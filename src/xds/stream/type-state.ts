/** What is known of one type on one stream. Plain mutable data, owned by the stream. */
import type { TypeTable, TypeUrl } from "../types.ts";
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
  /** Nonces of the responses (one most often, or the chunks of one) that are not answered yet. */
  readonly inflight: string[];
  /** Nonces of what was said only so that the client keeps what it has. */
  readonly beats: Set<string>;
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
  /** Virtual hosts only: what the client has, so that one it asks for in vain is told apart from one that is taken away. */
  readonly held: Set<string>;
  /** Virtual hosts only: asked for in vain, the longest ago first. Bounded: whoever calls hosts at random must not fill memory. */
  readonly missed: Set<string>;
  nacks: number;
  lastNack: string | undefined;
}

export function newTypeState(typeUrl: TypeUrl, table: Pick<TypeTable, "index">): TypeState {
  return {
    typeUrl,
    subscription: newSubscription(table),
    sentSeq: 0,
    settledSeq: 0,
    ackedSeq: 0,
    dirty: new Set(),
    owed: new Set(),
    cameWithState: false,
    full: false,
    mustAnswer: false,
    inflight: [],
    beats: new Set(),
    inflightSeq: 0,
    refused: false,
    waiting: new Map(),
    guarded: undefined,
    withheld: new Set(),
    held: new Set(),
    missed: new Set(),
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
  state.held.delete(name);
  state.missed.delete(name);
}

/** Beyond it the oldest is no longer told of when it comes; it is answered when it is asked for again. */
export const MAX_MISSED = 10_000;

/** What a client on demand has now, and what it was told is not there. */
export function rememberDemand(
  { held, missed, subscription }: TypeState,
  { present, removed, absent }: { present: Iterable<{ name: string }>; removed: Iterable<string>; absent: Iterable<string> },
): void {
  for (const { name } of present) {
    held.add(name);
    missed.delete(name);
  }
  for (const name of removed) held.delete(name);
  for (const name of absent) {
    missed.delete(name);
    missed.add(name);
  }
  for (const name of missed) {
    if (missed.size <= MAX_MISSED) return;
    missed.delete(name);
    subscription.names.delete(name);
  }
}
