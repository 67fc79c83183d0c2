/** What people say to a rollout: changes of the recorded state alone. Pure; each refuses with a sentence. */
import { pendingProgress, started } from "./progress.ts";
import type { ClusterProgress, RolloutState } from "./types.ts";

export type Commanded = { readonly state: RolloutState } | { readonly refused: string };

/** Nothing begins any more; what was begun is left as it is. */
export function pauseRollout(state: RolloutState, message: string): Commanded {
  if (state.phase !== "Progressing" && state.phase !== "RollingBack")
    return { refused: `the rollout is ${state.phase}: there is nothing to pause` };
  return { state: { ...state, phase: "Paused", pausedFrom: state.phase, reason: "PausedByUser", message } };
}

/** Goes on. Failed clusters are tried again, and the time of those in flight begins anew. What was rolled back is tried from the start. */
export function resumeRollout(state: RolloutState, now: number): Commanded {
  if (state.phase === "RolledBack") {
    const clusters = state.clusters.map(({ cluster }) => pendingProgress(cluster));
    return { state: { ...state, clusters, phase: "Progressing", reason: "Resumed", message: "is tried again" } };
  }
  if (state.phase !== "Paused" || state.pausedFrom === null)
    return { refused: `the rollout is ${state.phase}, neither Paused nor RolledBack` };
  const phase = state.pausedFrom;
  const clusters = state.clusters.map((one): ClusterProgress => {
    if (one.phase === "Verifying" || one.phase === "RollingBack") return started(one, one.phase, one.order, now);
    // It keeps its order: it was changed, and a way back must include it.
    return one.phase === "Failed" && phase === "Progressing" ? { ...pendingProgress(one.cluster), order: one.order } : one;
  });
  return { state: { ...state, clusters, phase, pausedFrom: null, reason: "Resumed", message: "goes on" } };
}

/** The stage may begin. For this revision only. */
export function approveStage(state: RolloutState, stage: string): Commanded {
  if (state.approvals.includes(stage)) return { state };
  return { state: { ...state, approvals: [...state.approvals, stage].toSorted() } };
}

/** Back to the previous revision, from wherever it is. */
export function undoRollout(state: RolloutState): Commanded {
  if (state.previous === null) return { refused: "no earlier revision has succeeded, so there is nothing to go back to" };
  if (state.phase === "RollingBack" || state.phase === "RolledBack") return { refused: `the rollout is ${state.phase} already` };
  return {
    state: {
      ...state,
      phase: "RollingBack",
      pausedFrom: null,
      reason: "UndoneByUser",
      message: `back to revision ${state.previous}`,
    },
  };
}

/**
 * The revision a cluster should have now, for whoever keeps it from drifting. Null: none was ever told to it.
 */
export function revisionFor(state: RolloutState, cluster: string): string | null {
  const one = state.clusters.find((progress) => progress.cluster === cluster);
  if (one === undefined || one.order === null) return state.previous;
  return ["RollingBack", "RolledBack", "RollbackFailed"].includes(one.phase) ? state.previous : state.revision;
}
