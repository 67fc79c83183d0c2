/** Keeps a session alive by pings, and notices when the server is silent. */
import type { Clock } from "../../../src/kernel/clock.ts";

/** Below there would be pings without end, above nothing would be noticed. */
const MIN_TIMEOUT_MS = 100;
const MAX_TIMEOUT_MS = 120_000;

/** The timeout to keep to, of what a server said that it grants. */
export function boundedTimeout(grantedMs: number): number {
  return Math.min(Math.max(grantedMs, MIN_TIMEOUT_MS), MAX_TIMEOUT_MS);
}

export interface KeepAliveOptions {
  readonly clock: Clock;
  /** Ms of the session's timeout. */
  readonly timeoutMs: number;
  /** When something was heard last, by the monotonic clock. */
  readonly heardAt: () => number;
  /** Since when a request has been waiting; undefined: none. */
  readonly waitingSince: () => number | undefined;
  readonly ping: () => void;
  /** Ends it. */
  readonly signal: AbortSignal;
}

/** As the Java client: a ping after a third of the session's timeout, the end after two thirds of silence. */
function readDeadline(timeoutMs: number): number {
  return Math.floor((timeoutMs * 2) / 3);
}

/**
 * Pings until the server is silent, or leaves a request unanswered, for the read deadline; resolves with what is wrong then.
 * Resolves with undefined when the signal aborts.
 */
export async function keepAlive(options: KeepAliveOptions): Promise<Error | undefined> {
  const { clock, timeoutMs, heardAt, waitingSince, ping, signal } = options;
  const deadline = readDeadline(timeoutMs);
  const pause = Math.floor(timeoutMs / 3);
  let pingAt = clock.monotonic() + pause;
  let excused = false;
  for (;;) {
    const since = Math.min(heardAt(), waitingSince() ?? Number.POSITIVE_INFINITY);
    const wakeAt = Math.min(pingAt, since + deadline);
    const ms = Math.max(wakeAt - clock.monotonic(), 0);
    if (!(await slept(clock, ms, signal))) return undefined;
    const now = clock.monotonic();
    if (now >= pingAt) {
      ping();
      pingAt = now + pause;
    }
    // A process that was itself held up first takes in what came in the meantime.
    if (now - wakeAt > pause && !excused) {
      excused = true;
      if (!(await slept(clock, pause, signal))) return undefined;
      continue;
    }
    excused = false;
    if (now - heardAt() >= deadline) return new Error(`nothing came from the server for ${deadline} ms`);
    if (now - (waitingSince() ?? now) >= deadline) return new Error(`a request was not answered for ${deadline} ms`);
  }
}

/** False when the signal aborted first. */
function slept(clock: Clock, ms: number, signal: AbortSignal): Promise<boolean> {
  return clock.sleep(ms, signal).then(
    () => true,
    () => false,
  );
}
