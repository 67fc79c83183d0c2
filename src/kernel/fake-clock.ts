/** A clock that stands still until a test moves it. Sleepers wake in the order of their deadlines. */
import type { Clock } from "./clock.ts";

interface Sleeper {
  readonly at: number;
  readonly wake: () => void;
}

export interface FakeClock extends Clock {
  /** Moves time forward by `ms`, waking each sleeper at its own instant and letting its continuations run. */
  advance(ms: number): Promise<void>;
  /** How many sleeps are pending: a test waits for a loop to reach its sleep by looking here. */
  readonly sleeping: number;
}

/** Enough turns of the microtask and immediate queues for a chain of awaits to come to rest. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
}

export function fakeClock(startMs = 1_700_000_000_000): FakeClock {
  let elapsed = 0;
  let sleepers: Sleeper[] = [];
  return {
    now: () => startMs + elapsed,
    monotonic: () => elapsed,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) {
          reject(signal.reason);
          return;
        }
        const onAbort = () => {
          sleepers = sleepers.filter((other) => other !== sleeper);
          reject(signal?.reason);
        };
        const sleeper: Sleeper = {
          at: elapsed + ms,
          wake: () => {
            signal?.removeEventListener("abort", onAbort);
            resolve();
          },
        };
        signal?.addEventListener("abort", onAbort, { once: true });
        sleepers.push(sleeper);
      }),
    get sleeping() {
      return sleepers.length;
    },
    async advance(ms) {
      const until = elapsed + ms;
      await settle();
      for (;;) {
        const next = sleepers.filter((s) => s.at <= until).sort((a, b) => a.at - b.at)[0];
        if (next === undefined) break;
        elapsed = Math.max(elapsed, next.at);
        sleepers = sleepers.filter((other) => other !== next);
        next.wake();
        await settle();
      }
      elapsed = until;
      await settle();
    },
  };
}
