/** A limit to how long something may take. */
import type { Clock } from "../../../src/kernel/clock.ts";
import { abortable } from "../waiting.ts";

export interface Deadline {
  readonly clock: Clock;
  readonly ms: number;
  /** What did not come in time, for the error: `no {what} within {ms} ms`. */
  readonly what: string;
  readonly signal: AbortSignal;
}

/**
 * The outcome of the work, which is told by its signal when it is too late. Rejects with an error that names what did not
 * come in time, or with the signal's reason. `discard` takes what comes about after that.
 */
export async function withDeadline<T>(
  { clock, ms, what, signal }: Deadline,
  work: (signal: AbortSignal) => Promise<T>,
  discard: (late: T) => void,
): Promise<T> {
  signal.throwIfAborted();
  const enough = new AbortController();
  const limit = AbortSignal.any([signal, enough.signal]);
  const timer = clock.sleep(ms, limit).then(
    () => enough.abort(new Error(`no ${what} within ${ms} ms`)),
    () => undefined, // The work, or the signal, came first.
  );
  const pending = work(limit);
  try {
    return await abortable(pending, limit);
  } catch (error) {
    pending.then(discard, () => undefined); // Its failure changes nothing: this one is told.
    throw error;
  } finally {
    enough.abort();
    await timer;
  }
}
