import assert from "node:assert/strict";
import { test } from "node:test";
import { Value } from "typebox/value";
import { type Rollout, RolloutSchema } from "../api/schema/rollout.ts";
import { cluster } from "../placement/testing.ts";
import { approveStage, type Commanded, pauseRollout, resumeRollout, revisionFor, undoRollout } from "./commands.ts";
import { countOf, planRollout } from "./plan-stages.ts";
import { beginRollout, nextStep } from "./step.ts";
import { GATE, planOf, runRollout, SimulatedFleet, stage } from "./testing.ts";
import type { ClusterFacts, RolloutPlan, RolloutState } from "./types.ts";

const DONE: RolloutState = { ...beginRollout(undefined, "r1"), phase: "Succeeded" };
const NEW = beginRollout(DONE, "r2");
const PLAN = planOf([
  stage("canary", "a", { soakMs: 60_000 }),
  stage("half", "b c", { maxConcurrency: 2 }),
  stage("rest", "d e"),
]);
const NAMES = ["a", "b", "c", "d", "e"];
const phases = (state: RolloutState) => state.clusters.map(({ phase }) => phase).join(" ");
const stateOf = (commanded: Commanded) => {
  assert.ok("state" in commanded, JSON.stringify(commanded));
  return commanded.state;
};

test("three stages in order, one after the other", () => {
  const fleet = new SimulatedFleet(NAMES);
  const state = runRollout({ plan: PLAN, fleet, state: NEW });
  assert.equal(state.phase, "Succeeded");
  assert.deepEqual(fleet.changes, ["a=r2", "b=r2", "c=r2", "d=r2", "e=r2"]);
});

test("the soak is seen, not waited for: time without observations does not count", () => {
  const plan = planOf([stage("canary", "a", { soakMs: 60_000 })], { deadlineMs: 3_600_000 });
  const silent = (from: number, to: number) =>
    new SimulatedFleet(["a"], { faults: { silent: (_, now) => now >= from && now < to } });
  const passedAt = (fleet: SimulatedFleet) => {
    let at: number | undefined;
    runRollout({
      plan,
      fleet,
      state: NEW,
      check: (state, { now }) => {
        if (state.phase === "Succeeded") at ??= now;
      },
    });
    return at;
  };
  // Applied at 0, ready at 10 s, soaked at 70 s.
  assert.equal(passedAt(silent(0, 0)), 70_000);
  // One observation missing is no break.
  assert.equal(passedAt(silent(30_000, 35_000)), 70_000);
  // A gap of more than freshFor is: seen again at 90 s, soaked 60 s later.
  assert.equal(passedAt(silent(30_000, 90_000)), 150_000);
});

test("a fault in the second of three stages: everything goes back, the newest first, and the third never begins", () => {
  const fleet = new SimulatedFleet(NAMES, { faults: { broken: (name, revision) => name === "c" && revision === "r2" } });
  const state = runRollout({ plan: PLAN, fleet, state: NEW });
  assert.equal(state.phase, "RolledBack");
  assert.deepEqual(fleet.changes, ["a=r2", "b=r2", "c=r2", "c=r1", "b=r1", "a=r1"]);
  assert.deepEqual(
    NAMES.map((name) => revisionFor(state, name)),
    ["r1", "r1", "r1", "r1", "r1"],
  );
});

test("failures that are put up with do not stop it, but a stage of failures alone proves nothing", () => {
  const broken = (name: string, revision: string) => name === "b" && revision === "r2";
  const tolerant = { ...PLAN, maxFailures: 1 };
  assert.equal(
    runRollout({ plan: tolerant, fleet: new SimulatedFleet(NAMES, { faults: { broken } }), state: NEW }).phase,
    "Succeeded",
  );
  const canary = new SimulatedFleet(NAMES, { faults: { broken: (name, revision) => name === "a" && revision === "r2" } });
  const held = runRollout({ plan: tolerant, fleet: canary, state: NEW });
  assert.deepEqual(
    [held.phase, held.reason, phases(held)],
    ["Progressing", "StageWithoutProof", "Failed Pending Pending Pending Pending"],
  );
});

test("without a revision that succeeded, or when asked to, a failure pauses", () => {
  const faults = { broken: (_: string, revision: string) => revision === "r2" };
  const first = runRollout({ plan: PLAN, fleet: new SimulatedFleet(NAMES, { faults }), state: beginRollout(undefined, "r2") });
  assert.deepEqual([first.phase, first.reason], ["Paused", "NothingToRollBackTo"]);
  const paused = runRollout({ plan: { ...PLAN, onFailure: "pause" }, fleet: new SimulatedFleet(NAMES, { faults }), state: NEW });
  assert.deepEqual(
    [paused.phase, paused.reason, phases(paused)],
    ["Paused", "TooManyFailures", "Failed Pending Pending Pending Pending"],
  );
});

