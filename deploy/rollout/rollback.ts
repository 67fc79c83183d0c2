/** The way back: clusters that were changed return to the previous revision, the newest first, through the same gate. Pure. */
import { started, watchCluster } from "./progress.ts";
import type { StepInput } from "./step.ts";
import type { ClusterProgress, RolloutPlan, RolloutState, RolloutStep } from "./types.ts";
import { applyActions, nextDeadline, waitActions } from "./waiting.ts";

/**
 * One stage at a time, as many clusters at once as that stage allows, without soak. A cluster that does not come back in
 * time is told and passed over: the others must not wait for it. It may still come back later.
 */
export function rollBack({ plan, state, facts, now }: StepInput): RolloutStep {
  const revision = state.previous;
  if (revision === null) return { state, actions: [], nextAt: undefined };
  const seen = state.clusters.map((one) => watched(one, { plan, state, facts, now }, revision));
  const clusters = state.phase === "RollingBack" ? openNewest(plan, seen, now) : seen;
  const inFlight = clusters.filter(({ phase }) => phase === "RollingBack");
  const failed = clusters.filter(({ phase }) => phase === "RollbackFailed");
  const done = inFlight.length === 0 && !clusters.some(isChanged);
  const next: RolloutState = done ? { ...state, ...ended(revision, failed), clusters } : { ...state, clusters };
  const told = [...inFlight, ...failed];
  return {
    state: next,
    actions: [...applyActions(told, facts, revision).toReversed(), ...waitActions(told)],
    nextAt: nextDeadline(inFlight, plan, now),
  };
}

function ended(revision: string, failed: readonly ClusterProgress[]): Pick<RolloutState, "phase" | "reason" | "message"> {
  if (failed.length === 0)
    return { phase: "RolledBack", reason: "RolledBack", message: `every changed cluster is at revision ${revision} again` };
  const names = failed.map(({ cluster }) => cluster).join(", ");
  return { phase: "RollbackIncomplete", reason: "RollbackIncomplete", message: `not back at revision ${revision}: ${names}` };
}

/** Changed, and its turn to go back has not come. */
function isChanged({ order, phase }: ClusterProgress): boolean {
  return order !== null && !["RollingBack", "RolledBack", "RollbackFailed"].includes(phase);
}

function watched(one: ClusterProgress, { plan, facts, now }: StepInput, revision: string): ClusterProgress {
  if (one.phase !== "RollingBack" && one.phase !== "RollbackFailed") return one;
  const context = { gate: plan.gate, soakMs: 0, deadlineMs: plan.deadlineMs, revision, now };
  const { outcome, progress } = watchCluster(one, facts.get(one.cluster) ?? {}, context);
  if (outcome === "passed") return { ...progress, phase: "RolledBack" };
  // What looks broken before its time is up may be what the way back has yet to mend.
  const late = now - (one.startedAt ?? now) >= plan.deadlineMs;
  return { ...progress, phase: late || one.phase === "RollbackFailed" ? "RollbackFailed" : "RollingBack" };
}

function openNewest(plan: RolloutPlan, clusters: readonly ClusterProgress[], now: number): readonly ClusterProgress[] {
  const stageOf = (name: string) => plan.stages.find((stage) => stage.clusters.includes(name));
  const inFlight = clusters.filter(({ phase }) => phase === "RollingBack");
  const newest = clusters.filter(isChanged).toSorted((a, b) => (b.order ?? 0) - (a.order ?? 0));
  const stage = stageOf((inFlight[0] ?? newest[0])?.cluster ?? "");
  let free = (stage?.maxConcurrency ?? 1) - inFlight.length;
  const opened = new Set<string>();
  for (const { cluster } of newest) {
    if (free <= 0 || stageOf(cluster) !== stage) break;
    opened.add(cluster);
    free--;
  }
  return clusters.map((one) => (opened.has(one.cluster) ? started(one, "RollingBack", one.order, now) : one));
}
