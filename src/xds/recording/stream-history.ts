/** What a validator remembers of one recorded stream. Plain mutable data. */
import type { Variant } from "../stream/messages.ts";
import { type ResourceRef, TYPE_URL } from "../types.ts";
import type { RequestRecord } from "./record.ts";

export interface TypeHistory {
  requests: number;
  responses: number;
  wild: boolean;
  /** Wall-clock ms of the request that asked for everything first. */
  wildSince: number | undefined;
  legacy: boolean;
  readonly names: Set<string>;
  /** Asked for by name since they were sent last: may be sent again unchanged. */
  readonly asked: Set<string>;
  /** What the client said it came with. */
  readonly came: Set<string>;
  /** A request is not answered yet: an empty response may be due. */
  owesAnswer: boolean;
  readonly inflight: Set<string>;
  /** What each unanswered response carried, name to version. */
  readonly answers: Map<string, ReadonlyMap<string, string>>;
  /** What the client refused and has not accepted since, and how often it was sent again. */
  readonly refused: Map<string, Refused>;
  /** What the client has by what was sent, with what each refers to. */
  readonly held: Map<string, readonly ResourceRef[]>;
  lastAnswerAt: number;
}

export interface Refused {
  readonly version: string;
  again: number;
}

export interface StreamHistory {
  readonly variant: Variant;
  readonly types: Map<string, TypeHistory>;
  readonly nonces: Set<string>;
  lastAt?: number;
}

export function newTypeHistory(): TypeHistory {
  return {
    requests: 0,
    responses: 0,
    wild: false,
    wildSince: undefined,
    legacy: true,
    names: new Set(),
    asked: new Set(),
    came: new Set(),
    owesAnswer: false,
    inflight: new Set(),
    answers: new Map(),
    refused: new Map(),
    held: new Map(),
    lastAnswerAt: 0,
  };
}

/** A response may cross a request that drops the name, so what was ever asked for on the stream counts as asked for. */
export function wanted({ wild, names }: TypeHistory, name: string): boolean {
  return wild || names.has(name);
}

/** The subscription part of a request. Names only ever grow here; see `wanted`. */
export function subscribe(state: TypeHistory, record: RequestRecord): void {
  const first = state.requests++ === 0;
  const list = record.names ?? record.subscribe ?? [];
  const wildType = record.type === TYPE_URL.cluster || record.type === TYPE_URL.listener;
  const sotw = record.names !== undefined;
  if (list.length > 0) state.legacy = false;
  const everything = list.includes("*") || (wildType && list.length === 0 && (sotw ? state.legacy : first));
  if (everything && !state.wild) {
    state.wild = true;
    state.wildSince ??= record.at;
    state.owesAnswer = true;
  }
  for (const name of list) {
    if (name === "*") continue;
    if (!sotw || !state.names.has(name)) state.asked.add(name);
    state.names.add(name);
    state.owesAnswer = true;
  }
  for (const name of record.unsubscribe ?? []) state.asked.add(name);
  if (!first) return;
  for (const name of Object.keys(record.initial ?? {})) state.came.add(name);
  if (record.version !== undefined && record.version !== "") state.owesAnswer = true;
  state.owesAnswer ||= wildType;
}
