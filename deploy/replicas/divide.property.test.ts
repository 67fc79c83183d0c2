import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { divideReplicas } from "./divide.ts";
import { anyRequest, checkInvariants } from "./invariants.ts";

// `npm run bench -- planner` runs 100,000 of them.
test("sums, bounds, order, steadiness, convergence and monotony hold of random requests", () => {
  fc.assert(fc.property(anyRequest, checkInvariants), { numRuns: 3000 });
});

test("a thousand clusters share a hundred thousand replicas exactly", () => {
  const clusters = Array.from({ length: 1000 }, (_, index) => `cluster-${index}`);
  const preferences = Object.fromEntries(clusters.map((name, index) => [name, { weight: 1 + (index % 17), min: index % 3 }]));
  const { shares, unplaced } = divideReplicas({
    replicas: { total: 100_000, mode: "divided", by: "weight", preferences, when: { rebalance: "steady" } },
    clusters,
    current: new Map(),
    capacity: new Map(clusters.map((name, index) => [name, 50 + index])),
    key: "shop/web",
  });
  assert.equal(unplaced, 0);
  assert.equal(
    shares.reduce((sum, { replicas }) => sum + replicas, 0),
    100_000,
  );
});
