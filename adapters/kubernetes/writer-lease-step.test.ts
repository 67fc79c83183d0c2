import assert from "node:assert/strict";
import { test } from "node:test";
import { leaseStep, leaseView } from "./writer-lease-step.ts";

const ME = { identity: "me", durationMs: 15_000, wall: 0, unchangedMs: 0 };
const view = (spec: object) => leaseView({ metadata: { resourceVersion: "5" }, spec });

test("nobody has it, or gave it up: it is taken, and the take-over is counted", () => {
  assert.deepEqual(leaseStep(undefined, ME), {
    ...{ holderIdentity: "me", leaseDurationSeconds: 15, leaseTransitions: 0 },
    ...{ renewTime: "1970-01-01T00:00:00.000000Z", acquireTime: "1970-01-01T00:00:00.000000Z" },
  });
  const given = leaseStep(view({ holderIdentity: "", leaseTransitions: 4, leaseDurationSeconds: 15 }), ME);
  assert.deepEqual([given?.["holderIdentity"], given?.["leaseTransitions"]], ["me", 5]);
});

test("another one has it: it is left until it was not renewed for its own duration, whatever the times in it say", () => {
  const other = view({
    holderIdentity: "other",
    leaseDurationSeconds: 20,
    leaseTransitions: 1,
    renewTime: "1970-01-01T00:00:00.000000Z",
  });
  assert.equal(leaseStep(other, { ...ME, unchangedMs: 19_999, wall: 10 ** 12 }), undefined);
  assert.equal(leaseStep(other, { ...ME, unchangedMs: 20_000 })?.["leaseTransitions"], 2);
});

test("one's own is renewed without a take-over; what is no Lease is nobody's", () => {
  const mine = view({ holderIdentity: "me", leaseTransitions: 3, acquireTime: "before", leaseDurationSeconds: 15 });
  const renewed = leaseStep(mine, { ...ME, wall: 1000 });
  assert.deepEqual([renewed?.["leaseTransitions"], renewed?.["acquireTime"]], [3, "before"]);
  assert.equal(leaseView({}), undefined);
  assert.equal(leaseView({ metadata: { resourceVersion: "1" }, spec: { holderIdentity: 7 } })?.holder, "");
});
