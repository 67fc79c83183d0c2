import assert from "node:assert/strict";
import { test } from "node:test";
import { compareReadiness, compareStatements, standingOf } from "./conditions.ts";
import type { Standing } from "./types.ts";

const nil = undefined;
const TABLE: readonly (readonly [
  ready: boolean | undefined,
  serving: boolean | undefined,
  terminating: boolean | undefined,
  Standing,
])[] = [
  [nil, nil, nil, "ready"],
  [nil, nil, false, "ready"],
  [nil, nil, true, "draining"],
  [nil, true, true, "draining"],
  [nil, false, true, "gone"],
  [nil, false, nil, "ready"],
  [true, nil, nil, "ready"],
  [true, true, false, "ready"],
  [true, false, false, "ready"],
  [true, nil, true, "draining"],
  [true, true, true, "draining"],
  [true, false, true, "gone"],
  [false, nil, nil, "unready"],
  [false, false, false, "unready"],
  [false, true, false, "unready"],
  [false, nil, true, "gone"],
  [false, true, true, "draining"],
  [false, false, true, "gone"],
];

for (const [ready, serving, terminating, expected] of TABLE) {
  const conditions = {
    ...(ready !== nil && { ready }),
    ...(serving !== nil && { serving }),
    ...(terminating !== nil && { terminating }),
  };
  test(`conditions ${JSON.stringify(conditions)} are ${expected}, and ready where not-ready addresses are published`, () => {
    assert.equal(standingOf(conditions, false), expected);
    assert.equal(standingOf(conditions, true), "ready");
  });
}

test("of two statements about a Pod the one that says terminating is the newer; else the readier counts", () => {
  const all: Standing[] = ["unready", "ready", "gone", "draining"];
  const sorted = (ofPod: boolean) => [...all].sort((a, b) => compareStatements(a, b, ofPod));
  assert.deepEqual(sorted(true), ["draining", "gone", "ready", "unready"]);
  assert.deepEqual(sorted(false), ["ready", "draining", "unready", "gone"]);
  assert.deepEqual([...all].sort(compareReadiness), ["ready", "draining", "unready", "gone"]);
});
