/**
 * From ranks to priorities and weights. A tier is what has one rank. Envoy sends load to the next priority by the share of
 * hosts that are usable; of a gateway, which is one host however many of those behind it are gone or however lately it
 * came back, it cannot know. So a tier of gateways that is to get less than all shares one priority with the next tier,
 * by weight. Pure.
 */
import { isUsable } from "../model/health.ts";
import type { Unit } from "./horizon.ts";
import { boundedWeights } from "./weights.ts";

export interface Placed {
  /** 0 is tried first; without gaps. */
  readonly priority: number;
  readonly weight: number;
  /** Whether its tier shares a priority with a further one, because it is not to take all. */
  readonly divided: boolean;
}

interface Tier {
  readonly units: readonly Unit[];
  /** How much of the load that reaches it it is to take: above 0, at most 1; 1 where Envoy sees for itself. */
  readonly share: number;
}

/** Envoy knows priorities up to 128 (endpoint.proto); what is further away shares the last. */
const LAST_PRIORITY_INDEX = 127;
/** What the weights of a shared priority add up to, about: shares are exact to a hundredth of a percent. */
const PARTS = 10_000;

/** `weights`: of every unit among those of its rank. */
export function placed(units: readonly Unit[], weights: ReadonlyMap<Unit, number>): ReadonlyMap<Unit, Placed> {
  const result = new Map<Unit, Placed>();
  const weightOf = (unit: Unit) => weights.get(unit) ?? 1;
  for (const [index, tiers] of merged(tiersOf(units, weightOf)).entries()) {
    const priority = Math.min(index, LAST_PRIORITY_INDEX);
    const [only, ...more] = tiers;
    if (only !== undefined && more.length === 0 && isEven(only)) {
      for (const unit of only.units) result.set(unit, { priority, weight: weightOf(unit), divided: false });
      continue;
    }
    let left = 1;
    const members: { readonly unit: Unit; readonly weight: number }[] = [];
    for (const [at, { units: own, share }] of tiers.entries()) {
      const part = at === tiers.length - 1 ? left : left * share;
      left -= part;
      const all = own.reduce((sum, unit) => sum + weightOf(unit) * unit.share, 0);
      for (const unit of own) {
        const weight = Math.max(1, Math.round((weightOf(unit) * unit.share * part * PARTS) / all));
        members.push({ unit, weight });
      }
    }
    const bounded = boundedWeights(members.map(({ weight }) => weight));
    for (const [at, { unit }] of members.entries()) {
      result.set(unit, { priority, weight: bounded[at] ?? 1, divided: tiers.length > 1 });
    }
  }
  return result;
}

function tiersOf(units: readonly Unit[], weightOf: (unit: Unit) => number): readonly Tier[] {
  const ranks = [...new Set(units.map(({ rank }) => rank))].sort((a, b) => a - b);
  return ranks.map((rank) => {
    const own = units.filter((unit) => unit.rank === rank);
    const serving = own.filter(isServing);
    const all = serving.reduce((sum, unit) => sum + weightOf(unit), 0);
    const taken = serving.reduce((sum, unit) => sum + weightOf(unit) * unit.share, 0);
    return { units: own, share: all === 0 ? 1 : taken / all };
  });
}

/**
 * Which tiers are one priority. One that takes less than all needs the next one that serves; where there is none it takes
 * all. What serves nobody keeps a priority of its own, after those it stood between: it would count as usable room.
 */
function merged(tiers: readonly Tier[]): readonly (readonly Tier[])[] {
  const groups: (readonly Tier[])[] = [];
  let open: readonly Tier[] = [];
  let passed: readonly (readonly Tier[])[] = [];
  const close = () => {
    if (open.length > 0) groups.push(open);
    groups.push(...passed);
    open = [];
    passed = [];
  };
  for (const tier of tiers) {
    const serves = tier.units.some(isServing);
    if (serves) open = [...open, tier];
    else passed = [...passed, [tier]];
    if (open.length === 0 || (serves && tier.share === 1)) close();
  }
  close();
  return groups;
}

/** All of it takes the same part of its load, so that weights say all there is to say. */
function isEven({ units }: Tier): boolean {
  return new Set(units.filter(isServing).map(({ share }) => share)).size <= 1;
}

function isServing({ health }: Unit): boolean {
  return isUsable(health) && health !== "degraded";
}
