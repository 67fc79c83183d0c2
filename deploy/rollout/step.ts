/**
 * The rollout as a state machine: from the plan, the recorded state, facts and the time to the next state and actions.
 * Pure. The caller writes the state first and acts then; killed in between, the next step says the same again.
 */
import { isUnreachable } from "./gate.ts";
import { type Outcome, pendingProgress, started, watchCluster } from "./progress.ts";
import { rollBack } from "./rollback.ts";
import type { ClusterFacts, ClusterProgress, RolloutAction, RolloutPlan, RolloutState, RolloutStep } from "./types.ts";
import { applyActions, nextDeadline, waitActions } from "./waiting.ts";

export interface StepInput {
  readonly plan: RolloutPlan;
  readonly state: RolloutState;
  readonly facts: ReadonlyMap<string, ClusterFacts>;
  readonly now: number;
}

/** A new rollout, or the same one when it is for this revision already. */
export function beginRollout(state: RolloutState | undefined, revision: string): RolloutState {
  if (state?.revision === revision) return state;
  // Only what went through the gate everywhere is worth going back to.
  const previous = state === undefined ? null : state.phase === "Succeeded" ? state.revision : state.previous;
  return {
    revision,
    previous,
    phase: "Progressing",
    pausedFrom: null,
    reason: "Started",
    message: `revision ${revision} is rolled out`,
    approvals: [],
    clusters: [],
  };
}

/** The next step. Asked again with its own state and the same facts and time, it changes nothing but messages. */
export function nextStep(input: StepInput): RolloutStep {
  const state = { ...input.state, clusters: sameClusters(input) };
  switch (state.phase) {
    case "Progressing":
      return progress({ ...input, state });
    case "Succeeded":
      // A cluster that joined later goes through the same gate.
      return state.clusters.every(({ phase }) => phase === "Passed" || phase === "Failed")
        ? { state, actions: [], nextAt: undefined }
        : progress({ ...input, state: { ...state, phase: "Progressing" } });
    case "RollingBack":
    case "RollbackIncomplete":
      return rollBack({ ...input, state });
    case "Paused":
      return { state: observe({ ...input, state }), actions: [], nextAt: undefined };
    case "RolledBack":
      return { state, actions: [], nextAt: undefined };
  }
}

/** Clusters that are new wait; what is known of those that are no longer placed is dropped. */
function sameClusters({ plan, state }: StepInput): readonly ClusterProgress[] {
  const known = new Map(state.clusters.map((one) => [one.cluster, one]));
  const names = plan.stages.flatMap(({ clusters }) => clusters).toSorted();
  return names.map((name) => known.get(name) ?? pendingProgress(name));
}

/** While paused, what was begun may still pass, but nothing fails and nothing begins. */
function observe({ plan, state, facts, now }: StepInput): RolloutState {
  if (state.pausedFrom !== "Progressing") return state;
  const clusters = state.clusters.map((one) => {
    if (one.phase !== "Verifying") return one;
    const seen = watchIn(plan, { state, facts, now, deadlineMs: Number.POSITIVE_INFINITY }, one);
    if (seen.outcome === "passed") return { ...seen.progress, phase: "Passed" as const };
    return seen.outcome === "waiting" ? seen.progress : one;
  });
  return { ...state, clusters };
}

function progress(input: StepInput): RolloutStep {
  const { plan, facts, now } = input;
  const outcomes = input.state.clusters.map((one) => advance(input, one));
  let clusters = outcomes.map(({ progress: one }) => one);
  const failures = clusters.filter(({ phase }) => phase === "Failed");
  if (failures.length > plan.maxFailures) return failOver(input, clusters, failures);
  const blind = outcomes.find(({ outcome }) => outcome === "blind");
  if (blind !== undefined) {
    const message = `${blind.progress.cluster}: the deadline is over and nothing fresh is known (${blind.progress.message})`;
    return { state: { ...paused(input.state, "FactsUnknown", message), clusters }, actions: [], nextAt: undefined };
  }
  const opening = openStage(plan, input.state, clusters, now);
  clusters = opening.clusters;
  const state = { ...input.state, clusters, reason: opening.reason, message: opening.message };
  if (isProven(plan, clusters))
    return {
      state: { ...state, phase: "Succeeded", reason: "Succeeded", message: succeededMessage(failures) },
      actions: [],
      nextAt: undefined,
    };
  const inFlight = clusters.filter(({ phase }) => phase === "Verifying");
  const actions: RolloutAction[] = [...applyActions(inFlight, facts, state.revision), ...waitActions(inFlight)];
  if (opening.approval !== undefined) actions.push({ type: "approval", stage: opening.approval });
  return { state, actions, nextAt: nextDeadline(inFlight, plan, now) };
}

/** Everything is done, and no stage consists of failures alone, however many are put up with. */
function isProven({ stages }: RolloutPlan, clusters: readonly ClusterProgress[]): boolean {
  const passed = new Set(clusters.filter(({ phase }) => phase === "Passed").map(({ cluster }) => cluster));
  const done = clusters.every(({ phase }) => phase === "Passed" || phase === "Failed");
  return (
    done &&
    clusters.length > 0 &&
    stages.every((stage) => stage.clusters.length === 0 || stage.clusters.some((name) => passed.has(name)))
  );
}

