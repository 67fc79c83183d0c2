import assert from "node:assert/strict";
import { test } from "node:test";
import { DURATION_FORM, parseDuration } from "./duration.ts";

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

test("what the form takes is what can be parsed, and the other way round", () => {
  for (const text of ["0s", "500ms", "999999999h", "1000000000h", `${"9".repeat(40)}s`, "5", "5d", "-1s", "1.5s", " 1s", "1s\n"])
    assert.equal(new RegExp(DURATION_FORM.pattern).test(text), parseDuration(text) !== undefined, JSON.stringify(text));
});
