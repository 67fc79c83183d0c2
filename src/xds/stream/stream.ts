/**
 * One xDS stream as a deterministic state machine: requests in, responses out; no I/O, no clock. The same rules serve
 * state of the world and delta, aggregated and single-type streams.
 *
 * What it keeps: at most one unanswered response per type; changes coalesce behind it; clusters, then endpoints, then
 * listeners, then routes; removals after what referred to them is settled; endpoints again after their cluster, even
 * unchanged, because Envoy waits for them (xDS protocol, "Resource warming"); a refused response is not sent again.
 */
import type { Names } from "../name-set.ts";
import { type Resource, TYPE_URL, type TypeUrl, type ViewTables } from "../types.ts";
import { type Due, dueOf } from "./due.ts";
import { keptNow, wholeKept } from "./kept.ts";
import type { Answer, StreamRequest, StreamResponse, Variant } from "./messages.ts";
import { deltaAnswer, type Part, sotwAnswer } from "./parts.ts";
import { receive } from "./receive.ts";
import { isOnDemandType, wants } from "./subscription.ts";
import { newTypeState, rememberDemand, type TypeState } from "./type-state.ts";

/** The order in which types are sent (xDS protocol, "Eventual consistency considerations"); others follow as they came. */
const SEND_ORDER: readonly TypeUrl[] = [
  TYPE_URL.cluster,
  TYPE_URL.endpoint,
  TYPE_URL.secret,
  TYPE_URL.listener,
  TYPE_URL.extension,
  TYPE_URL.route,
  TYPE_URL.virtualHost,
];

/** Resources of one type are kept by the client for so many ms after it last heard of them. */
export interface Ttl {
  readonly typeUrl: TypeUrl;
  readonly ms: number;
}

export interface StreamOptions {
  readonly variant: Variant;
  readonly tables: ViewTables;
  /** Unlike that of any other process of the bridge, so that a nonce of an earlier one never matches. */
  readonly epoch: string;
  /** Absent: what is sent is kept for ever. */
  readonly ttl?: Ttl | undefined;
  /** State of the world: the client is told which names that it asked for are not there (xRFC TP3), once for each asking. */
  readonly resourceErrors?: boolean;
}

/** How far one type has come on the stream, for the proxy's status. */
export interface TypeProgress {
  readonly typeUrl: TypeUrl;
  readonly wildcard: boolean;
  readonly names: number;
  /** Names asked for explicitly. Live: it changes with the subscription. */
  readonly subscribed: Names;
  readonly sentSeq: number;
  readonly ackedSeq: number;
  readonly unanswered: boolean;
  /** It came with state and has not been sent anything since: it already has what is there. */
  readonly cameWithState: boolean;
  readonly nacks: number;
  /** Why the newest response was refused; undefined when it was not. */
  readonly lastNack: string | undefined;
}

export interface XdsStream {
  /** Takes a request. What it makes due comes with the next flush. */
  receive(request: StreamRequest): Answer;
  /** False: there is nothing to flush. */
  readonly due: boolean;
  /** Everything that may be sent now, in the order in which it must be sent. */
  flush(): readonly StreamResponse[];
  /** That what the client has of the type with a TTL is still meant; nothing while it owes an answer. */
  heartbeat(): readonly StreamResponse[];
  progress(): readonly TypeProgress[];
}

