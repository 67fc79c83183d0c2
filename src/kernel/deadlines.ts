/**
 * Many waits of the same length with one timer: a timer, a signal and a promise for each of a thousand connections that
 * come at once cost more than what is waited for.
 */
import type { Clock } from "./clock.ts";

/** One reason for all: without it each abort makes an error with a stack. */
const NOBODY_WAITS = new Error("nobody waits any more");

/** `key` is whatever the wait is about; it has at most one. */
export interface Deadlines<K> {
  /** Begins the wait; one that the key has already begins anew. */
  start(key: K): void;
  /** Ends it early; without effect when there is none. */
  stop(key: K): void;
}

/** Calls `onOver` for each key `ms` after its start, unless it was stopped. Nothing is left running while nobody waits. */
export function createDeadlines<K>(ms: number, clock: Clock, onOver: (key: K) => void): Deadlines<K> {
  /** When each is over, the soonest first: all are equally long. */
  const waits = new Map<K, number>();
  let sleep: AbortController | undefined;

  const wait = () => {
    const [first] = waits.values();
    if (first === undefined) return;
    const ended = new AbortController();
    sleep = ended;
    clock.sleep(Math.max(0, first - clock.monotonic()), ended.signal).then(
      expire,
      // The only rejection of a sleep is its abort: nobody waits any more.
      () => undefined,
    );
  };

  const expire = () => {
    sleep = undefined;
    const now = clock.monotonic();
    for (const [key, at] of waits) {
      if (at > now) break;
      waits.delete(key);
      onOver(key);
    }
    if (sleep === undefined) wait();
  };

  return {
    start(key) {
      waits.delete(key);
      waits.set(key, clock.monotonic() + ms);
      if (sleep === undefined) wait();
    },
    stop(key) {
      if (!waits.delete(key) || waits.size > 0) return;
      sleep?.abort(NOBODY_WAITS);
      sleep = undefined;
    },
  };
}
