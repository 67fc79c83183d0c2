/**
 * One resource of one cluster, followed for ever: list, then watch from there, and list again when the server no longer
 * knows where we were. The contract is that of client-go's reflector (tools/cache/reflector.go): pages, bookmarks, errors
 * within the stream, 410, backoff with jitter, watches renewed after minutes. Nothing here forgets: a new list is a diff.
 */
import { createBackoff } from "../kernel/backoff.ts";
import type { Clock } from "../kernel/clock.ts";
import type { MeshbridgeError } from "../kernel/errors.ts";
import { AUTHORITATIVE, type Evidence, suspect } from "../model/evidence.ts";
import { type ApiRefusal, type KubeApi, OPENED, type Query, WatchFailed } from "./api.ts";
import { type Changes, createKnown, type Known } from "./known.ts";
import { type List, listAll } from "./list.ts";
import { objectKey, objectVersion } from "./object-key.ts";
import { SILENT, withSilence } from "./silence.ts";
import { isBefore, isVersionLost, readWatchLine, type WatchLine } from "./watch-line.ts";

export interface ReflectorOptions<T> {
  readonly api: KubeApi;
  /** E.g. `/api/v1/services`. */
  readonly path: string;
  /** Selectors. */
  readonly query: Query;
  /** What is kept of an object; undefined: nothing, as if it were not there. */
  keep(raw: unknown): T | undefined;
  readonly clock: Clock;
  /** Uniform in [0, 1), for jitter. */
  readonly random: () => number;
  readonly signal: AbortSignal;
  /** The newest version an earlier connection to the same cluster saw: a list from before it is in doubt. */
  readonly since?: string | undefined;
}

/** What came in. In `changes`, undefined is gone. */
export type Delta<T> =
  /** A complete list: what it lacks is gone, as far as the evidence says. */
  | {
      readonly type: "listed";
      readonly changes: Changes<T>;
      readonly evidence: Evidence;
      readonly resourceVersion: string;
    }
  | { readonly type: "changed"; readonly changes: Changes<T> }
  /** Nothing new: what is known is current. */
  | { readonly type: "current" }
  | { readonly type: "failed"; readonly error: MeshbridgeError; readonly retryInMs: number };

/**
 * client-go waits up to 30 s. Here that is left to servers that say they are overloaded: what comes back is to be current
 * within five seconds, and one request each few seconds is no load.
 */
const BASE_MS = 800;
const MAX_MS = 5000;
const OVERLOADED_MAX_MS = 30_000;
/** A failure so long after the one before is a new trouble, which begins with a short wait again. */
const HEALTHY_MS = 120_000;
/** A watch is renewed after 5 to 10 minutes: spread, so that those of many bridges are not renewed together. */
const MIN_WATCH_SECONDS = 300;
/** After so much silence one cheap request tells a dead server from a quiet cluster; bookmarks come about once a minute. */
const SILENCE_MS = 10_000;
const PROBE_MS = 5000;
/** A watch on which not even a bookmark comes is given up, though the server answers: something between may have lost it. */
const LOST_WITH_BOOKMARKS_MS = 90_000;
const LOST_MS = 300_000;
/**
 * Without a watch for so long, everything is listed anew: the server may have been restored meanwhile, and nothing tells so
 * when its versions have already passed the one a watch would go on from.
 */
const UNWATCHED_MS = 5000;
/** So many watches in a row that the server ends with an error of its own are not tried again from the same version. */
const MAX_BROKEN = 3;
/** A watch that the server ends sooner than this is no watch: the next waits as after a failure. */
const SHORT_MS = 1000;

/** Goes on until the abort, whose reason it may throw; nothing else ends it. */
export async function* reflect<T>(options: ReflectorOptions<T>): AsyncGenerator<Delta<T>, void, undefined> {
  const { signal, clock } = options;
  const pace = createPace(options);
  const state: State<T> = {
    known: createKnown(),
    version: undefined,
    newest: options.since ?? "0",
    unwatchedSince: undefined,
    bookmarked: false,
  };
  let lost = 0;
  let broken = 0;
  while (!signal.aborted) {
    if (state.unwatchedSince !== undefined && clock.monotonic() - state.unwatchedSince >= UNWATCHED_MS) state.version = undefined;
    if (state.version === undefined) {
      const list = await listAll(options);
      if ("error" in list) {
        yield* wait(list, pace, options);
        continue;
      }
      yield takeList(state, list);
      state.version = list.resourceVersion;
    }
    const began = clock.monotonic();
    const { heard, refusal } = yield* follow(state, state.version, options);
    if (heard) lost = 0;
    broken = heard || !isBroken(refusal) ? 0 : broken + 1;
    if (refusal !== undefined && isVersionLost(refusal)) {
      state.version = undefined;
      // Lost again with nothing heard in between: lists would follow each other as fast as the server gives them.
      if (lost++ > 0) await pause(pace.next(undefined), options);
    } else if (refusal !== undefined) {
      state.unwatchedSince ??= clock.monotonic();
      if (broken >= MAX_BROKEN) state.version = undefined;
      yield* wait(refusal, pace, options);
    } else if (clock.monotonic() - began < SHORT_MS) await pause(pace.next(undefined), options);
  }
}

/** An error of the server's own, such as "etcd event received with PrevKv=nil": some never pass by being tried again. */
function isBroken(refusal: ApiRefusal | undefined): boolean {
  return refusal?.status !== undefined && refusal.status >= 500;
}

interface State<T> {
  readonly known: Known<T>;
  /** Where the next watch begins; undefined: a list is needed. */
  version: string | undefined;
  /** The newest version that was seen. */
  newest: string;
  /** When the last watch broke, or could not be opened; undefined while one is open. */
  unwatchedSince: number | undefined;
  /** This server sends bookmarks. */
  bookmarked: boolean;
}

