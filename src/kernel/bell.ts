/** A wait that may be cut short. */
import type { Clock } from "./clock.ts";

/** Wakes one waiter. Calls while nobody waits are remembered as one. */
export interface Bell {
  ring(): void;
  /** Resolves when it rings, or after `ms`; rejects with the signal's reason. At once when it rang since the last wait. */
  wait(ms: number, signal: AbortSignal): Promise<void>;
}

/** A bell that has not rung. */
export function createBell(clock: Clock): Bell {
  let rung = false;
  let wake: (() => void) | undefined;
  return {
    ring() {
      rung = true;
      wake?.();
    },
    async wait(ms, signal) {
      signal.throwIfAborted();
      if (!rung) {
        const enough = new AbortController();
        const rings = new Promise<void>((resolve) => {
          wake = resolve;
        });
        try {
          await Promise.race([rings, clock.sleep(ms, AbortSignal.any([signal, enough.signal]))]);
        } finally {
          wake = undefined;
          enough.abort();
        }
      }
      rung = false;
    },
  };
}
