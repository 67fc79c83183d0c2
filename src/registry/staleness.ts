/**
 * Bounded staleness, pure: what becomes of a registry's instances while it cannot be read. They are kept as they are at
 * first, then served as DEGRADED, then in the last priority, and leave at the very end. Ages are monotonic, so that a wall
 * clock that jumps ends nothing early.
 */
import type { Group } from "../model/group.ts";
import type { StalenessLimits } from "./settings.ts";

export const STALENESS_STAGES = ["fresh", "degraded", "last", "expired"] as const;
export type StalenessStage = (typeof STALENESS_STAGES)[number];

/** The stage at an age in ms, and in how many ms the next begins (undefined: there is none). */
export function stageAt(
  ageMs: number,
  limits: StalenessLimits | undefined,
): { readonly stage: StalenessStage; readonly nextInMs: number | undefined } {
  if (limits === undefined) return { stage: "fresh", nextInMs: undefined };
  const { degradeAfterMs, lastAfterMs, removeAfterMs } = limits;
  if (ageMs < degradeAfterMs) return { stage: "fresh", nextInMs: degradeAfterMs - ageMs };
  if (ageMs < lastAfterMs) return { stage: "degraded", nextInMs: lastAfterMs - ageMs };
  if (ageMs < removeAfterMs) return { stage: "last", nextInMs: removeAfterMs - ageMs };
  return { stage: "expired", nextInMs: undefined };
}

/**
 * The group as it is passed on at a stage; `since` is wall-clock ms. An expired group keeps its service, with nobody
 * serving it: a service that vanished would take its listeners and routes along.
 */
export function atStage(group: Group, stage: StalenessStage, since: number): Group {
  if (stage === "fresh") return group;
  if (stage === "expired") return { ...group, instances: [] };
  const stale = { stage, since };
  return { ...group, instances: group.instances.map((instance) => ({ ...instance, stale })) };
}
