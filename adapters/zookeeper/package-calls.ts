/** Calls of the `node-zookeeper-client` package, which itself calls back late, twice or never when a connection ends. */
import type { Clock } from "../../src/kernel/clock.ts";
import { MAX_IN_FLIGHT } from "./wire/requests.ts";

/** Begins a call; `done` is called with its failure, or with what it gave. What it throws is its failure too. */
export type Call<T> = (done: (error: unknown, value: T | undefined) => void) => void;

export interface PackageCalls {
  /** At most so many are begun before the first has come back. Rejects with the call's own failure, or `refuse`'s error. */
  run<T>(call: Call<T>): Promise<T | undefined>;
  /** Rejects all that are under way, and all that come. */
  refuse(error: Error): void;
  /** What `refuse` was given last. */
  readonly refused: Error | undefined;
  /** Since when the oldest call has been waiting for its turn to move on; undefined: none is under way. */
  readonly waitingSince: number | undefined;
}

interface Waiting {
  readonly begin: () => void;
  readonly reject: (error: unknown) => void;
}

export function createPackageCalls(clock: Clock): PackageCalls {
  const inFlight = new Set<Waiting>();
  const waiting = new Set<Waiting>();
  let refused: Error | undefined;
  let movedAt = 0;

  const beginWaiting = () => {
    for (const next of waiting) {
      if (inFlight.size >= MAX_IN_FLIGHT) return;
      waiting.delete(next);
      if (inFlight.size === 0) movedAt = clock.monotonic();
      inFlight.add(next);
      next.begin();
    }
  };
  const finish = (call: Waiting) => {
    if (!inFlight.delete(call)) return;
    movedAt = clock.monotonic();
    beginWaiting();
  };
  return {
    async run<T>(call: Call<T>): Promise<T | undefined> {
      if (refused !== undefined) throw refused;
      return new Promise<T | undefined>((resolve, reject) => {
        const begin = () => {
          try {
            call((error, value) => {
              if (error) reject(error);
              else resolve(value);
              finish(entry);
            });
          } catch (error) {
            reject(error);
            finish(entry);
          }
        };
        const entry: Waiting = { begin, reject };
        waiting.add(entry);
        beginWaiting();
      });
    },
    refuse(error) {
      refused = error;
      for (const { reject } of [...inFlight, ...waiting]) reject(error);
      inFlight.clear();
      waiting.clear();
    },
    get refused() {
      return refused;
    },
    get waitingSince() {
      return inFlight.size === 0 ? undefined : movedAt;
    },
  };
}
