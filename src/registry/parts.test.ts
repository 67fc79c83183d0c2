import assert from "node:assert/strict";
import { test } from "node:test";
import { fakeClock } from "../kernel/fake-clock.ts";
import { fail } from "../model/errors.ts";
import { AUTHORITATIVE, type Evidence, suspect } from "../model/evidence.ts";
import type { RegistryEvent } from "./adapter.ts";
import { createSummary } from "./parts.ts";

const synced = (evidence: Evidence = AUTHORITATIVE): RegistryEvent => ({ type: "synced", evidence });
const gone: RegistryEvent = { type: "gone", source: { registry: "consul", scope: "dc1/web" }, evidence: AUTHORITATIVE };
const lost: RegistryEvent = { ...gone, evidence: suspect("index-went-back") };
const degraded: RegistryEvent = { type: "degraded", error: fail("MB_INTERNAL", { reason: "test" }), retryInMs: 5 };
const failed = (part: number): RegistryEvent => ({ ...degraded, part: `dc${part}` }) as RegistryEvent;
const recovered = (part: number): RegistryEvent => ({ type: "recovered", part: `dc${part}` });

/** What counts; how each part is for people is looked at on its own. */
const counting = (events: readonly RegistryEvent[]) => events.filter(({ type }) => type !== "parts");

/** Steps: part, its batch, what is said of it; a number moves the clock. */
type Step = readonly [number, readonly RegistryEvent[], readonly RegistryEvent[]] | number;

const CASES: Readonly<Record<string, readonly Step[]>> = {
  "synced is said when all parts are": [
    [0, [gone, synced()], [gone, recovered(0)]],
    [1, [synced()], [synced()]],
  ],
  "the worst evidence counts": [
    [0, [synced(suspect("acl-filtered"))], [recovered(0)]],
    [1, [synced()], [synced(suspect("acl-filtered"))]],
    [0, [synced()], [synced()]],
  ],
  "synced is repeated every few seconds only, unless there is news": [
    [0, [synced()], [recovered(0)]],
    [1, [synced()], [synced()]],
    [1, [synced()], []],
    [1, [gone, synced()], [gone, synced()]],
    4999,
    [0, [synced()], []],
    1,
    [0, [synced()], [synced()]],
  ],
  "while a part cannot be read there is no synced, and that is said again after news": [
    [0, [synced()], [recovered(0)]],
    [1, [synced()], [synced()]],
    [1, [degraded], [failed(1)]],
    [0, [synced()], []],
    [0, [gone, synced()], [gone, failed(1)]],
    [1, [synced()], [recovered(1), synced()]],
  ],
  "while the whole is not current, each part that is says so by itself, every few seconds": [
    [0, [synced()], [recovered(0)]],
    [0, [synced()], []],
    4999,
    [0, [synced()], []],
    1,
    [0, [synced()], [recovered(0)]],
    [1, [degraded], [failed(1)]],
    5000,
    [0, [synced()], [recovered(0)]],
  ],
  "before a part's own synced, its older one does not vouch for its news": [
    [0, [synced()], [recovered(0)]],
    [1, [synced()], [synced()]],
    [0, [lost], [lost]],
    [1, [synced()], [recovered(1)]],
    [0, [synced(suspect("index-went-back"))], [synced(suspect("index-went-back"))]],
  ],
};

test("a part that recovers while another cannot be read says so; one that is removed holds nobody up", () => {
  const summary = createSummary(fakeClock());
  for (const part of ["a", "b", "c"]) summary.expect(part);
  assert.deepEqual(counting(summary.take("a", [degraded])), [{ ...degraded, part: "a" }]);
  assert.deepEqual(counting(summary.take("b", [degraded])), [{ ...degraded, part: "b" }]);
  assert.deepEqual(counting(summary.take("a", [synced()])), [{ type: "recovered", part: "a" }]);
  assert.deepEqual(counting(summary.take("c", [synced()])), [{ type: "recovered", part: "c" }]);
  assert.deepEqual(counting(summary.remove("b")), [synced()]);
  assert.deepEqual(counting(summary.remove("b")), []);
});

test("how each part is comes whenever that changes; of one part alone nothing is said", () => {
  const summary = createSummary(fakeClock());
  const shown = (events: readonly RegistryEvent[]) =>
    events.flatMap((event) =>
      event.type === "parts"
        ? [event.parts.map(({ name, state, suspectReason = "" }) => `${name} ${state} ${suspectReason}`.trim())]
        : [],
    );
  summary.expect("a");
  assert.deepEqual(shown(summary.take("a", [synced()])), []);
  summary.expect("b");
  assert.deepEqual(shown(summary.take("a", [gone])), [["a live", "b syncing"]]);
  assert.deepEqual(shown(summary.take("a", [synced()])), []);
  assert.deepEqual(shown(summary.take("b", [degraded])), [["a live", "b stale"]]);
  assert.deepEqual(shown(summary.take("b", [degraded])), []);
  assert.deepEqual(shown(summary.take("b", [synced(suspect("no-leader"))])), [["a live", "b suspect no-leader"]]);
  assert.deepEqual(shown(summary.remove("b")), [["a live"]]);
  assert.deepEqual(shown(summary.remove("a")), [[]]);
});

for (const [name, steps] of Object.entries(CASES))
  test(name, async () => {
    const clock = fakeClock();
    const summary = createSummary(clock);
    for (const part of [0, 1]) summary.expect(`dc${part}`);
    for (const step of steps)
      if (typeof step === "number") await clock.advance(step);
      else assert.deepEqual(counting(summary.take(`dc${step[0]}`, step[1])), step[2]);
  });
