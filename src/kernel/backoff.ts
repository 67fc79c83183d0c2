/** Exponential backoff with full jitter: each wait is uniform in [0, cap], the cap doubling up to `maxMs`. */

export interface BackoffOptions {
  readonly baseMs: number;
  readonly maxMs: number;
  /** Uniform in [0, 1). Injected so that tests are deterministic. */
  readonly random: () => number;
}

export interface Backoff {
  /** The next wait in ms; each call without a reset in between raises the cap. Never less than 1. */
  next(): number;
  /** Back to the first step, after a success. */
  reset(): void;
}

export function createBackoff({ baseMs, maxMs, random }: BackoffOptions): Backoff {
  let attempt = 0;
  return {
    next() {
      const cap = Math.min(maxMs, baseMs * 2 ** Math.min(attempt, 30));
      attempt++;
      return Math.max(1, Math.round(random() * cap));
    },
    reset() {
      attempt = 0;
    },
  };
}
