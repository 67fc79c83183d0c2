/** What is ours in one cluster, kept by list and watch of each kind. */
import type { Clock } from "../../src/kernel/clock.ts";
import type { MeshbridgeError } from "../../src/kernel/errors.ts";
import type { JsonObject } from "../json/value.ts";
import type { ClusterClient, KindRef } from "../kube/types.ts";
import { MANAGED_LABEL } from "../plan/ownership.ts";
import { type Packed, pack, packMetadata, unpack } from "./packed.ts";

export interface CacheOptions {
  readonly client: ClusterClient;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Called after each change, with the workloads it is about. */
  changed(workloads: ReadonlySet<string>): void;
}

export type CacheState =
  /** Every kind that is followed has been listed, and its watch is open. `heardAt`: ms since the epoch, of the oldest. */
  | { readonly state: "current"; readonly heardAt: number }
  | { readonly state: "filling" }
  /** What is known is from before the failure. */
  | { readonly state: "failing"; readonly error: MeshbridgeError; readonly since: number };

export interface ClusterCache {
  /**
   * Begins to follow the kind unless it is followed. `needed`: its objects are compared with what is wanted, so they are kept
   * whole. `to find`: they are only found and deleted, so their metadata is enough; and that the account may not read them is no
   * failure, nothing of them is known. A kind that is needed later is listed anew, once, and `needed` from then on.
   */
  follow(kind: KindRef, need: "needed" | "to find"): void;
  /** Resolves with the state once it is not `filling`; rejects with the signal's reason. */
  settled(signal: AbortSignal): Promise<Exclude<CacheState, { state: "filling" }>>;
  state(): CacheState;
  /**
   * A write was not answered: from now on it is `failing`, until something is heard of it again. The watches themselves notice
   * a silent server only after a while, and every pass would wait for it meanwhile.
   */
  suspect(error: MeshbridgeError): void;
  /** The workload's objects, by `keyText`. */
  objectsOf(workload: string): ReadonlyMap<string, JsonObject>;
  /** Objects of ours, of all workloads. */
  readonly size: number;
}

interface Feed {
  listed: boolean;
  heardAt: number;
  readonly needed: boolean;
  /** Ends it, when the kind is to be followed in another way. */
  readonly stop: AbortController;
  failure: { readonly error: MeshbridgeError; readonly since: number } | undefined;
}

export function createClusterCache({ client, clock, signal, changed }: CacheOptions): ClusterCache {
  const feeds = new Map<string, Feed>();
  const objects = new Map<string, Packed>();
  const byWorkload = new Map<string, Set<string>>();
  let waiters: (() => void)[] = [];
  let doubt: Feed["failure"];

  const put = (item: Packed, touched: Set<string>) => {
    drop(item.key, touched);
    objects.set(item.key, item);
    for (const user of item.users) {
      touched.add(user);
      byWorkload.set(user, (byWorkload.get(user) ?? new Set()).add(item.key));
    }
  };
  const drop = (key: string, touched: Set<string>) => {
    for (const user of objects.get(key)?.users ?? []) {
      touched.add(user);
      const keys = byWorkload.get(user);
      keys?.delete(key);
      if (keys?.size === 0) byWorkload.delete(user);
    }
    objects.delete(key);
  };
  const forget = (prefix: string) => {
    const gone = [...objects.keys()].filter((key) => key.startsWith(prefix));
    for (const key of gone) drop(key, new Set());
  };
  const state = (): CacheState => {
    const all = [...feeds.values()];
    const read = all.filter((feed) => !isForbidden(feed));
    const failing = read.find(({ failure }) => failure !== undefined)?.failure ?? doubt;
    if (failing !== undefined) return { state: "failing", ...failing };
    if (read.length === 0 || read.some(({ listed }) => !listed)) return { state: "filling" };
    return { state: "current", heardAt: Math.min(...read.map(({ heardAt }) => heardAt)) };
  };
  const run = async (kind: KindRef, feed: Feed) => {
    const prefix = `${kind.group}/${kind.kind}/`;
    const keep = feed.needed ? pack : packMetadata;
    const selection = { labelSelector: `${MANAGED_LABEL}=true`, metadataOnly: !feed.needed, keep };
    for await (const delta of client.watch(kind, selection, AbortSignal.any([signal, feed.stop.signal]))) {
      // Followed in another way by now.
      if (feed.stop.signal.aborted) return;
      if (delta.type === "failed") feed.failure ??= { error: delta.error, since: clock.now() };
      else {
        feed.failure = undefined;
        doubt = undefined;
        feed.heardAt = clock.now();
      }
      if (delta.type === "listed") feed.listed = true;
      if ("changes" in delta) {
        const touched = new Set<string>();
        // `namespace/name`, as the second half of a key.
        for (const [place, item] of delta.changes) {
          if (item === undefined) drop(`${prefix}${place}`, touched);
          else put(item, touched);
        }
        if (touched.size > 0) changed(touched);
      }
      const waiting = waiters;
      waiters = [];
      for (const wake of waiting) wake();
    }
  };

  return {
    follow(kind, need) {
      const name = `${kind.group}/${kind.kind}`;
      const needed = need === "needed";
      const known = feeds.get(name);
      if (known !== undefined && (known.needed || !needed)) return;
      known?.stop.abort();
      // What was kept of it is not whole; until it is listed anew, the cluster counts as being read.
      if (known !== undefined) forget(`${name}/`);
      const feed: Feed = { listed: false, heardAt: 0, needed, stop: new AbortController(), failure: undefined };
      feeds.set(name, feed);
      run(kind, feed).catch((error: unknown) => {
        // The abort ends it; anything else is a fault of ours, and must not pass for an empty cluster.
        if (!signal.aborted && !feed.stop.signal.aborted) throw error;
      });
    },
    async settled(limit) {
      for (;;) {
        const now = state();
        if (now.state !== "filling") return now;
        limit.throwIfAborted();
        await new Promise<void>((resolve) => {
          const wake = () => {
            limit.removeEventListener("abort", wake);
            resolve();
          };
          waiters.push(wake);
          limit.addEventListener("abort", wake, { once: true });
        });
      }
    },
    state,
    suspect(error) {
      doubt ??= { error, since: clock.now() };
    },
    objectsOf(workload) {
      const keys = byWorkload.get(workload) ?? new Set();
      return new Map([...keys].flatMap((key) => unpacked(objects.get(key)).map((object) => [key, object] as const)));
    },
    get size() {
      return objects.size;
    },
  };
}

/**
 * Not allowed, and never was: what was read once and is forbidden now has been lost, which says nothing of what is there.
 */
function isForbidden({ needed, listed, failure }: Feed): boolean {
  return !needed && !listed && failure?.error.details["statusCode"] === 403;
}

function unpacked(item: Packed | undefined): readonly JsonObject[] {
  return item === undefined ? [] : [unpack(item)];
}