type Advanced = { readonly outcome: Outcome["outcome"] | "idle"; readonly progress: ClusterProgress };

/** One cluster, as far as the facts bring it. */
function advance({ plan, state, facts, now }: StepInput, one: ClusterProgress): Advanced {
  const known = facts.get(one.cluster) ?? {};
  const unreachable = isUnreachable(known, plan.gate, now);
  if (one.phase === "Pending" && unreachable)
    return { outcome: "idle", progress: { ...one, phase: "Deferred", message: "not reachable: its turn comes when it is back" } };
  if (one.phase === "Deferred" && !unreachable)
    return { outcome: "idle", progress: { ...one, phase: "Pending", message: "waits for its turn" } };
  if (one.phase !== "Verifying") return { outcome: "idle", progress: one };
  const seen = watchIn(plan, { state, facts, now, deadlineMs: plan.deadlineMs }, one);
  const phase = ({ passed: "Passed", failed: "Failed", deferred: "Deferred", waiting: "Verifying", blind: "Verifying" } as const)[
    seen.outcome
  ];
  return { outcome: seen.outcome, progress: { ...seen.progress, phase } };
}

interface Watch extends Pick<StepInput, "state" | "facts" | "now"> {
  readonly deadlineMs: number;
}

function watchIn(plan: RolloutPlan, { state, facts, now, deadlineMs }: Watch, one: ClusterProgress): Outcome {
  const soakMs = plan.stages.find(({ clusters }) => clusters.includes(one.cluster))?.soakMs ?? 0;
  return watchCluster(one, facts.get(one.cluster) ?? {}, { gate: plan.gate, soakMs, deadlineMs, revision: state.revision, now });
}

interface Opening {
  readonly clusters: ClusterProgress[];
  readonly reason: string;
  readonly message: string;
  readonly approval?: string;
}

/** Begins as many clusters of the one stage that is open as may be changed at once. */
function openStage(plan: RolloutPlan, state: RolloutState, clusters: readonly ClusterProgress[], now: number): Opening {
  const known = new Map(clusters.map((one) => [one.cluster, one]));
  const inPhase = (names: readonly string[], ...phases: ClusterProgress["phase"][]) =>
    names.filter((name) => phases.includes(known.get(name)?.phase ?? "Pending"));
  const index = plan.stages.findIndex((one) => inPhase(one.clusters, "Pending", "Verifying").length > 0);
  const stage = plan.stages[index];
  const same = [...clusters];
  if (stage === undefined)
    return { clusters: same, reason: "WaitingForClusters", message: "clusters that are not reachable are awaited" };
  const barren = plan.stages
    .slice(0, index)
    .find((one) => one.clusters.length > 0 && inPhase(one.clusters, "Passed").length === 0);
  if (barren !== undefined)
    return {
      clusters: same,
      reason: "StageWithoutProof",
      message: `no cluster of stage ${barren.name} has passed, so nothing is proven`,
    };
  if (stage === undefined)
    return {
      clusters: same,
      reason: "WaitingForClusters",
      message: "clusters are awaited that cannot be reached, or it is placed nowhere",
    };
  const inFlight = clusters.filter(({ phase }) => phase === "Verifying").map(({ cluster }) => cluster);
  if (inFlight.some((name) => !stage.clusters.includes(name)))
    return { clusters: same, reason: "StageBusy", message: "clusters of another stage are still being changed" };
  if (stage.approval && !state.approvals.includes(stage.name))
    return { clusters: same, reason: "ApprovalNeeded", message: `stage ${stage.name} waits for approval`, approval: stage.name };
  let order = Math.max(0, ...clusters.map((one) => one.order ?? 0));
  for (const name of inPhase(stage.clusters, "Pending").slice(0, Math.max(0, stage.maxConcurrency - inFlight.length)))
    known.set(name, started(known.get(name) ?? pendingProgress(name), "Verifying", ++order, now));
  return { clusters: [...known.values()], reason: "Progressing", message: `stage ${stage.name} is being changed` };
}

function failOver(
  { plan, state, facts, now }: StepInput,
  clusters: readonly ClusterProgress[],
  failures: readonly ClusterProgress[],
): RolloutStep {
  const message = failures.map((one) => `${one.cluster}: ${one.message}`).join("; ");
  if (plan.onFailure === "rollback" && state.previous !== null)
    return rollBack({
      plan,
      facts,
      now,
      state: { ...state, clusters, phase: "RollingBack", reason: "TooManyFailures", message },
    });
  const reason = plan.onFailure === "rollback" ? "NothingToRollBackTo" : "TooManyFailures";
  return { state: { ...paused(state, reason, message), clusters }, actions: [], nextAt: undefined };
}

function paused(state: RolloutState, reason: string, message: string): RolloutState {
  return { ...state, phase: "Paused", pausedFrom: "Progressing", reason, message };
}

function succeededMessage(failures: readonly ClusterProgress[]): string {
  return failures.length === 0 ? "every cluster has passed" : `all but ${failures.length} put up with have passed`;
}
