/**
 * From what a client may reach to what it is told: the same priorities, weights, health and spill as Envoy computes from its
 * endpoints, since a name has no load balancer behind it. Pure; `random` is uniform in [0, 1).
 */
import type { Endpoint, LocalityGroup } from "../routing/reach.ts";

/** Endpoints that are told together, and how often. */
export interface Tier {
  /** Of all answers, 0 to 1. */
  readonly share: number;
  readonly endpoints: readonly Endpoint[];
}

interface Level {
  readonly priority: number;
  readonly total: number;
  readonly healthy: readonly Endpoint[];
  readonly degraded: readonly Endpoint[];
}

/**
 * Shares as Envoy's: a priority takes as much as its usable endpoints times `overprovisioning` (percent) allow, the next one
 * the rest; degraded endpoints get what all healthy ones leave. Nobody usable: no tier.
 */
export function tiersOf(localities: readonly LocalityGroup[], overprovisioning: number): readonly Tier[] {
  const levels = levelsOf(localities);
  const healthyTiers = levels.map(({ healthy, total }) => ({
    load: loadOf(healthy, total, overprovisioning),
    endpoints: healthy,
  }));
  const degradedTiers = levels.map(({ degraded, total }) => ({
    load: loadOf(degraded, total, overprovisioning),
    endpoints: degraded,
  }));
  let left = 100;
  const shares: { load: number; endpoints: readonly Endpoint[] }[] = [];
  for (const { load, endpoints } of [...healthyTiers, ...degradedTiers]) {
    const taken = Math.min(load, left);
    left -= taken;
    if (taken > 0) shares.push({ load: taken, endpoints });
  }
  const sum = 100 - left;
  return shares.map(({ load, endpoints }) => ({ share: load / sum, endpoints }));
}

function loadOf(usable: readonly Endpoint[], total: number, overprovisioning: number): number {
  return Math.min(100, (usable.length / total) * overprovisioning);
}

function levelsOf(localities: readonly LocalityGroup[]): readonly Level[] {
  const byPriority = Map.groupBy(localities, ({ priority }) => priority);
  return [...byPriority].map(([priority, groups]) => {
    const all = groups.flatMap(({ endpoints }) => endpoints);
    const healthy = all.filter(({ health }) => health === "healthy" || health === "unknown");
    const degraded = all.filter(({ health }) => health === "degraded");
    return { priority, total: all.length, healthy, degraded };
  });
}

/** The tier of this answer; undefined: there is none. */
export function tierOf(tiers: readonly Tier[], random: () => number): Tier | undefined {
  if (tiers.length < 2) return tiers[0];
  let at = random();
  for (const tier of tiers) {
    at -= tier.share;
    if (at < 0) return tier;
  }
  return tiers.at(-1);
}

/**
 * At most `count` of them in an order in which each is first as often as its weight says: clients take the first, and none is
 * left out for ever.
 */
export function shuffled(endpoints: readonly Endpoint[], count: number, random: () => number): readonly Endpoint[] {
  if (endpoints.length < 2) return endpoints;
  // Efraimidis and Spirakis: the largest u^(1/w) of all is the first of a weighted draw without replacement.
  const keyed = endpoints.map((endpoint) => ({ endpoint, key: Math.log(1 - random()) / endpoint.weight }));
  keyed.sort((a, b) => b.key - a.key);
  return keyed.slice(0, count).map(({ endpoint }) => endpoint);
}

/** SRV has priorities of its own: every tier that can serve, healthy before degraded, without shares. */
export function ranked(
  localities: readonly LocalityGroup[],
): readonly { readonly priority: number; readonly endpoint: Endpoint }[] {
  const levels = levelsOf(localities);
  const groups = [...levels.map(({ healthy }) => healthy), ...levels.map(({ degraded }) => degraded)];
  return groups
    .filter((group) => group.length > 0)
    .flatMap((group, priority) => group.map((endpoint) => ({ priority, endpoint })));
}
