/** What is ours in one cluster, kept by list and watch of each kind. */
import type { Clock } from "../../src/kernel/clock.ts";
import type { MeshbridgeError } from "../../src/kernel/errors.ts";
import type { JsonObject } from "../json/value.ts";
import type { ClusterClient, KindRef } from "../kube/types.ts";
import { MANAGED_LABEL } from "../plan/ownership.ts";
import { type Packed, pack, unpack } from "./packed.ts";

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
   * Begins to follow the kind unless it is followed. `if allowed`: that the account may not read it is no failure, and
   * nothing of it is known; `needed` once is needed.
   */
  follow(kind: KindRef, need: "needed" | "if allowed"): void;
  /** Resolves with the state once it is not `filling`; rejects with the signal's reason. */
  settled(signal: AbortSignal): Promise<Exclude<CacheState, { state: "filling" }>>;
  state(): CacheState;
  /** The workload's objects, by `keyText`. */
  objectsOf(workload: string): ReadonlyMap<string, JsonObject>;
  /** Objects of ours, of all workloads. */
  readonly size: number;
}

interface Feed {
  listed: boolean;
  heardAt: number;
  needed: boolean;
  failure: { readonly error: MeshbridgeError; readonly since: number } | undefined;
}

export function createClusterCache({ client, clock, signal, changed }: CacheOptions): ClusterCache {
  const feeds = new Map<string, Feed>();
  const objects = new Map<string, Packed>();
  const byWorkload = new Map<string, Set<string>>();
  let waiters: (() => void)[] = [];

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
  const state = (): CacheState => {
    const all = [...feeds.values()];
    const read = all.filter((feed) => !isForbidden(feed));
    const failing = read.find(({ failure }) => failure !== undefined)?.failure;
    if (failing !== undefined) return { state: "failing", ...failing };
    if (read.length === 0 || read.some(({ listed }) => !listed)) return { state: "filling" };
    return { state: "current", heardAt: Math.min(...read.map(({ heardAt }) => heardAt)) };
  };
  const run = async (kind: KindRef, feed: Feed) => {
    const prefix = `${kind.group}/${kind.kind}/`;
    for await (const delta of client.watch(kind, { labelSelector: `${MANAGED_LABEL}=true`, keep: pack }, signal)) {
      if (delta.type === "failed") feed.failure ??= { error: delta.error, since: clock.now() };
      else {
        feed.failure = undefined;
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
      const known = feeds.get(name);
      if (known !== undefined) {
        known.needed ||= need === "needed";
        return;
      }
      const feed: Feed = { listed: false, heardAt: 0, needed: need === "needed", failure: undefined };
      feeds.set(name, feed);
      run(kind, feed).catch((error: unknown) => {
        // The abort ends it; anything else is a fault of ours, and must not pass for an empty cluster.
        if (!signal.aborted) throw error;
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