export function createXdsStream({ variant, tables, epoch, ttl, resourceErrors = false }: StreamOptions): XdsStream {
  const states = new Map<TypeUrl, TypeState>();
  /** The same in the order in which they are sent. */
  let ordered: readonly TypeState[] = [];
  let nonces = 0;

  const respond = (state: TypeState, { resources, removed, absent, missing }: Part): StreamResponse => {
    const nonce = `${epoch}.${++nonces}`;
    state.inflight.push(nonce);
    const { version } = tables.table(state.typeUrl);
    // All but a few say no more than this; one shape for them is what makes the way of a change through the server quick.
    const response = { typeUrl: state.typeUrl, nonce, version, resources, removed };
    if (absent === undefined && missing === undefined && ttl?.typeUrl !== state.typeUrl) return response;
    return {
      ...response,
      ...(absent !== undefined && { bare: absent.map((name) => ({ name, version: "" })) }),
      ...(missing !== undefined && { missing }),
      ...(ttl?.typeUrl === state.typeUrl && { ttlMs: ttl.ms }),
    };
  };

  /** Whatever the sent resources refer to is due again, if it is subscribed. */
  const markReferred = (sent: readonly Resource[]) => {
    if (states.size < 2) return;
    for (const { refs } of sent) {
      for (const { typeUrl, name } of refs) {
        if (typeUrl === TYPE_URL.cluster) continue;
        const referred = states.get(typeUrl);
        if (referred !== undefined && wants(referred.subscription, name)) referred.dirty.add(name);
      }
    }
  };

  const mayHaveDue = (state: TypeState): boolean => {
    if (state.inflight.length > 0 || state.beats.size > 0) return false;
    if (tables.complete) endGuard(state, variant);
    else if (variant === "sotw" && state.guarded !== undefined) return false;
    return !isInStep(state, tables.table(state.typeUrl).seq);
  };

  /** Adds what may be sent of one type. */
  const flushType = (state: TypeState, into: StreamResponse[]): void => {
    const due = dueOf(state, states, tables);
    const answer = variant === "sotw" ? sotwAnswer(state, due, tables, resourceErrors) : deltaAnswer(state, due, tables);
    // State of the world with something blocked: leaving it out would delete it, so the whole answer waits.
    if (answer === "wait") return;
    commit(state, due, tables.table(state.typeUrl).seq, answer !== undefined);
    if (answer === undefined) return;
    markReferred(due.present);
    for (const part of answer) into.push(respond(state, part));
  };

  return {
    receive(request) {
      const known = states.get(request.typeUrl);
      const state = known ?? newTypeState(request.typeUrl, tables.table(request.typeUrl));
      if (known === undefined) {
        states.set(request.typeUrl, state);
        ordered = [...states.values()].sort((a, b) => placeOf(a.typeUrl) - placeOf(b.typeUrl));
      }
      return receive(state, request, tables, known === undefined);
    },
    get due() {
      return ordered.some(mayHaveDue);
    },
    flush() {
      const responses: StreamResponse[] = [];
      for (const state of ordered) if (mayHaveDue(state)) flushType(state, responses);
      // A removal may only have waited for a type that has turned out to have nothing to send; and what a later type refers
      // to is due again, as the secrets of a listener are.
      for (const state of ordered) if (state.dirty.size > 0 && mayHaveDue(state)) flushType(state, responses);
      return responses;
    },
    heartbeat() {
      const state = ttl === undefined ? undefined : states.get(ttl.typeUrl);
      if (state === undefined || ttl === undefined || state.inflight.length > 0 || state.beats.size > 0) return [];
      const table = tables.table(ttl.typeUrl);
      const kept = variant === "sotw" ? wholeKept(state, table) : keptNow(state, table);
      if (kept.length === 0) return [];
      const nonce = `${epoch}.${++nonces}`;
      state.beats.add(nonce);
      return [{ typeUrl: ttl.typeUrl, nonce, version: table.version, resources: [], removed: [], kept, ttlMs: ttl.ms }];
    },
    progress: () => [...states.values()].map(progressOf),
  };
}

function placeOf(typeUrl: TypeUrl): number {
  const place = SEND_ORDER.indexOf(typeUrl);
  return place < 0 ? SEND_ORDER.length : place;
}

/** Nothing is due and nothing waits: most types of most streams, most of the time. */
function isInStep({ sentSeq, settledSeq, full, mustAnswer, refused, dirty, owed }: TypeState, seq: number): boolean {
  return sentSeq === seq && settledSeq === seq && !full && !mustAnswer && !refused && dirty.size === 0 && owed.size === 0;
}

/**
 * The view has become complete: what was kept from the client is due now. In state of the world that is what it asked for
 * and nobody knew of, and it still waits for a word on it.
 */
function endGuard(state: TypeState, variant: Variant): void {
  if (state.guarded === undefined && state.withheld.size === 0) return;
  state.guarded = undefined;
  for (const name of state.withheld) (variant === "sotw" ? state.owed : state.dirty).add(name);
  state.withheld.clear();
}

function commit(state: TypeState, due: Due, seq: number, sent: boolean): void {
  state.sentSeq = seq;
  state.full = false;
  state.mustAnswer = false;
  state.refused = false;
  // A set that is cleared gets new memory, also when it was empty.
  if (state.owed.size > 0) state.owed.clear();
  if (state.dirty.size > 0) state.dirty.clear();
  if (state.waiting.size > 0) state.waiting.clear();
  for (const name of due.blocked) state.dirty.add(name);
  for (const [name, needs] of due.waiting) {
    state.dirty.add(name);
    state.waiting.set(name, needs);
  }
  for (const name of due.withheld) state.withheld.add(name);
  if (isOnDemandType(state.typeUrl)) rememberDemand(state, due);
  if (due.blocked.length > 0) return;
  // With nothing to send there is nothing to wait for; otherwise the answer settles it.
  state.inflightSeq = seq;
  if (!sent) {
    state.settledSeq = seq;
    if (state.lastNack === undefined) state.ackedSeq = seq;
  }
}

function progressOf(state: TypeState): TypeProgress {
  const { typeUrl, subscription, sentSeq, ackedSeq, inflight, cameWithState, nacks, lastNack } = state;
  const { wild, names } = subscription;
  const unanswered = inflight.length > 0;
  return {
    typeUrl,
    wildcard: wild,
    names: names.size,
    subscribed: names,
    sentSeq,
    ackedSeq,
    unanswered,
    cameWithState,
    nacks,
    lastNack,
  };
}
