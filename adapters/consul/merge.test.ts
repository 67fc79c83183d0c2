import assert from "node:assert/strict";
import { test } from "node:test";
import { fakeClock } from "../../src/kernel/fake-clock.ts";
import { fail } from "../../src/model/errors.ts";
import { AUTHORITATIVE, type Evidence, suspect } from "../../src/model/evidence.ts";
import type { RegistryEvent } from "../../src/registry/adapter.ts";
import { createSummary } from "./merge.ts";

const synced = (evidence: Evidence = AUTHORITATIVE): RegistryEvent => ({ type: "synced", evidence });
const gone: RegistryEvent = { type: "gone", source: { registry: "consul", scope: "dc1/web" }, evidence: AUTHORITATIVE };
const lost: RegistryEvent = { ...gone, evidence: suspect("index-went-back") };
const degraded: RegistryEvent = { type: "degraded", error: fail("MB_INTERNAL", { reason: "test" }), retryInMs: 5 };

/** Steps: part, its batch, what is said of it; a number moves the clock. */
type Step = readonly [number, readonly RegistryEvent[], readonly RegistryEvent[]] | number;

const CASES: Readonly<Record<string, readonly Step[]>> = {
  "synced is said when all parts are": [
    [0, [gone, synced()], [gone]],
    [1, [synced()], [synced()]],
  ],
  "the worst evidence counts": [
    [0, [synced(suspect("acl-filtered"))], []],
    [1, [synced()], [synced(suspect("acl-filtered"))]],
    [0, [synced()], [synced()]],
  ],
  "synced is repeated every few seconds only, unless there is news": [
    [0, [synced()], []],
    [1, [synced()], [synced()]],
    [1, [synced()], []],
    [1, [gone, synced()], [gone, synced()]],
    4999,
    [0, [synced()], []],
    1,
    [0, [synced()], [synced()]],
  ],
  "while a part cannot be read there is no synced, and that is said again after news": [
    [0, [synced()], []],
    [1, [synced()], [synced()]],
    [1, [degraded], [degraded]],
    [0, [synced()], []],
    [0, [gone, synced()], [gone, degraded]],
    [1, [synced()], [synced()]],
  ],
  "before a part's own synced, its older one does not vouch for its news": [
    [0, [synced()], []],
    [1, [synced()], [synced()]],
    [0, [lost], [lost]],
    [1, [synced()], []],
    [0, [synced(suspect("index-went-back"))], [synced(suspect("index-went-back"))]],
  ],
};

for (const [name, steps] of Object.entries(CASES))
  test(name, async () => {
    const clock = fakeClock();
    const summary = createSummary(2, clock);
    for (const step of steps)
      if (typeof step === "number") await clock.advance(step);
      else assert.deepEqual(summary.take(step[0], step[1]), step[2]);
  });