test("never ready within the deadline is a failure; not known at the deadline is a pause", () => {
  const slow = new SimulatedFleet(NAMES, { readyMs: 700_000 });
  assert.equal(runRollout({ plan: { ...PLAN, onFailure: "pause" }, fleet: slow, state: NEW }).reason, "TooManyFailures");
  const blind = new SimulatedFleet(NAMES, { faults: { silent: () => true } });
  const state = runRollout({ plan: PLAN, fleet: blind, state: NEW });
  assert.deepEqual([state.phase, state.reason], ["Paused", "FactsUnknown"]);
  const seen = new SimulatedFleet(NAMES);
  assert.equal(
    runRollout({ plan: PLAN, fleet: seen, state: stateOf(resumeRollout(state, 2_000_000)), from: 2_000_000 }).phase,
    "Succeeded",
  );
});

test("a cluster that cannot be reached holds up nobody and catches up through the same gate", () => {
  const unreachable = (name: string, now: number) => name === "b" && now < 400_000;
  const fleet = new SimulatedFleet(NAMES, { faults: { unreachable } });
  const state = runRollout({ plan: PLAN, fleet, state: NEW });
  assert.equal(state.phase, "Succeeded");
  assert.deepEqual(fleet.changes, ["a=r2", "c=r2", "d=r2", "e=r2", "b=r2"]);
});

test("lost in the middle: deferred at the deadline, and the others go on", () => {
  const unreachable = (name: string, now: number) => name === "b" && now > 75_000 && now < 900_000;
  const fleet = new SimulatedFleet(NAMES, { readyMs: 20_000, faults: { unreachable } });
  const state = runRollout({ plan: { ...PLAN, deadlineMs: 120_000 }, fleet, state: NEW, ticks: 400 });
  assert.equal(state.phase, "Succeeded");
});

test("a canary that cannot be reached proves nothing", () => {
  const fleet = new SimulatedFleet(NAMES, { faults: { unreachable: (name) => name === "a" } });
  const state = runRollout({ plan: PLAN, fleet, state: NEW });
  assert.deepEqual([state.phase, state.reason], ["Progressing", "StageWithoutProof"]);
  assert.deepEqual(fleet.changes, []);
});

test("a stage waits for approval, and says so", () => {
  const plan = planOf([stage("canary", "a"), stage("rest", "b", { approval: true })]);
  const fleet = new SimulatedFleet(["a", "b"]);
  const held = runRollout({ plan, fleet, state: NEW });
  assert.equal(held.reason, "ApprovalNeeded");
  assert.deepEqual(nextStep({ plan, state: held, facts: fleet.facts(1e6), now: 1e6 }).actions, [
    { type: "approval", stage: "rest" },
  ]);
  assert.equal(runRollout({ plan, fleet, state: stateOf(approveStage(held, "rest")), from: 2e6 }).phase, "Succeeded");
  assert.deepEqual(beginRollout(stateOf(approveStage(held, "rest")), "r3").approvals, []);
});

test("pause, resume, undo", () => {
  const fleet = new SimulatedFleet(NAMES);
  const begun = runRollout({ plan: PLAN, fleet, state: NEW, ticks: 2 });
  const paused = stateOf(pauseRollout(begun, "looking"));
  const rested = runRollout({ plan: PLAN, fleet, state: paused, from: 20_000 });
  assert.deepEqual([rested.phase, phases(rested), fleet.changes], ["Paused", "Passed Pending Pending Pending Pending", ["a=r2"]]);
  assert.ok("refused" in pauseRollout(rested, ""));
  const resumed = runRollout({ plan: PLAN, fleet, state: stateOf(resumeRollout(rested, 2e6)), from: 2e6 });
  assert.equal(resumed.phase, "Succeeded");
  const undone = runRollout({ plan: PLAN, fleet, state: stateOf(undoRollout(resumed)), from: 4e6 });
  assert.equal(undone.phase, "RolledBack");
  assert.deepEqual(fleet.changes.slice(5), ["e=r1", "d=r1", "c=r1", "b=r1", "a=r1"]);
  assert.ok("refused" in undoRollout(beginRollout(undefined, "r1")));
  assert.ok("refused" in resumeRollout(resumed, 0));
  const again = runRollout({ plan: PLAN, fleet, state: stateOf(resumeRollout(undone, 6e6)), from: 6e6 });
  assert.deepEqual([again.phase, fleet.changes.slice(10)], ["Succeeded", ["a=r2", "b=r2", "c=r2", "d=r2", "e=r2"]]);
});

