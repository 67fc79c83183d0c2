/** For tests and simulations: an API server in memory that keeps to the rules of the real one, and its faults. */
import type { Clock } from "../kernel/clock.ts";
import { type ApiAnswer, type ApiRefusal, type KubeApi, OPENED, WatchFailed } from "./api.ts";
import { registryFaults } from "./faults.ts";

export interface ModelObject {
  readonly metadata: { readonly namespace: string; readonly name: string } & Readonly<Record<string, unknown>>;
  readonly [field: string]: unknown;
}

export interface ModelApi extends KubeApi {
  put(path: string, object: ModelObject): void;
  remove(path: string, namespace: string, name: string): void;
  /** Forgets history: watches that resume from before are answered 410. */
  compact(): void;
  /** Every request fails so, and open watches break; undefined heals. */
  refuseWith(refusal: { readonly status: number | undefined; readonly reason: string } | undefined): void;
  /** Breaks every open watch; the next is answered. */
  breakWatches(): void;
  /** Open watches are silent for ever, as if a proxy had lost them; new ones are well. */
  loseWatches(): void;
  /** Requests are accepted and never answered; what open watches have to say waits, in order, until it is over. */
  hang(on: boolean): void;
  bookmark(): void;
  /** Sends the newest event again, as a server may after it was restarted. */
  repeatLast(): void;
  /** What it holds. */
  objects(path: string): readonly ModelObject[];
  /** A copy of everything, to go back to. */
  backup(): () => void;
  readonly counts: { lists: number; watches: number };
  /** Requests that are never answered. */
  readonly hung: number;
  readonly openWatches: number;
}

interface Event {
  readonly version: number;
  readonly path: string;
  readonly line: unknown;
}

interface Watcher {
  readonly path: string;
  push(line: unknown): void;
  /** Looks again at what there is to send. */
  wake(): void;
  break(refusal?: ApiRefusal): void;
}

/** As in connect.ts. */
const OPEN_MS = 10_000;
const FAULTS = registryFaults("model", "https://model");

function refusalOf(status: number | undefined, reason: string): ApiRefusal {
  const error = status === undefined ? FAULTS.unreachable(reason, undefined) : FAULTS.refused(status, reason);
  return { error, status, retryAfterMs: undefined };
}

