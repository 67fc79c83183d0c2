import assert from "node:assert/strict";
import { test } from "node:test";
import type { SyncState } from "../catalog/types.ts";
import { nextSyncState } from "./sync-gate.ts";

const yes = true;
const no = false;

for (const [name, current, allSynced, allSettled, anyBlank, waitOver, expected] of [
  ["all synced: complete at once", "waiting", yes, yes, no, no, "complete"],
  ["one still reading: wait", "waiting", no, no, yes, no, "waiting"],
  ["the failing one has a saved state: no need to wait", "waiting", no, yes, no, no, "complete"],
  ["the failing one has none: wait for the bound", "waiting", no, no, yes, no, "waiting"],
  ["the bound is over and something is unknown: partial", "waiting", no, no, yes, yes, "partial"],
  ["the bound is over and a saved state stands for the hung one", "waiting", no, no, no, yes, "complete"],
  ["partial becomes complete when the last one syncs", "partial", yes, yes, no, yes, "complete"],
  ["complete stays, also when a registry is added later", "complete", no, no, yes, no, "complete"],
] as const) {
  test(name, () => {
    assert.equal(nextSyncState(current as SyncState, { allSynced, allSettled, anyBlank, waitOver }), expected);
  });
}
