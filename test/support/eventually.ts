/** Waiting for what happens elsewhere: by looking again until a deadline, never by sleeping and hoping. */
import { setTimeout as sleep } from "node:timers/promises";
import { reasonOf } from "../../src/kernel/errors.ts";

export interface PollOptions {
  /** The bound, in ms; default 10 s. */
  readonly withinMs?: number;
  /** Time between two looks, in ms; default 20. */
  readonly everyMs?: number;
}

const WITHIN_MS = 10_000;
const EVERY_MS = 20;

/**
 * Runs `check` until it no longer throws. Resolves with the ms that took; rejects with the last reason when the bound
 * is over. `what` completes the sentence "it did not happen that …".
 */
export async function eventually(what: string, check: () => unknown, options: PollOptions = {}): Promise<number> {
  const { withinMs = WITHIN_MS, everyMs = EVERY_MS } = options;
  const started = performance.now();
  for (;;) {
    let failure: unknown;
    try {
      await check();
      return Math.round(performance.now() - started);
    } catch (error) {
      // Not an end: what is waited for has not come yet. The last reason is told when the time is over.
      failure = error;
    }
    if (performance.now() - started > withinMs)
      throw new Error(`it did not happen within ${withinMs} ms that ${what}: ${reasonOf(failure)}`, { cause: failure });
    await sleep(everyMs);
  }
}

/** Runs `check` again and again for `forMs`; rejects as soon as it throws once. `what` completes "it did not stay so that …". */
export async function steadily(what: string, forMs: number, check: () => unknown, everyMs = 100): Promise<void> {
  const started = performance.now();
  do {
    try {
      await check();
    } catch (error) {
      const after = Math.round(performance.now() - started);
      throw new Error(`it did not stay so that ${what} (after ${after} of ${forMs} ms): ${reasonOf(error)}`, { cause: error });
    }
    await sleep(everyMs);
  } while (performance.now() - started < forMs);
}