test("a cluster that does not come back is told and passed over, and may still come back", () => {
  const faults = {
    broken: (name: string, revision: string) => revision === "r2" && name === "c",
    unreachable: (name: string, now: number) => name === "b" && now > 77_000 && now < 1_500_000,
  };
  const fleet = new SimulatedFleet(NAMES, { faults });
  const incomplete = runRollout({ plan: PLAN, fleet, state: NEW, ticks: 250 });
  assert.deepEqual([incomplete.phase, incomplete.message], ["RollbackIncomplete", "not back at revision r1: b"]);
  assert.equal(fleet.clusters.get("a")?.revision, "r1");
  assert.equal(runRollout({ plan: PLAN, fleet, state: incomplete, from: 1_600_000 }).phase, "RolledBack");
});

test("an instance that turns critical in the soak is a failure at once", () => {
  const plan = planOf([stage("canary", "a", { soakMs: 60_000 })], {
    gate: { ...GATE, registryPercent: 100 },
    onFailure: "pause",
  });
  const facts = (now: number, critical: number): ReadonlyMap<string, ClusterFacts> =>
    new Map([
      [
        "a",
        {
          workload: { observedAt: now, revision: "r2", health: "Healthy", current: true, desired: 2, message: "" },
          registry: { observedAt: now, revision: "r2", expected: 2, passing: 2 - critical, critical, old: 0 },
        },
      ],
    ]);
  let state = nextStep({ plan, state: NEW, facts: new Map(), now: 0 }).state;
  // Instances that start are critical for a while.
  state = nextStep({ plan, state, facts: facts(5000, 1), now: 5000 }).state;
  assert.equal(phases(state), "Verifying");
  state = nextStep({ plan, state, facts: facts(10_000, 0), now: 10_000 }).state;
  state = nextStep({ plan, state, facts: facts(20_000, 1), now: 20_000 }).state;
  assert.deepEqual([state.phase, phases(state)], ["Paused", "Failed"]);
  assert.match(state.message, /passed and then did not/);
});

test("a cluster that joins later goes through the gate; one that left is forgotten", () => {
  const fleet = new SimulatedFleet(["a", "b", "f"]);
  const small = planOf([stage("all", "a b")]);
  const done = runRollout({ plan: small, fleet, state: NEW });
  const grown = runRollout({ plan: planOf([stage("all", "a f")]), fleet, state: done, from: 2e6 });
  assert.deepEqual([grown.phase, grown.clusters.map(({ cluster: name }) => name)], ["Succeeded", ["a", "f"]]);
  assert.equal(fleet.changes.at(-1), "f=r2");
});

test("what a new rollout goes back to is what last succeeded", () => {
  assert.equal(beginRollout(NEW, "r3").previous, "r1");
  assert.equal(beginRollout(NEW, "r2"), NEW);
  assert.equal(beginRollout({ ...NEW, phase: "Succeeded" }, "r3").previous, "r2");
  assert.equal(beginRollout(undefined, "r1").previous, null);
});

// OCM's and KubeFleet's arithmetic: shares are rounded down, but never to nothing.
for (const [limit, of, count] of [
  ["50%", 6, 3],
  ["50%", 5, 2],
  ["50%", 1, 1],
  ["1%", 10, 1],
  ["100%", 7, 7],
  [2, 7, 2],
  [9, 3, 9],
] as const)
  test(`${limit} of ${of} clusters are ${count} at once`, () => assert.equal(countOf(limit, of), count));

test("stages take each placed cluster once; what is left makes one more", () => {
  const rollout = Value.Default(RolloutSchema, {
    stages: [
      { name: "canary", clusters: ["z", "b", "gone"], soak: "60s" },
      { name: "eu", clusterSelector: { matchLabels: { r: "eu" } }, maxConcurrency: "50%" },
    ],
    gate: { registry: { service: "shop/web" }, proxies: "acked" },
  }) as Rollout;
  const eu = { labels: { r: "eu" } };
  const plan: RolloutPlan = planRollout(rollout, [
    cluster("a", eu),
    cluster("b", eu),
    cluster("c", eu),
    cluster("x"),
    cluster("z"),
  ]);
  assert.deepEqual(
    plan.stages.map(({ name, clusters, maxConcurrency }) => [name, clusters.join(" "), maxConcurrency]),
    [
      ["canary", "z b", 2],
      ["eu", "a c", 1],
      ["remaining", "x", 1],
    ],
  );
  assert.deepEqual(plan.gate, { workload: "ready", registryPercent: 100, proxiesAcked: true, freshForMs: 30_000 });
  assert.deepEqual([plan.stages[0]?.soakMs, plan.deadlineMs], [60_000, 600_000]);
});
