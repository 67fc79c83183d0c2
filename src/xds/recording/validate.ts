/**
 * Judges a recording of xDS streams against the protocol, from what was said alone. Pure; knows nothing of the stream
 * machine that said it. Every rule names the part of the xDS protocol it stands for.
 */
import { TYPE_URL } from "../types.ts";
import type { RequestRecord, ResponseRecord, XdsRecord } from "./record.ts";
import { newTypeHistory, type Refused, type StreamHistory, subscribe, type TypeHistory, wanted } from "./stream-history.ts";

export const RULES = {
  "nonce-reused": "every response of a stream has a nonce of its own",
  "answered-too-early": "a response waits for the answer to the one before of its type (but for parts of one answer)",
  "not-asked-for": "only resources that the client asked for are sent",
  "named-twice": "no name is twice in a response, nor both sent and removed",
  "says-nothing": "a response carries something new, or answers a request",
  "refused-again": "what was refused is not sent again unchanged and unasked",
  "wildcard-unanswered": "the first request for everything is answered, also with nothing",
  "route-before-cluster": "a route or listener comes after the clusters it refers to",
  "cluster-before-route": "a cluster leaves after the routes and listeners that refer to it",
  "request-before-open": "nothing is said on a stream that is not open",
} as const;
export type Rule = keyof typeof RULES;

export interface Violation {
  readonly stream: number;
  readonly at: number;
  readonly rule: Rule;
  readonly detail: string;
}

export interface Judgement {
  readonly streams: number;
  readonly requests: number;
  readonly responses: number;
  /** Streams with lines left out: judged up to there. */
  readonly cut: number;
  readonly violations: readonly Violation[];
}

/** Takes records in the order they were written; `result` may be asked for at any time. */
export interface Validator {
  add(record: XdsRecord): void;
  result(): Judgement;
}

export function createValidator(): Validator {
  const open = new Map<number, StreamHistory>();
  const counts = { streams: 0, requests: 0, responses: 0, cut: 0 };
  const violations: Violation[] = [];

  return {
    add(record) {
      const { stream, at } = record;
      const blame = (rule: Rule, detail: string) => violations.push({ stream, at, rule, detail });
      if (record.kind === "open") {
        counts.streams++;
        open.set(stream, { variant: record.variant, types: new Map(), nonces: new Set() });
        return;
      }
      const history = open.get(stream);
      if (record.kind === "gap") {
        if (open.delete(stream)) counts.cut++;
      } else if (record.kind === "close") open.delete(stream);
      else if (history === undefined) {
        if (counts.cut === 0) blame("request-before-open", record.type);
      } else if (record.kind === "request") {
        counts.requests++;
        takeRequest(history, record);
      } else {
        counts.responses++;
        judge(history, record, blame);
        takeResponse(history, record);
      }
    },
    result: () => ({ ...counts, violations: [...violations, ...unanswered(open)] }),
  };
}

/** Ms after which a request for everything is overdue at the end of a recording. */
const OVERDUE_MS = 40_000;

function unanswered(open: ReadonlyMap<number, StreamHistory>): readonly Violation[] {
  return [...open].flatMap(([stream, { types, lastAt = 0 }]) =>
    [...types].flatMap(([type, { wildSince, responses }]) =>
      wildSince !== undefined && responses === 0 && lastAt - wildSince > OVERDUE_MS
        ? [{ stream, at: wildSince, rule: "wildcard-unanswered" as const, detail: type }]
        : [],
    ),
  );
}

type Blame = (rule: Rule, detail: string) => void;

function typeOf(history: StreamHistory, type: string): TypeHistory {
  const known = history.types.get(type);
  if (known !== undefined) return known;
  const made = newTypeHistory();
  history.types.set(type, made);
  return made;
}

function takeRequest(history: StreamHistory, record: RequestRecord): void {
  history.lastAt = record.at;
  const state = typeOf(history, record.type);
  if (state.requests > 0 && state.inflight.delete(record.nonce)) {
    const sent = state.answers.get(record.nonce) ?? new Map();
    for (const [name, version] of sent) {
      if (record.error === undefined) state.refused.delete(name);
      else state.refused.set(name, { version, again: repeated(state.refused.get(name), version) });
    }
    state.answers.delete(record.nonce);
  }
  subscribe(state, record);
}

