import assert from "node:assert/strict";
import { test } from "node:test";
import { afterProbe, type GatewayHealth, NEVER_PROBED, type ProbeRule, standingOf } from "./gateway-health.ts";

const RULE: ProbeRule = { intervalMs: 300, timeoutMs: 500, failures: 3, holdMs: 10_000, rampMs: 5000 };

/** Answers (`+`) and silences (`-`) of a probe each second. */
function run(answers: string, from: GatewayHealth = NEVER_PROBED, startAt = 0): GatewayHealth {
  return [...answers].reduce((health, one, index) => afterProbe(health, one === "+", startAt + index * 1000, RULE), from);
}

test("it is lost after so many silences in a row, and not before", () => {
  assert.equal(standingOf(NEVER_PROBED, 0, RULE).kind, "up");
  assert.equal(standingOf(run("--"), 1000, RULE).kind, "up");
  assert.equal(standingOf(run("--+--"), 4000, RULE).kind, "up");
  assert.deepEqual(standingOf(run("+---"), 9000, RULE), { kind: "lost", since: 3000 });
  assert.deepEqual(standingOf(run("+-----"), 9000, RULE), { kind: "lost", since: 3000 });
});

test("it comes back by a hold and then in steps, each larger than the one before", () => {
  const back = run("+---+");
  assert.deepEqual(standingOf(back, 4000, RULE), { kind: "held", until: 14_000 });
  assert.equal(standingOf(back, 13_999, RULE).kind, "held");
  const shares = [14_000, 15_000, 16_000, 17_000, 18_000].map((now) => standingOf(back, now, RULE));
  assert.deepEqual(
    shares.map((one) => (one.kind === "ramp" ? Math.round(one.share * 100) : one.kind)),
    [17, 33, 50, 67, 83],
  );
  assert.deepEqual(standingOf(back, 19_000, RULE), { kind: "up" });
});

test("answers during the hold do not lengthen it; one silence does not end it; to be lost again begins anew", () => {
  const back = run("+---+");
  assert.deepEqual(standingOf(run("+++-+", back, 5000), 10_000, RULE), { kind: "held", until: 14_000 });
  const again = run("---+", back, 5000);
  assert.deepEqual(standingOf(again, 8000, RULE), { kind: "held", until: 18_000 });
  assert.equal(run("+", back, 19_000).backSince, undefined);
});

test("without hold and ramp it is back with its first answer; what answers for the first time ever needs neither", () => {
  const rule = { ...RULE, holdMs: 0, rampMs: 0 };
  const back = afterProbe(run("+---"), true, 4000, rule);
  assert.equal(standingOf(back, 4000, rule).kind, "up");
  assert.equal(standingOf(run("---"), 2000, RULE).kind, "lost");
  assert.equal(standingOf(run("---+"), 3000, RULE).kind, "up");
});
