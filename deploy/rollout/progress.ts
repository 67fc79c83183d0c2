/** One cluster on its way through the gate. Pure. */
import { isUnreachable, judgeGate } from "./gate.ts";
import type { ClusterFacts, ClusterProgress, GateRule } from "./types.ts";

export interface WatchContext {
  readonly gate: GateRule;
  readonly soakMs: number;
  /** Infinite while paused. */
  readonly deadlineMs: number;
  readonly revision: string;
  readonly now: number;
}

export type Outcome =
  | { readonly outcome: "waiting" | "passed" | "failed" | "deferred"; readonly progress: ClusterProgress }
  /** The time is up and nothing fresh is known: a person must look. */
  | { readonly outcome: "blind"; readonly progress: ClusterProgress };

/** A cluster that nobody has told to change. */
export function pendingProgress(cluster: string): ClusterProgress {
  return {
    cluster,
    phase: "Pending",
    order: null,
    startedAt: null,
    passingSince: null,
    lastPassingAt: null,
    message: "waits for its turn",
  };
}

/** The same cluster, told to change now, or told again. */
export function started(
  progress: ClusterProgress,
  phase: "Verifying" | "RollingBack",
  order: number | null,
  now: number,
): ClusterProgress {
  return { ...progress, phase, order, startedAt: now, passingSince: null, lastPassingAt: null, message: "told to change" };
}

/**
 * Soak is counted between observations, never by the clock, so a controller that slept has seen nothing. A gap of more
 * than `freshFor` between observations that passed, or one that did not pass, begins the soak anew.
 */
export function watchCluster(progress: ClusterProgress, facts: ClusterFacts, context: WatchContext): Outcome {
  const { gate, revision, now, soakMs } = context;
  const startedAt = progress.startedAt ?? now;
  const late = now - startedAt >= context.deadlineMs;
  const verdict = judgeGate(gate, facts, { revision, startedAt, now });
  // A cluster that cannot be reached has not failed, whatever the registry says of its instances.
  if (late && verdict.verdict !== "Passing" && isUnreachable(facts, gate, now))
    return { outcome: "deferred", progress: { ...progress, message: "not reachable: its turn comes again when it is back" } };
  switch (verdict.verdict) {
    case "Passing": {
      const soaking = soak(progress, verdict.observedAt, gate.freshForMs);
      const soaked = (soaking.lastPassingAt ?? 0) - (soaking.passingSince ?? 0);
      if (soaked >= soakMs) return { outcome: "passed", progress: { ...soaking, message: `has passed for ${seconds(soaked)}` } };
      const message = `passes; ${seconds(soaked)} of ${seconds(soakMs)} of its soak are seen`;
      return late
        ? failed(soaking, `${message}, and the deadline is over`)
        : { outcome: "waiting", progress: { ...soaking, message } };
    }
    case "Failed":
      return failed(progress, verdict.message);
    case "Waiting": {
      if (verdict.critical && progress.passingSince !== null)
        return failed(progress, `passed and then did not: ${verdict.message}`);
      if (late) return failed(progress, `the deadline is over: ${verdict.message}`);
      return { outcome: "waiting", progress: { ...progress, passingSince: null, lastPassingAt: null, message: verdict.message } };
    }
    case "Unknown":
      return { outcome: late ? "blind" : "waiting", progress: { ...progress, message: `Unknown: ${verdict.message}` } };
  }
}

function soak(progress: ClusterProgress, observedAt: number, freshForMs: number): ClusterProgress {
  const { passingSince, lastPassingAt } = progress;
  const unbroken = passingSince !== null && lastPassingAt !== null && observedAt - lastPassingAt <= freshForMs;
  // An older observation than the last one adds nothing.
  if (unbroken) return { ...progress, lastPassingAt: Math.max(lastPassingAt, observedAt) };
  return { ...progress, passingSince: observedAt, lastPassingAt: observedAt };
}

function failed(progress: ClusterProgress, message: string): Outcome {
  return { outcome: "failed", progress: { ...progress, message } };
}

const seconds = (ms: number) => `${Math.round(ms / 1000)} s`;
