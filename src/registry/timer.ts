/** One deadline that moves: the callback runs once when it has come, however often it was set before. */
import type { Clock } from "../kernel/clock.ts";

export interface Timer {
  /** Monotonic ms; undefined: not at all. Setting the same time again changes nothing. */
  setAt(at: number | undefined): void;
}

/** Ends with the signal. */
export function createTimer(clock: Clock, signal: AbortSignal, run: () => void): Timer {
  let current: { readonly at: number; readonly stop: AbortController } | undefined;
  return {
    setAt(at) {
      if (current?.at === at) return;
      current?.stop.abort();
      current = undefined;
      if (at === undefined || signal.aborted) return;
      const mine = { at, stop: new AbortController() };
      current = mine;
      clock.sleep(Math.max(0, at - clock.monotonic()), AbortSignal.any([mine.stop.signal, signal])).then(
        () => {
          current = undefined;
          run();
        },
        // The only rejection of a sleep is its abort: a newer deadline took over, or everything stops.
        () => undefined,
      );
    },
  };
}
