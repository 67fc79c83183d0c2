/** A request comes in: what it answers, and what it changes in the subscription. No I/O. */
import type { TypeTable, ViewTables } from "../types.ts";
import type { Answer, DeltaRequest, SotwRequest, StreamRequest } from "./messages.ts";
import { editNames, isOnDemandType, isWildcardType, replaceNames, type SubscriptionChange, wants } from "./subscription.ts";
import { forget, type TypeState } from "./type-state.ts";

/**
 * Applies a request to its type's state. `first`: it is the first of its type on the stream, so whatever nonce or
 * version it carries is of another stream's time and answers nothing of ours.
 */
export function receive(state: TypeState, request: StreamRequest, tables: ViewTables, first: boolean): Answer {
  const answer = first ? ({ kind: "none", typeUrl: state.typeUrl } as const) : settle(state, request);
  const table = tables.table(state.typeUrl);
  // The subscription part counts whatever the request answers: a NACK or a stale nonce must not swallow it.
  if (request.variant === "sotw") takeSotw(state, request, table, { first, complete: tables.complete });
  else takeDelta(state, request, table, { first, complete: tables.complete });
  return answer;
}

function settle(state: TypeState, { nonce, error }: StreamRequest): Answer {
  const { typeUrl } = state;
  // It changed nothing, so neither does its answer.
  if (state.beats.size > 0 && state.beats.delete(nonce)) return { kind: "none", typeUrl };
  const answered = state.inflight.indexOf(nonce);
  if (answered < 0) return { kind: "none", typeUrl };
  state.inflight.splice(answered, 1);
  if (error !== undefined) {
    state.refused = true;
    state.nacks++;
    state.lastNack = error;
  }
  if (state.inflight.length === 0) {
    state.settledSeq = Math.max(state.settledSeq, state.inflightSeq);
    if (!state.refused) {
      state.ackedSeq = state.settledSeq;
      state.lastNack = undefined;
    }
  }
  return error === undefined ? { kind: "ack", typeUrl } : { kind: "nack", typeUrl, message: error };
}

interface Circumstances {
  readonly first: boolean;
  readonly complete: boolean;
}

function takeSotw(state: TypeState, request: SotwRequest, table: TypeTable, { first, complete }: Circumstances): void {
  const change = replaceNames(state.subscription, state.typeUrl, request.names);
  for (const name of change.dropped) if (!wants(state.subscription, name)) forget(state, name);
  if (first) {
    state.sentSeq = table.seq;
    // State of the world cannot be changed in part: a client that comes with state keeps all of it for now.
    if (request.version !== "" && !complete) state.guarded = new Set();
  }
  if (change.wildcardOn) {
    state.full = true;
    state.mustAnswer = true;
  }
  for (const name of change.asked) state.owed.add(name);
}

function takeDelta(state: TypeState, request: DeltaRequest, table: TypeTable, { first, complete }: Circumstances): void {
  const { subscription } = state;
  // An answer and no more, as nearly all requests are.
  if (!first && request.subscribe.length === 0 && request.unsubscribe.length === 0) return;
  const change = editNames(subscription, state.typeUrl, {
    subscribe: request.subscribe,
    unsubscribe: request.unsubscribe,
    first,
  });
  for (const name of change.dropped) {
    // Still in the wildcard: the client has just dropped it, so it must get it again or be told that it is gone.
    if (subscription.wild) state.owed.add(name);
    else forget(state, name);
  }
  if (!first) {
    if (change.wildcardOn) state.full = true;
    for (const name of change.asked) state.owed.add(name);
    return;
  }
  state.sentSeq = table.seq;
  state.mustAnswer = (subscription.wild && isWildcardType(state.typeUrl)) || isOnDemandType(state.typeUrl);
  state.cameWithState = request.initialVersions.size > 0;
  takeInitial(state, request.initialVersions, table, change);
  // One that was asked for in vain is there without a version.
  if (isOnDemandType(state.typeUrl))
    for (const [name, version] of request.initialVersions) if (version !== "") state.held.add(name);
  if (request.initialVersions.size > 0 && !complete) state.guarded = new Set(request.initialVersions.keys());
}

/** The client says what it holds: only the difference is due. */
function takeInitial(
  state: TypeState,
  versions: ReadonlyMap<string, string>,
  table: TypeTable,
  change: SubscriptionChange,
): void {
  const { subscription } = state;
  for (const name of change.asked) {
    const held = versions.get(name);
    if (held === undefined || table.get(name)?.version !== held) state.owed.add(name);
  }
  if (!subscription.wild) return;
  if (versions.size === 0) {
    state.full = true;
    return;
  }
  for (const { name, version } of table.all()) if (versions.get(name) !== version) state.dirty.add(name);
  for (const name of versions.keys()) if (wants(subscription, name) && table.get(name) === undefined) state.dirty.add(name);
}