function judge(history: StreamHistory, record: ResponseRecord, blame: Blame): void {
  const state = typeOf(history, record.type);
  const names = record.resources.map(({ name }) => name);
  if (history.nonces.has(record.nonce)) blame("nonce-reused", record.nonce);
  if (state.inflight.size > 0 && state.lastAnswerAt !== record.at && record.at - state.lastAnswerAt > PARTS_MS)
    blame("answered-too-early", `${record.type}, ${state.inflight.size} unanswered`);
  const all = [...names, ...record.removed, ...(record.absent ?? []), ...(record.kept ?? [])];
  for (const name of all) if (!wanted(state, name) && !isNothing(record, name)) blame("not-asked-for", `${record.type} ${name}`);
  if (new Set(all).size < all.length) blame("named-twice", record.type);
  if (all.length === 0 && !state.owesAnswer && history.variant === "delta") blame("says-nothing", record.type);
  judgeRefused(state, record, blame);
  judgeOrder(history, record, blame);
}

/** The answer to an empty request for virtual hosts: that a route configuration has none for everything. */
function isNothing({ type, resources }: ResponseRecord, name: string): boolean {
  return type === TYPE_URL.virtualHost && resources.length === 0 && name.endsWith("/*");
}

/** Parts of one answer are written in one turn. */
const PARTS_MS = 50;

function judgeRefused(state: TypeHistory, { type, resources }: ResponseRecord, blame: Blame): void {
  // A whole state that lacks what the client has says so, though nothing of what it holds is new.
  if (resources.length < state.held.size && isWhole(type)) return;
  const again = resources.filter(({ name, version }) => {
    const refused = state.refused.get(name);
    if (refused?.version !== version || state.asked.has(name)) return false;
    // Once may be a change that went there and back again between two responses; more is a loop.
    return ++refused.again > 1;
  });
  // In state of the world a response is the whole: it may hold refused ones beside changed ones.
  if (again.length > 0 && again.length === resources.length && !state.owesAnswer)
    blame("refused-again", `${type} ${again.map(({ name }) => name).join(", ")}`);
}

/** Make before break (xDS protocol, "Eventual consistency considerations"). */
function judgeOrder({ types, variant }: StreamHistory, record: ResponseRecord, blame: Blame): void {
  const clusters = types.get(TYPE_URL.cluster);
  if (clusters === undefined || !clusters.wild || clusters.responses === 0) return;
  if (record.type === TYPE_URL.route || record.type === TYPE_URL.listener) {
    for (const { name, refs = [] } of record.resources)
      for (const ref of refs)
        if (ref.typeUrl === TYPE_URL.cluster && !clusters.held.has(ref.name) && !clusters.came.has(ref.name))
          blame("route-before-cluster", `${name} refers to ${ref.name}`);
  }
  if (record.type !== TYPE_URL.cluster) return;
  const gone = variant === "delta" ? record.removed : lackedBy(record, clusters);
  const referred = new Map(
    [TYPE_URL.route, TYPE_URL.listener].flatMap((type) =>
      [...(types.get(type)?.held ?? [])].flatMap(([name, refs]) =>
        refs.filter(({ typeUrl }) => typeUrl === TYPE_URL.cluster).map((ref): [string, string] => [ref.name, name]),
      ),
    ),
  );
  for (const name of gone) if (referred.has(name)) blame("cluster-before-route", `${name}, of ${referred.get(name)}`);
}

function repeated(before: Refused | undefined, version: string): number {
  return before?.version === version ? before.again : 0;
}

/** In state of the world these responses are the whole: what they lack is gone. */
function isWhole(type: string): boolean {
  return type === TYPE_URL.cluster || type === TYPE_URL.listener;
}

/** What the client has and a whole response is without; what a heartbeat keeps, it sends. */
function lackedBy({ resources, kept = [] }: ResponseRecord, { held }: TypeHistory): readonly string[] {
  const named = new Set([...resources.map(({ name }) => name), ...kept]);
  return [...held.keys()].filter((name) => !named.has(name));
}

function takeResponse(history: StreamHistory, record: ResponseRecord): void {
  history.lastAt = record.at;
  history.nonces.add(record.nonce);
  const state = typeOf(history, record.type);
  const whole = history.variant === "sotw" && isWhole(record.type);
  if (whole) for (const name of lackedBy(record, state)) state.held.delete(name);
  for (const { name, refs = [] } of record.resources) {
    state.held.set(name, refs);
    // What it refers to is sent again after it, even unchanged: clients wait for it (xDS protocol, "Resource warming").
    for (const ref of refs) history.types.get(ref.typeUrl)?.asked.add(ref.name);
  }
  for (const name of record.removed) state.held.delete(name);
  for (const { name } of record.resources) state.asked.delete(name);
  state.answers.set(record.nonce, new Map(record.resources.map(({ name, version }) => [name, version])));
  state.inflight.add(record.nonce);
  state.lastAnswerAt = record.at;
  state.responses++;
  state.owesAnswer = false;
}
