/** Looks at the workload again and again, and tells when the verdict changes. */
import type { Clock } from "../../kernel/clock.ts";
import { withTimeout } from "../../kernel/promises.ts";
import type { Look } from "./probes.ts";
import { NO_VERDICT, nextVerdict, type Thresholds } from "./threshold.ts";

export interface ReadinessOptions {
  readonly looks: readonly Look[];
  readonly thresholds: Thresholds;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Whether the workload is ready, and why not. */
export interface Readiness {
  readonly ready: boolean;
  /** False: it was not looked at often enough to say either. Then it is not `ready`. */
  readonly known: boolean;
  readonly reason: string | undefined;
}

/** What the first look says, then each verdict that differs. Ends with the signal. */
export async function* watchReadiness(options: ReadinessOptions): AsyncGenerator<Readiness> {
  const { looks, thresholds, intervalMs, timeoutMs, clock, signal } = options;
  let verdict = NO_VERDICT;
  let told: Readiness | undefined;
  while (!signal.aborted) {
    const reasons = await Promise.all(looks.map((look) => look(withTimeout(signal, timeoutMs))));
    if (signal.aborted) return;
    const reason = reasons.find((one) => one !== undefined);
    verdict = nextVerdict(verdict, reason === undefined, thresholds);
    const { ready = false } = verdict;
    const now = {
      ...{ ready, known: verdict.ready !== undefined },
      reason: ready ? undefined : (reason ?? "not yet ready often enough"),
    };
    if (told?.ready !== ready || told.known !== now.known || (!ready && told.reason !== now.reason)) yield now;
    told = now;
    // Its only rejection is the abort, which the loop sees.
    await clock.sleep(intervalMs, signal).catch(() => undefined);
  }
}
