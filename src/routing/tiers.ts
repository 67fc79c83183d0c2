/**
 * From ranks to priorities and weights. A tier is what has one rank. Envoy sends load to the next priority by the share of
 * hosts that are usable; of a gateway, which is one host however many of those behind it are gone or however lately it
 * came back, it cannot know. So a tier of gateways that is to get less than all shares one priority with the next tier,
 * by weight. Pure.
 */
import { isUsable } from "../model/health.ts";
import { type Unit, weightsOf } from "./horizon.ts";
import { boundedWeights } from "./weights.ts";

export interface Placed {
  /** 0 is tried first; without gaps. */
  readonly priority: number;
  readonly weight: number;
  /** Whether its tier shares a priority with a further one, because it is not to take all. */
  readonly divided: boolean;
}

interface Member {
  readonly unit: Unit;
  /** Its place among the units. */
  readonly at: number;
  readonly weight: number;
}

interface Tier {
  readonly members: readonly Member[];
  /** How much of the load that reaches it it is to take: above 0, at most 1; 1 where Envoy sees for itself. */
  readonly share: number;
}

/** Envoy knows priorities up to 128 (endpoint.proto); what is further away shares the last. */
const LAST_PRIORITY_INDEX = 127;
/** What the weights of a shared priority add up to, about: shares are exact to a hundredth of a percent. */
const PARTS = 10_000;

/** Where each unit comes, in their order. */
export function placed(units: readonly Unit[]): readonly Placed[] {
  const result: Placed[] = new Array(units.length);
  merged(tiersOf(units)).forEach((tiers, index) => {
    const priority = Math.min(index, LAST_PRIORITY_INDEX);
    const [only, ...more] = tiers;
    if (only !== undefined && more.length === 0 && isEven(only)) {
      for (const { at, weight } of only.members) result[at] = { priority, weight, divided: false };
      return;
    }
    let left = 1;
    const members: Member[] = [];
    for (const tier of tiers) {
      const part = tier === tiers.at(-1) ? left : left * tier.share;
      left -= part;
      const all = tier.members.reduce((sum, { unit, weight }) => sum + weight * unit.share, 0);
      for (const member of tier.members) {
        const weight = Math.max(1, Math.round((member.weight * member.unit.share * part * PARTS) / all));
        members.push({ ...member, weight });
      }
    }
    const bounded = boundedWeights(members.map(({ weight }) => weight));
    members.forEach(({ at }, member) => {
      result[at] = { priority, weight: bounded[member] ?? 1, divided: tiers.length > 1 };
    });
  });
  return result;
}

/** The nearest first. */
function tiersOf(units: readonly Unit[]): readonly Tier[] {
  const byRank = new Map<number, number[]>();
  units.forEach(({ rank }, at) => {
    const places = byRank.get(rank);
    if (places === undefined) byRank.set(rank, [at]);
    else places.push(at);
  });
  const ranks = [...byRank].sort(([a], [b]) => a - b);
  return ranks.map(([, places]) => tierOf(places, units));
}

function tierOf(places: readonly number[], units: readonly Unit[]): Tier {
  const weights = weightsOf(places.flatMap((at) => units[at] ?? []));
  const members: Member[] = [];
  let [all, taken] = [0, 0];
  places.forEach((at, index) => {
    const [unit, weight] = [units[at], weights[index]];
    if (unit === undefined || weight === undefined) return;
    members.push({ unit, at, weight });
    if (!isServing(unit)) return;
    all += weight;
    taken += weight * unit.share;
  });
  return { members, share: all === 0 ? 1 : taken / all };
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
    const serves = tier.members.some(({ unit }) => isServing(unit));
    if (serves) open = [...open, tier];
    else passed = [...passed, [tier]];
    if (open.length === 0 || (serves && tier.share === 1)) close();
  }
  close();
  return groups;
}

/** All of it takes the same part of its load, so that weights say all there is to say. */
function isEven({ members }: Tier): boolean {
  const first = members.find(({ unit }) => isServing(unit));
  return members.every(({ unit }) => unit.share === first?.unit.share || !isServing(unit));
}

function isServing({ health }: Unit): boolean {
  return isUsable(health) && health !== "degraded";
}
