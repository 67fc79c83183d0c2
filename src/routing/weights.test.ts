import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { boundedWeights, MAX_WEIGHT_SUM } from "./weights.ts";

const sumOf = (weights: readonly number[]) => weights.reduce((total, weight) => total + weight, 0);

test("weights within the bound are left alone", () => {
  const weights = [1, 2, MAX_WEIGHT_SUM - 3];
  assert.equal(boundedWeights(weights), weights);
});

test("beyond it they shrink together, none to nothing", () => {
  const weights = boundedWeights([MAX_WEIGHT_SUM, MAX_WEIGHT_SUM, 1]);
  assert.equal(weights[0], weights[1]);
  assert.equal(weights[2], 1);
  assert.ok(sumOf(weights) <= MAX_WEIGHT_SUM && sumOf(weights) > MAX_WEIGHT_SUM * 0.99);
});

test("property: the sum is within the bound, each is a whole number of at least 1, and the order of sizes stays", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: MAX_WEIGHT_SUM }), { maxLength: 50 }), (weights) => {
      const bounded = boundedWeights(weights);
      assert.equal(bounded.length, weights.length);
      assert.ok(sumOf(bounded) <= MAX_WEIGHT_SUM);
      assert.ok(bounded.every((weight) => Number.isInteger(weight) && weight >= 1));
      for (const [i, a] of weights.entries())
        for (const [j, b] of weights.entries()) if (a < b) assert.ok((bounded[i] ?? 0) <= (bounded[j] ?? 0));
    }),
  );
});
