/** Workloads that want a turn: each at most once in it, and never two turns of one workload at a time. */
import type { Clock } from "../../src/kernel/clock.ts";

export interface WorkQueue {
  /** A turn as soon as there is a place; one during its turn is one more after it. */
  add(key: string): void;
  /** A turn at the latest after `ms`; replaces an earlier word of this kind. */
  addAfter(key: string, ms: number): void;
  /** Waiting or in their turn. */
  readonly depth: number;
  /** Resolves when all turns have ended, after the signal has aborted. */
  idle(): Promise<void>;
}

export interface QueueOptions {
  readonly clock: Clock;
  readonly atOnce: number;
  readonly signal: AbortSignal;
  /** Never rejects. */
  turn(key: string): Promise<void>;
}

export function createQueue({ clock, atOnce, signal, turn }: QueueOptions): WorkQueue {
  const waiting = new Set<string>();
  const running = new Map<string, Promise<void>>();
  const timers = new Map<string, AbortController>();

  const pump = () => {
    for (const key of waiting) {
      if (signal.aborted || running.size >= atOnce) return;
      if (running.has(key)) continue;
      waiting.delete(key);
      const done = turn(key).finally(() => {
        running.delete(key);
        pump();
      });
      running.set(key, done);
    }
  };
  const add = (key: string) => {
    timers.get(key)?.abort();
    timers.delete(key);
    waiting.add(key);
    pump();
  };
  return {
    add,
    addAfter(key, ms) {
      timers.get(key)?.abort();
      const timer = new AbortController();
      timers.set(key, timer);
      clock.sleep(ms, AbortSignal.any([signal, timer.signal])).then(
        () => add(key),
        // The only rejection of a sleep is its abort: it was replaced, or everything ends.
        () => undefined,
      );
    },
    get depth() {
      return waiting.size + running.size;
    },
    async idle() {
      while (running.size > 0) await Promise.all(running.values());
    },
  };
}
