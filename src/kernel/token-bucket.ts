/** A token bucket: at most `burst` at once, then one each `intervalMs`. */
import type { Clock } from "./clock.ts";

export interface TokenBucketOptions {
  readonly burst: number;
  readonly intervalMs: number;
  readonly clock: Clock;
}

export interface TokenBucket {
  /** Resolves when a token has been taken; rejects when the signal aborts first. */
  take(signal: AbortSignal): Promise<void>;
}

export function createTokenBucket({ burst, intervalMs, clock }: TokenBucketOptions): TokenBucket {
  let tokens = burst;
  let refilledAt = clock.monotonic();
  return {
    async take(signal) {
      const now = clock.monotonic();
      tokens = Math.min(burst, tokens + (now - refilledAt) / intervalMs);
      refilledAt = now;
      // Going below zero reserves a future token, so that several waiters are spread and none overtakes another.
      tokens -= 1;
      if (tokens < 0) await clock.sleep(-tokens * intervalMs, signal);
    },
  };
}