/** How a watch ended: whether a line came on it, and why; without a refusal it ended regularly. */
interface WatchEnd {
  readonly heard: boolean;
  readonly refusal: ApiRefusal | undefined;
}

/** One watch to its end. */
async function* follow<T>(
  state: State<T>,
  from: string,
  options: ReflectorOptions<T>,
): AsyncGenerator<Delta<T>, WatchEnd, undefined> {
  const { api, path, clock, random, signal } = options;
  const stop = new AbortController();
  const timeoutSeconds = String(Math.round(MIN_WATCH_SECONDS * (1 + random())));
  const query = { ...options.query, resourceVersion: from, allowWatchBookmarks: "true", timeoutSeconds };
  let heard = false;
  let heardAt = clock.monotonic();
  try {
    const lines = api.watch(path, query, AbortSignal.any([signal, stop.signal]));
    for await (const raw of withSilence(lines, { clock, silenceMs: SILENCE_MS, stop })) {
      if (raw === SILENT) {
        const refusal = await probe(state, options);
        if (refusal !== undefined) return { heard, refusal };
        if (clock.monotonic() - heardAt >= (state.bookmarked ? LOST_WITH_BOOKMARKS_MS : LOST_MS)) break;
        yield { type: "current" };
        continue;
      }
      if (raw === OPENED) {
        // After trouble this is the news that it is over; otherwise the list before said as much.
        if (state.unwatchedSince !== undefined) yield { type: "current" };
        state.unwatchedSince = undefined;
        continue;
      }
      const line = readWatchLine(raw, api.faults);
      if (line === undefined) continue;
      if (line.type === "error") return { heard, refusal: line.refusal };
      heard = true;
      heardAt = clock.monotonic();
      note(state, line);
      if (line.type === "bookmark") yield { type: "current" };
      else yield* change(state, line, options);
    }
    return { heard, refusal: undefined };
  } catch (error) {
    if (signal.aborted) return { heard, refusal: undefined };
    if (error instanceof WatchFailed) return { heard, refusal: error.refusal };
    throw error;
  } finally {
    stop.abort();
  }
}

function note<T>(state: State<T>, { type, resourceVersion }: Exclude<WatchLine, { type: "error" }>): void {
  state.bookmarked ||= type === "bookmark";
  if (resourceVersion === undefined) return;
  state.version = resourceVersion;
  state.newest = resourceVersion;
}

/** Asks for one object: undefined when the server answers and is not behind what was seen. */
async function probe<T>(
  { newest }: State<T>,
  { api, path, query, signal }: ReflectorOptions<T>,
): Promise<ApiRefusal | undefined> {
  const answer = await api.get(path, { ...query, limit: "1" }, { timeoutMs: PROBE_MS, signal });
  if ("error" in answer) return answer;
  const version = (answer.body as { readonly metadata?: { readonly resourceVersion?: unknown } } | null)?.metadata
    ?.resourceVersion;
  if (typeof version !== "string" || !isBefore(version, newest)) return undefined;
  const reason = `its state went back from version ${newest} to ${version}`;
  const error = api.faults.refused(410, reason);
  return { error, status: 410, retryAfterMs: undefined };
}

function* change<T>(
  { known }: State<T>,
  line: { readonly type: "put" | "delete"; readonly object: unknown },
  { keep }: ReflectorOptions<T>,
): Generator<Delta<T>> {
  const key = objectKey(line.object);
  if (key === undefined) return;
  // An object that is no longer what is kept is as good as deleted.
  const item = line.type === "put" ? keep(line.object) : undefined;
  const kept = item === undefined ? undefined : { item, version: objectVersion(line.object) };
  if (known.take(key, kept)) yield { type: "changed", changes: new Map([[key, item]]) };
}

/** A list older than what was seen already, as a whole or in one object: the cluster was restored from a backup. */
function takeList<T>(state: State<T>, { items, resourceVersion }: List<T>): Delta<T> {
  const { changes, wentBack } = state.known.replace(items);
  const evidence = wentBack || isBefore(resourceVersion, state.newest) ? suspect("index-went-back") : AUTHORITATIVE;
  state.newest = resourceVersion;
  state.unwatchedSince = undefined;
  return { type: "listed", changes, evidence, resourceVersion };
}

async function* wait<T>(
  refusal: ApiRefusal,
  pace: Pace,
  options: ReflectorOptions<T>,
): AsyncGenerator<Delta<T>, void, undefined> {
  const retryInMs = pace.next(refusal);
  if (!options.signal.aborted) yield { type: "failed", error: refusal.error, retryInMs };
  await pause(retryInMs, options);
}

interface Pace {
  /** How long to wait after this failure, in ms. */
  next(refusal: ApiRefusal | undefined): number;
}

function createPace({ clock, random }: { readonly clock: Clock; readonly random: () => number }): Pace {
  const ordinary = createBackoff({ baseMs: BASE_MS, maxMs: MAX_MS, random });
  const overloaded = createBackoff({ baseMs: BASE_MS, maxMs: OVERLOADED_MAX_MS, random });
  let before = Number.NEGATIVE_INFINITY;
  return {
    next(refusal) {
      const now = clock.monotonic();
      if (now - before >= HEALTHY_MS) for (const backoff of [ordinary, overloaded]) backoff.reset();
      before = now;
      const { status, retryAfterMs } = refusal ?? {};
      return Math.max((status === 429 ? overloaded : ordinary).next(), retryAfterMs ?? 0);
    },
  };
}

/** The sleep's only rejection is the abort, which the loop sees. */
function pause(ms: number, { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal }): Promise<void> {
  return clock.sleep(ms, signal).catch(() => undefined);
}
