import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ABSENT, nextOffer, type Offer, type PodMoment } from "./lifecycle.ts";

const DRAIN_MS = 100;
const moment = (ready: boolean, leaving = false): PodMoment => ({ ready, leaving });

test("offered when ready, taken out when not, removed when the drain time is over", () => {
  const offered = nextOffer(ABSENT, moment(true), 0, DRAIN_MS);
  assert.deepEqual(offered, { type: "offered" });
  const out = nextOffer(offered, moment(false), 10, DRAIN_MS);
  assert.deepEqual(out, { type: "taken-out", until: 110 });
  assert.deepEqual(nextOffer(out, moment(false), 109, DRAIN_MS), out);
  assert.deepEqual(nextOffer(out, moment(false), 110, DRAIN_MS), ABSENT);
});

test("what becomes ready again while it is taken out is offered again, unless it is leaving", () => {
  const out: Offer = { type: "taken-out", until: 100 };
  assert.deepEqual(nextOffer(out, moment(true), 50, DRAIN_MS), { type: "offered" });
  assert.deepEqual(nextOffer(out, moment(true, true), 50, DRAIN_MS), out);
});

test("what was never ready is never there", () => {
  fc.assert(
    fc.property(fc.array(fc.record({ leaving: fc.boolean(), step: fc.nat(200) })), (moments) => {
      let [offer, now]: [Offer, number] = [ABSENT, 0];
      for (const { leaving, step } of moments) {
        now += step;
        offer = nextOffer(offer, { ready: false, leaving }, now, DRAIN_MS);
        assert.deepEqual(offer, ABSENT);
      }
    }),
  );
});

test("after it began to leave it is offered no more, and absent when the drain time is over", () => {
  fc.assert(
    fc.property(fc.boolean(), fc.array(fc.boolean(), { minLength: 1 }), (before, ready) => {
      let offer: Offer = before ? { type: "offered" } : ABSENT;
      for (const [at, one] of ready.entries()) {
        offer = nextOffer(offer, { ready: one, leaving: true }, at, DRAIN_MS);
        assert.notEqual(offer.type, "offered");
      }
      assert.deepEqual(nextOffer(offer, { ready: true, leaving: true }, ready.length + DRAIN_MS, DRAIN_MS), ABSENT);
    }),
  );
});
