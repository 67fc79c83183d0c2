/** What is repeated and awaited while clusters are being changed. Pure. */
import type { ClusterFacts, ClusterProgress, RolloutAction, RolloutPlan } from "./types.ts";

/** Told again until it is seen to have arrived: what is known from before may be about a write that was lost. */
export function applyActions(
  inFlight: readonly ClusterProgress[],
  facts: ReadonlyMap<string, ClusterFacts>,
  revision: string,
): readonly RolloutAction[] {
  return inFlight
    .filter(({ cluster, startedAt }) => {
      const workload = facts.get(cluster)?.workload;
      return workload?.revision !== revision || workload.observedAt <= (startedAt ?? 0);
    })
    .toSorted((a, b) => (a.order ?? 0) - (b.order ?? 0))
    .map(({ cluster }) => ({ type: "apply", cluster, revision }));
}

export function waitActions(inFlight: readonly ClusterProgress[]): readonly RolloutAction[] {
  return inFlight.map(({ cluster, message }) => ({ type: "wait", cluster, message }));
}

/** The next deadline of those in flight; facts are pushed by whoever observes them. */
export function nextDeadline(inFlight: readonly ClusterProgress[], plan: RolloutPlan, now: number): number | undefined {
  const times = inFlight
    .flatMap(({ startedAt }) => (startedAt === null ? [] : [startedAt + plan.deadlineMs]))
    .filter((at) => at > now);
  return times.length === 0 ? undefined : Math.min(...times);
}
