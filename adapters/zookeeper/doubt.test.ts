import assert from "node:assert/strict";
import { test } from "node:test";
import { AUTHORITATIVE, suspect } from "../../src/model/evidence.ts";
import { createDoubt } from "./doubt.ts";

test("a new session is in doubt until the providers have had their time", () => {
  const doubt = createDoubt(60_000, true);
  doubt.connected(true, 1000);
  assert.deepEqual([doubt.evidence(1000), doubt.endsInMs(1000)], [suspect("new-session"), 60_000]);
  assert.deepEqual([doubt.evidence(60_999), doubt.endsInMs(60_999)], [suspect("new-session"), 1]);
  assert.deepEqual([doubt.evidence(61_000), doubt.endsInMs(61_000)], [AUTHORITATIVE, undefined]);
});

test("a resumed session neither begins a doubt nor ends one", () => {
  const doubt = createDoubt(60_000, true);
  doubt.connected(true, 0);
  doubt.connected(false, 50_000);
  assert.deepEqual(doubt.evidence(59_999), suspect("new-session"));
  doubt.connected(false, 60_000);
  assert.deepEqual(doubt.evidence(60_000), AUTHORITATIVE);
});

test("zxids that went back are a doubt of their own", () => {
  const doubt = createDoubt(60_000, true);
  doubt.connected(true, 0);
  doubt.wentBack(70_000);
  assert.deepEqual(doubt.evidence(70_000), suspect("index-went-back"));
  assert.deepEqual(doubt.evidence(130_000), AUTHORITATIVE);
});

test("the first session of a registry of which nothing is known proves what it reads; the next new one does not", () => {
  const doubt = createDoubt(60_000, false);
  doubt.connected(true, 0);
  assert.deepEqual(doubt.evidence(0), AUTHORITATIVE);
  doubt.connected(true, 1000);
  assert.deepEqual(doubt.evidence(1000), suspect("new-session"));
});
