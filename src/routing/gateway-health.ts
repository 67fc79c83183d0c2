/**
 * What follows from probes of a gateway: when it counts as lost, and how it comes back. A lost gateway is a last resort, never
 * removed: that it does not answer the bridge is no proof that nobody reaches it. One that answers again stays a last
 * resort for a while (hold) and then gets its load in steps (ramp), so that a place that comes and goes does not pull all
 * traffic over each time. Pure; times are ms of one monotonic clock.
 */

export interface ProbeRule {
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** Probes in a row without an answer until it counts as lost; ≥ 1. */
  readonly failures: number;
  /** How long it has to answer again before anything is sent there by preference. */
  readonly holdMs: number;
  /** From its first share of load to all of it. */
  readonly rampMs: number;
}

/** What is known of one gateway. */
export interface GatewayHealth {
  /** Probes in a row without an answer. */
  readonly failed: number;
  /** Since when it has been lost; undefined: it is not. */
  readonly lostSince: number | undefined;
  /** Since when it answers again after it had been lost; undefined: it was not, or has come back altogether. */
  readonly backSince: number | undefined;
  /** Whether it has ever answered: what answers for the first time is new, not back, and has no hold to wait for. */
  readonly met: boolean;
}

export type GatewayStanding =
  | { readonly kind: "up" }
  | { readonly kind: "lost"; readonly since: number }
  | { readonly kind: "held"; readonly until: number }
  /** `share`: of its load, above 0 and below 1. */
  | { readonly kind: "ramp"; readonly share: number; readonly until: number };

/** Nobody has asked it yet: it counts, since else a bridge that starts would move all traffic. */
export const NEVER_PROBED: GatewayHealth = { failed: 0, lostSince: undefined, backSince: undefined, met: false };

const STEPS = 5;

export function afterProbe(health: GatewayHealth, answered: boolean, now: number, rule: ProbeRule): GatewayHealth {
  if (answered) {
    const since = health.lostSince !== undefined && health.met ? now : health.backSince;
    const backSince = since !== undefined && now < fullyBack(since, rule) ? since : undefined;
    return { failed: 0, lostSince: undefined, backSince, met: true };
  }
  const failed = Math.min(health.failed + 1, rule.failures);
  if (health.lostSince !== undefined) return { ...health, failed };
  if (failed >= rule.failures) return { ...health, failed, lostSince: now, backSince: undefined };
  return { ...health, failed };
}

export function standingOf({ lostSince, backSince }: GatewayHealth, now: number, rule: ProbeRule): GatewayStanding {
  if (lostSince !== undefined) return { kind: "lost", since: lostSince };
  if (backSince === undefined || now >= fullyBack(backSince, rule)) return { kind: "up" };
  const held = backSince + rule.holdMs;
  if (now < held) return { kind: "held", until: held };
  const step = 1 + Math.floor(((now - held) / rule.rampMs) * STEPS);
  const share = Math.min(step, STEPS) / (STEPS + 1);
  return { kind: "ramp", share, until: fullyBack(backSince, rule) };
}

function fullyBack(backSince: number, { holdMs, rampMs }: ProbeRule): number {
  return backSince + holdMs + rampMs;
}
