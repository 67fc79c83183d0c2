/** Where a rollout's state is kept, so that whoever comes next goes on from it. */
import type { RevisionTemplate } from "../engine/pass.ts";
import type { DriverState } from "./types.ts";

export interface RolloutStore {
  /** What was kept last; undefined when nothing ever was. What follows is held to it: see `save`. */
  load(signal: AbortSignal): Promise<DriverState | undefined>;
  /**
   * Resolves when it is kept for good. Rejects with MB_DEPLOY_TAKEN_OVER, and keeps nothing, when somebody else has kept
   * another state since the last load or save here: then nothing of it may be done.
   */
  save(state: DriverState, signal: AbortSignal): Promise<void>;
  /** Kept before any state names its revision, so that every revision a state names can be made again. */
  keepTemplate(template: RevisionTemplate, signal: AbortSignal): Promise<void>;
  /** Undefined when it was never kept. */
  template(revision: string, signal: AbortSignal): Promise<RevisionTemplate | undefined>;
  /** Forgets templates of all other revisions. */
  prune(revisions: ReadonlySet<string>, signal: AbortSignal): Promise<void>;
}
