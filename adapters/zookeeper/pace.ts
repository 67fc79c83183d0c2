/** When the registry is read again, and when it is asked for a sign of life. Deterministic: time comes from the clock. */
import type { Clock } from "../../src/kernel/clock.ts";

/**
 * Readings follow each other no faster than this, in ms, and leave the server twice the time that they took; the first
 * one comes at once. So a storm of changes of one large parent costs some lists of its children a second, not one for
 * each change.
 */
const SPACING_MS = 20;
const MAX_SPACING_MS = 1000;

export interface Pace {
  readonly mayRead: boolean;
  /** A reading begins; to be called at its end. */
  beginReading(): () => void;
  readonly mayProbe: boolean;
  probed(): void;
  /** Ms until one of the two may be done; reading counts only when there is something to read. */
  dueInMs(dirty: boolean): number;
}

/** For one connection, beginning now. */
export function createPace(clock: Clock, probeMs: number): Pace {
  let readAt = clock.monotonic();
  let probeAt = readAt + probeMs;
  return {
    get mayRead() {
      return clock.monotonic() >= readAt;
    },
    beginReading() {
      const from = clock.monotonic();
      return () => {
        const now = clock.monotonic();
        readAt = now + Math.min(MAX_SPACING_MS, Math.max(SPACING_MS, 2 * (now - from)));
      };
    },
    get mayProbe() {
      return clock.monotonic() >= probeAt;
    },
    probed() {
      probeAt = clock.monotonic() + probeMs;
    },
    dueInMs: (dirty) => Math.max(0, (dirty ? Math.min(readAt, probeAt) : probeAt) - clock.monotonic()),
  };
}
