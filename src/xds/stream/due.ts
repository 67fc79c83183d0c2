/** What one type is due on one stream at this moment, and what of it has to wait. Pure: reads states and tables only. */
import { type Resource, TYPE_URL, type TypeTable, type TypeUrl, type ViewTables } from "../types.ts";
import { isOnDemandType, wants } from "./subscription.ts";
import type { RemovalNeeds, TypeState } from "./type-state.ts";

export type TypeStates = ReadonlyMap<TypeUrl, TypeState>;

export interface Due {
  /** To be sent now. */
  readonly present: readonly Resource[];
  /** Names to be taken from the client now. */
  readonly removed: readonly string[];
  /** On demand: asked for, and neither there nor held by the client, which waits for a word on each. */
  readonly absent: readonly string[];
  /** Present, but they refer to clusters that the client has not answered yet: due later. */
  readonly blocked: readonly string[];
  /** Removals that wait until what refers to them is settled. */
  readonly waiting: ReadonlyMap<string, RemovalNeeds>;
  /** Due for what the client came with, once the view is complete. */
  readonly withheld: readonly string[];
}

/** The types that may refer to a resource of a type: its removal comes after theirs (make before break). */
const REFERRERS: Readonly<Record<string, readonly TypeUrl[]>> = {
  [TYPE_URL.cluster]: [TYPE_URL.listener, TYPE_URL.route, TYPE_URL.virtualHost],
  [TYPE_URL.endpoint]: [TYPE_URL.cluster],
  [TYPE_URL.secret]: [TYPE_URL.cluster, TYPE_URL.listener],
  [TYPE_URL.route]: [TYPE_URL.listener],
  [TYPE_URL.extension]: [TYPE_URL.listener],
};

export function dueOf(state: TypeState, states: TypeStates, tables: ViewTables): Due {
  const table = tables.table(state.typeUrl);
  if (isEverything(state, table, tables)) return { ...NOTHING, present: table.all() };
  const present: Resource[] = [];
  const removed: string[] = [];
  const absent: string[] = [];
  const blocked: string[] = [];
  const waiting = new Map<string, RemovalNeeds>();
  const withheld: string[] = [];
  const guarded = tables.complete ? undefined : state.guarded;
  for (const name of dueNames(state, table)) {
    const resource = table.get(name);
    if (resource === undefined && table.pending(name)) continue;
    if (guarded?.has(name) || (resource === undefined && !tables.complete && mayBeUnread(state, name, table)))
      withheld.push(name);
    else if (resource !== undefined) {
      if (isBlocked(resource, states, tables)) blocked.push(name);
      else present.push(resource);
    } else if (isOnDemandType(state.typeUrl) && !state.held.has(name)) {
      if (state.owed.has(name)) absent.push(name);
    } else {
      const needs = state.waiting.get(name) ?? needsOf(state, states, tables);
      if (state.owed.has(name) || needs.every((need) => isSettled(need, states))) removed.push(name);
      else waiting.set(name, needs);
    }
  }
  return { present, removed, absent, blocked, waiting, withheld };
}

const NOTHING: Due = { present: [], removed: [], absent: [], blocked: [], waiting: new Map(), withheld: [] };

/** A first answer to the wildcard, of a type that never waits for another: all such answers share the table's own list. */
function isEverything(state: TypeState, table: TypeTable, { complete }: ViewTables): boolean {
  const { typeUrl, full, subscription, dirty, owed, sentSeq, guarded } = state;
  const whole = full && subscription.wild && dirty.size === 0 && owed.size === 0 && sentSeq === table.seq;
  return whole && typeUrl === TYPE_URL.cluster && (complete || guarded === undefined);
}

/** Each once. Most often there is one reason for something to be due; a first answer to thousands of names is not gone through twice. */
function dueNames(state: TypeState, table: TypeTable): Iterable<string> {
  const { subscription, dirty, owed } = state;
  const changed = table.changedSince(state.sentSeq);
  const reasons: Iterable<string>[] = [];
  if (state.full) reasons.push(table.all().map(({ name }) => name));
  if (changed.length > 0) reasons.push(changed);
  if (dirty.size > 0) reasons.push(dirty);
  if (owed.size > 0) reasons.push(owed);
  const [only = [], second] = reasons;
  if (second === undefined) return subscription.wild ? only : [...only].filter((name) => subscription.names.has(name));
  const names = new Set<string>();
  for (const reason of reasons) for (const name of reason) if (wants(subscription, name)) names.add(name);
  return names;
}

/** A name that was never in the view may belong to a source that has not been read: unknown is not gone. */
function mayBeUnread(state: TypeState, name: string, table: TypeTable): boolean {
  return state.owed.has(name) && table.removed(name) === undefined;
}

/**
 * A listener or route is not sent before the clusters it refers to have been sent and answered (xDS "eventual
 * consistency considerations"; routes are not warmed). Clients that ask for clusters by name do so only after they
 * have the route, so for them there is nothing to wait for.
 */
function isBlocked({ refs }: Resource, states: TypeStates, tables: ViewTables): boolean {
  const clusters = states.get(TYPE_URL.cluster);
  if (clusters === undefined || !clusters.subscription.wild) return false;
  const table = tables.table(TYPE_URL.cluster);
  return refs.some(({ typeUrl, name }) => typeUrl === TYPE_URL.cluster && table.addedAt(name) > clusters.settledSeq);
}

function needsOf(state: TypeState, states: TypeStates, tables: ViewTables): RemovalNeeds {
  const referrers = REFERRERS[state.typeUrl] ?? [];
  return referrers.filter((typeUrl) => states.has(typeUrl)).map((typeUrl) => ({ typeUrl, seq: tables.table(typeUrl).seq }));
}

function isSettled({ typeUrl, seq }: RemovalNeeds[number], states: TypeStates): boolean {
  const state = states.get(typeUrl);
  return state === undefined || state.settledSeq >= seq;
}
