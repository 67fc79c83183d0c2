/** Weights of instances that have just started: Dubbo lets them take their share of load step by step. Pure. */
import type { ReadInstance } from "./formats/types.ts";

/** How often the weights of warming instances are told anew, in ms. */
export const WARM_UP_STEP_MS = 10_000;

/**
 * The weight at wall-clock time `now`: grows linearly from 1 to the instance's own while it warms up, in steps of
 * WARM_UP_STEP_MS, so that within a step nothing changes (Dubbo, `AbstractLoadBalance.calculateWarmupWeight`). A start in
 * the future, as a wrong clock makes it, counts as long past: better full weight than none for ever.
 */
export function weightAt({ weight, warmup }: Pick<ReadInstance, "weight" | "warmup">, now: number): number {
  if (!isWarming(warmup, now)) return weight;
  const uptime = Math.floor((now - warmup.startedAt) / WARM_UP_STEP_MS) * WARM_UP_STEP_MS;
  return Math.min(weight, Math.max(1, Math.floor((uptime / warmup.warmupMs) * weight)));
}

/** Whether the weight will change by the passing of time alone. */
export function isWarming(warmup: ReadInstance["warmup"], now: number): warmup is NonNullable<ReadInstance["warmup"]> {
  return warmup !== undefined && warmup.startedAt <= now && now < warmup.startedAt + warmup.warmupMs;
}
