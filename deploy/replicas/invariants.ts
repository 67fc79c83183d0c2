/** Random requests to the replica planner, and what must hold of every answer. For tests and the benchmark. */
import assert from "node:assert/strict";
import fc from "fast-check";
import type { Preference, Replicas } from "../api/schema/replicas.ts";
import { divideReplicas } from "./divide.ts";
import type { Division, ReplicaRequest } from "./request.ts";

const NAMES = ["a", "b", "c", "d", "e", "f", "g", "h"];

const anyPreference: fc.Arbitrary<Preference> = fc
  .record({ low: fc.nat(12), span: fc.nat(40), weight: fc.nat(9) }, { requiredKeys: [] })
  .map(({ low, span, weight }) => ({
    ...(low === undefined ? {} : { min: low }),
    ...(span === undefined ? {} : { max: (low ?? 0) + span }),
    ...(weight === undefined ? {} : { weight }),
  }));

const sparse = (values: fc.Arbitrary<number>) =>
  fc.dictionary(fc.constantFrom(...NAMES), values, { noNullPrototype: true }).map((record) => new Map(Object.entries(record)));

/** One to eight clusters, with and without bounds, capacities, running replicas, in every mode. */
export const anyRequest: fc.Arbitrary<ReplicaRequest> = fc
  .record({
    total: fc.oneof(fc.nat(30), fc.nat(300)),
    by: fc.constantFrom<Replicas["by"]>("weight", "weight", "capacity", "aggregated"),
    rebalance: fc.constantFrom<Replicas["when"]["rebalance"]>("steady", "steady", "converge"),
    maxMove: fc.option(fc.integer({ min: 1, max: 20 }), { nil: undefined }),
    preferences: fc.dictionary(fc.constantFrom(...NAMES, "*"), anyPreference, { noNullPrototype: true }),
    clusters: fc.shuffledSubarray(NAMES, { minLength: 1 }),
    current: fc.oneof(fc.constant(new Map<string, number>()), sparse(fc.nat(60))),
    capacity: sparse(fc.nat(80)),
    key: fc.constantFrom("", "shop/web"),
  })
  .map(({ total, by, rebalance, maxMove, preferences, ...rest }) => ({
    ...rest,
    replicas: {
      total,
      by,
      mode: "divided",
      preferences,
      when: { rebalance, ...(maxMove === undefined || rebalance === "steady" ? {} : { maxMove }) },
    },
  }));

interface Bounds {
  readonly min: number;
  readonly upper: number;
  /** What it can be raised to: a weight of 0 takes no more than its min. */
  readonly reach: number;
  readonly current: number;
}

function boundsOf({ replicas, capacity, current }: ReplicaRequest, cluster: string): Bounds {
  const { preferences, by } = replicas;
  const none = Object.keys(preferences).length === 0 ? {} : { max: 0, weight: 0 };
  const preference: Preference = Object.hasOwn(preferences, cluster)
    ? (preferences[cluster] ?? none)
    : (preferences["*"] ?? none);
  const has = current.get(cluster) ?? 0;
  const room = capacity.get(cluster) ?? (by === "weight" ? Number.POSITIVE_INFINITY : has);
  const upper = Math.min(preference.max ?? Number.POSITIVE_INFINITY, room);
  const min = Math.min(preference.min ?? 0, upper);
  return { min, upper, reach: (preference.weight ?? 1) === 0 ? min : upper, current: has };
}

const total = (numbers: Iterable<number>) => [...numbers].reduce((sum, one) => sum + one, 0);
const seatsOf = ({ shares }: Division) => shares.map(({ replicas }) => replicas);
const asCurrent = ({ shares }: Division) => new Map(shares.map(({ cluster, replicas }) => [cluster, replicas]));

/** Throws an AssertionError when one is broken. */
export function checkInvariants(request: ReplicaRequest): void {
  const division = divideReplicas(request);
  const wanted = request.replicas.total;
  const names = request.clusters.toSorted();
  assert.deepEqual(
    division.shares.map(({ cluster }) => cluster),
    names,
    "one share for each cluster, by name",
  );
  const bounds = names.map((name) => boundsOf(request, name));
  const seats = seatsOf(division);
  const placed = total(seats);
  assert.equal(division.unplaced, wanted - placed, "what is not placed is told");
  assert.equal(placed, Math.min(wanted, total(bounds.map(({ reach }) => reach))), "as many as fit are placed");
  assert.ok(total(division.shares.map(({ pending }) => pending)) <= division.unplaced, "never more written than wanted");
  const everyMinFits = total(bounds.map(({ min }) => min)) <= wanted;
  for (const [index, { min, reach }] of bounds.entries()) {
    const has = seats[index] ?? 0;
    assert.ok(has <= reach && has >= 0, "max, capacity and weight 0 are kept");
    if (everyMinFits) assert.ok(has >= min, "min is kept");
    assert.ok((division.shares[index]?.why.length ?? 0) > 0, "every number has its reason");
  }
  const reordered = divideReplicas({ ...request, clusters: request.clusters.toReversed() });
  assert.deepEqual(reordered, division, "the order of clusters does not count");
  checkSteadiness(request, division, bounds);
  checkConvergence(request, division);
  checkMonotony(request, seats);
}

function checkSteadiness(request: ReplicaRequest, division: Division, bounds: readonly Bounds[]): void {
  if (request.replicas.when.rebalance !== "steady" || !bounds.some(({ current }) => current > 0)) return;
  const seats = seatsOf(division);
  const everyMinFits = total(bounds.map(({ min }) => min)) <= request.replicas.total;
  if (everyMinFits) {
    const kept = bounds.map(({ min, reach, current }) => Math.max(min, Math.min(current, reach)));
    const forced = total(bounds.map(({ current }, index) => Math.max(0, current - (kept[index] ?? 0))));
    const least = forced + Math.max(0, total(kept) - total(seats));
    const moved = total(bounds.map(({ current }, index) => Math.max(0, current - (seats[index] ?? 0))));
    assert.equal(moved, least, "no replica is moved that could have stayed");
  }
  const again = divideReplicas({ ...request, current: asCurrent(division) });
  assert.deepEqual(seatsOf(again), seats, "asked again with its own answer, nothing moves");
}

function checkConvergence(request: ReplicaRequest, first: Division): void {
  const { rebalance, maxMove = Number.POSITIVE_INFINITY } = request.replicas.when;
  if (rebalance !== "converge" || total(seatsOf(first)) === 0) return;
  let division = first;
  for (let steps = 0; steps < 400; steps++) {
    const next = divideReplicas({ ...request, current: asCurrent(division) });
    const before = seatsOf(division);
    const moved = total(seatsOf(next).map((seats, index) => Math.max(0, (before[index] ?? 0) - seats)));
    assert.ok(moved <= maxMove, "no step moves more than maxMove");
    if (moved === 0) {
      assert.ok(next.settled, "at rest, and says so");
      return;
    }
    division = next;
  }
  assert.fail("converging comes to an end");
}

function checkMonotony(request: ReplicaRequest, seats: readonly number[]): void {
  const { replicas } = request;
  if (replicas.by === "aggregated" || replicas.when.rebalance !== "steady") return;
  const more = divideReplicas({ ...request, replicas: { ...replicas, total: replicas.total + 1 } });
  for (const [index, { replicas: after }] of more.shares.entries())
    assert.ok(after >= (seats[index] ?? 0), "one replica more in all takes none from anybody");
}
