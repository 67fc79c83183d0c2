import assert from "node:assert/strict";
import { test } from "node:test";
import { isWarming, weightAt } from "./warm-up.ts";

const warmup = { startedAt: 1_000_000, warmupMs: 600_000 };

const cases: readonly (readonly [string, number, number])[] = [
  ["at its start it takes next to nothing", 0, 1],
  ["within the first step too", 9999, 1],
  ["after a tenth of the time a tenth", 60_000, 10],
  ["after half the time half", 300_000, 50],
  ["within a step nothing changes", 309_999, 50],
  ["at the end all", 600_000, 100],
  ["long after too", 6_000_000, 100],
  ["a start in the future counts as long past", -1, 100],
];

for (const [title, uptime, expected] of cases)
  test(title, () => assert.equal(weightAt({ weight: 100, warmup }, warmup.startedAt + uptime), expected));

test("without a warm-up the weight is the instance's own", () => {
  assert.equal(weightAt({ weight: 7 }, 0), 7);
  assert.equal(isWarming(undefined, 0), false);
});

test("a weight of one is one throughout, and no warm-up time is none", () => {
  assert.equal(weightAt({ weight: 1, warmup }, warmup.startedAt + 5), 1);
  assert.equal(weightAt({ weight: 100, warmup: { startedAt: 0, warmupMs: 0 } }, 0), 100);
});