/** With a clock, what is never answered ends at its deadline. */
export function createModelApi(pageSize = Number.POSITIVE_INFINITY, clock?: Clock): ModelApi {
  let version = 1;
  let oldest = 1;
  let objects = new Map<string, Map<string, ModelObject>>();
  let history: Event[] = [];
  const snapshots = new Map<string, readonly ModelObject[]>();
  let refused: ApiRefusal | undefined;
  let hanging = false;
  const watchers = new Set<Watcher>();
  const counts = { lists: 0, watches: 0 };
  let hung = 0;

  const of = (path: string) => {
    const known = objects.get(path) ?? new Map<string, ModelObject>();
    objects.set(path, known);
    return known;
  };
  const record = (path: string, type: string, object: ModelObject) => {
    version++;
    const stamped = { ...object, metadata: { ...object.metadata, resourceVersion: String(version) } };
    const event = { version, path, line: { type, object: stamped } };
    history.push(event);
    for (const watcher of watchers) if (watcher.path === path) watcher.push(event.line);
    return stamped;
  };
  const breakAll = (refusal?: ApiRefusal) => {
    for (const watcher of [...watchers]) watcher.break(refusal);
  };
  const forever = (signal: AbortSignal) =>
    new Promise<never>((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason), { once: true }));

  return {
    faults: FAULTS,
    counts,
    get hung() {
      return hung;
    },
    get openWatches() {
      return watchers.size;
    },
    put(path, object) {
      const key = `${object.metadata.namespace}/${object.metadata.name}`;
      const type = of(path).has(key) ? "MODIFIED" : "ADDED";
      of(path).set(key, record(path, type, object));
    },
    remove(path, namespace, name) {
      const key = `${namespace}/${name}`;
      const known = of(path).get(key);
      if (known === undefined) return;
      of(path).delete(key);
      record(path, "DELETED", known);
    },
    compact() {
      history = [];
      oldest = version;
    },
    refuseWith(refusal) {
      refused = refusal && refusalOf(refusal.status, refusal.reason);
      if (refused !== undefined) breakAll(refused);
    },
    breakWatches: () => breakAll(refusalOf(undefined, "connection reset")),
    loseWatches: () => watchers.clear(),
    hang(on) {
      hanging = on;
      for (const watcher of watchers) watcher.wake();
    },
    bookmark() {
      for (const watcher of watchers)
        watcher.push({ type: "BOOKMARK", object: { metadata: { resourceVersion: String(version) } } });
    },
    repeatLast() {
      const last = history.at(-1);
      for (const watcher of watchers) if (last !== undefined && watcher.path === last.path) watcher.push(last.line);
    },
    objects: (path) => [...of(path).values()],
    backup() {
      const then = { version, objects: new Map([...objects].map(([path, all]) => [path, new Map(all)])) };
      return () => {
        ({ version } = then);
        objects = new Map([...then.objects].map(([path, all]) => [path, new Map(all)]));
        history = [];
        oldest = version;
        breakAll(refusalOf(undefined, "connection reset"));
      };
    },
    async get(path, query, { timeoutMs, signal }): Promise<ApiAnswer> {
      if (hanging) {
        hung++;
        const late = clock?.sleep(timeoutMs, signal).then(() => refusalOf(undefined, `no answer within ${timeoutMs} ms`));
        return await (late ?? forever(signal));
      }
      if (refused !== undefined) return refused;
      counts.lists++;
      const [from = 0, at = version] = (query["continue"] ?? "").split("@").filter(Boolean).map(Number);
      if (at < oldest && from > 0) return refusalOf(410, "the continue token is too old");
      // Later pages are of the same moment as the first.
      const page = `${path}@${at}`;
      const sorted = () => [...of(path)].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, object]) => object);
      const all = (from > 0 ? snapshots.get(page) : undefined) ?? sorted();
      snapshots.set(page, all);
      const limit = Math.min(pageSize, Number(query["limit"] ?? all.length));
      const items = all.slice(from, from + limit);
      const next = from + limit < all.length ? `${from + limit}@${at}` : "";
      return { body: { items, metadata: { resourceVersion: String(at), continue: next } } };
    },
    async *watch(path, query, signal) {
      if (hanging) {
        await (clock?.sleep(OPEN_MS, signal) ?? forever(signal));
        throw new WatchFailed(refusalOf(undefined, "no answer"));
      }
      if (refused !== undefined) throw new WatchFailed(refused);
      counts.watches++;
      const from = Number(query["resourceVersion"]);
      if (from < oldest) throw new WatchFailed(refusalOf(410, "too old resource version"));
      if (from > version) throw new WatchFailed(refusalOf(504, `Too large resource version: ${from}, current: ${version}`));
      const waiting: unknown[] = [
        OPENED,
        ...history.filter((event) => event.path === path && event.version > from).map(({ line }) => line),
      ];
      let wake: () => void = () => undefined;
      let ended: { readonly refusal: ApiRefusal | undefined } | undefined;
      const watcher: Watcher = {
        path,
        push(line) {
          waiting.push(line);
          wake();
        },
        wake: () => wake(),
        break(refusal) {
          ended = { refusal };
          watchers.delete(watcher);
          wake();
        },
      };
      watchers.add(watcher);
      const onAbort = () => wake();
      signal.addEventListener("abort", onAbort, { once: true });
      try {
        for (;;) {
          signal.throwIfAborted();
          const line = hanging ? undefined : waiting.shift();
          if (line !== undefined) yield line;
          else if (ended?.refusal !== undefined) throw new WatchFailed(ended.refusal);
          else if (ended !== undefined) return;
          else
            await new Promise<void>((resolve) => {
              wake = resolve;
            });
        }
      } finally {
        watchers.delete(watcher);
        signal.removeEventListener("abort", onAbort);
      }
    },
    close: () => breakAll(refusalOf(undefined, "closed")),
  };
}
