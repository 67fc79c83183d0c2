import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { awardSeats, type Claim } from "./seats.ts";

function claims(weights: readonly number[], limits: readonly number[] = [], start: readonly number[] = []): Claim[] {
  return weights.map((weight, rank) => ({
    weight,
    base: 0,
    limit: limits[rank] ?? Number.POSITIVE_INFINITY,
    rank,
    seats: start[rank] ?? 0,
  }));
}

function award(weights: readonly number[], count: number): string {
  const list = claims(weights);
  awardSeats(list, count);
  return list.map(({ seats }) => seats).join("/");
}

// Karmada's tables for Webster and static weights.
const TABLE: readonly (readonly [weights: readonly number[], count: number, expected: string])[] = [
  [[100_000, 80_000, 30_000, 20_000], 1, "1/0/0/0"],
  [[100_000, 80_000, 30_000, 20_000], 2, "1/1/0/0"],
  [[100_000, 80_000, 30_000, 20_000], 3, "2/1/0/0"],
  [[100_000, 80_000, 30_000, 20_000], 4, "2/1/1/0"],
  [[100_000, 80_000, 30_000, 20_000], 5, "2/2/1/0"],
  [[100_000, 80_000, 30_000, 20_000], 6, "2/2/1/1"],
  [[100_000, 80_000, 30_000, 20_000], 7, "3/2/1/1"],
  [[100_000, 80_000, 30_000, 20_000], 8, "3/3/1/1"],
  [[3, 2, 1], 12, "6/4/2"],
  [[3, 2, 1], 13, "7/4/2"],
  [[3, 2, 1], 14, "7/5/2"],
  [[6, 6, 2], 7, "3/3/1"],
  [[6, 6, 2], 8, "4/3/1"],
  [[10_000, 1], 50, "50/0"],
  [[0, 0], 50, "0/0"],
];
for (const [weights, count, expected] of TABLE)
  test(`${count} seats by ${weights.join(":")} are ${expected}`, () => assert.equal(award(weights, count), expected));

const anyClaims = fc.array(
  fc.record({
    weight: fc.integer({ min: 0, max: 50 }),
    start: fc.integer({ min: 0, max: 20 }),
    room: fc.integer({ min: 0, max: 400 }),
  }),
  { minLength: 1, maxLength: 8 },
);
const listOf = (parts: readonly { weight: number; start: number; room: number }[]) =>
  claims(
    parts.map(({ weight }) => weight),
    parts.map(({ start, room }) => start + room),
    parts.map(({ start }) => start),
  );

test("many seats at once are the same as one by one", () => {
  fc.assert(
    fc.property(anyClaims, fc.integer({ min: 0, max: 2000 }), (parts, count) => {
      const [atOnce, single] = [listOf(parts), listOf(parts)];
      const given = awardSeats(atOnce, count);
      let one = 0;
      while (one < count && awardSeats(single, 1) === 1) one++;
      assert.equal(given, one);
      assert.deepEqual(atOnce, single);
    }),
    { numRuns: 300 },
  );
});

test("weights as large as allowed stay exact", () => {
  const list = claims([10_000_000, 9_999_999, 1]);
  assert.equal(awardSeats(list, 100_000), 100_000);
  assert.deepEqual(
    list.map(({ seats }) => seats),
    [50_000, 50_000, 0],
  );
});

test("weights that are capacities never exceed them", () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 1, maxLength: 6 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (rooms, share) => {
        const list = claims(rooms);
        awardSeats(list, Math.floor(share * rooms.reduce((a, b) => a + b, 0)));
        for (const [index, { seats }] of list.entries()) assert.ok(seats <= (rooms[index] ?? 0));
      },
    ),
  );
});
