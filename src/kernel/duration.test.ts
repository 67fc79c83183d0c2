import assert from "node:assert/strict";
import { test } from "node:test";
import { parseDuration } from "./duration.ts";

for (const [text, want] of [
  ["0s", 0],
  ["500ms", 500],
  ["30s", 30_000],
  ["5m", 300_000],
  ["1h", 3_600_000],
  ["30", undefined],
  ["s", undefined],
  ["", undefined],
  ["-1s", undefined],
  ["1.5s", undefined],
  ["1 s", undefined],
  ["1d", undefined],
  ["1constructor", undefined],
  ["99999999999h", undefined],
] as const)
  test(`"${text}" is ${want === undefined ? "no duration" : `${want} ms`}`, () => {
    assert.equal(parseDuration(text), want);
  });
