/** Kubernetes conditions of a FederatedWorkload (meta/v1 Condition). Pure. */
import { compareText } from "../../src/kernel/compare.ts";
import type { DeployCondition, WorkloadConditionType } from "../api/schema/status.ts";

export interface ConditionUpdate {
  readonly type: WorkloadConditionType;
  readonly status: DeployCondition["status"];
  /** One CamelCase word. */
  readonly reason: string;
  /** One sentence. */
  readonly message: string;
}

/**
 * The list with the updates, sorted by type. `lastTransitionTime` moves only when the status does, so that an unchanged
 * condition makes no write. Types that are not updated stay. `now` in ms since the epoch.
 */
export function updateConditions(
  before: readonly DeployCondition[],
  updates: readonly ConditionUpdate[],
  about: { readonly generation: number; readonly now: number },
): readonly DeployCondition[] {
  const list = new Map(before.map((condition) => [condition.type, condition]));
  for (const update of updates) {
    const old = list.get(update.type);
    const lastTransitionTime = old?.status === update.status ? old.lastTransitionTime : timeText(about.now);
    list.set(update.type, { ...update, lastTransitionTime, observedGeneration: about.generation });
  }
  return [...list.values()].sort((a, b) => compareText(a.type, b.type));
}

/** RFC 3339 with whole seconds, as Kubernetes writes times. */
export function timeText(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}
