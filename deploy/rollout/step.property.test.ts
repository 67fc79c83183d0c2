import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { beginRollout, nextStep } from "./step.ts";
import { planOf, runRollout, SimulatedFleet, stage } from "./testing.ts";
import type { ClusterFacts, RolloutPlan, RolloutState } from "./types.ts";

const NAMES = ["a", "b", "c", "d", "e", "f"];
const START: RolloutState = beginRollout({ ...beginRollout(undefined, "r1"), phase: "Succeeded" }, "r2");

const anyPlan: fc.Arbitrary<RolloutPlan> = fc
  .record({
    cuts: fc.tuple(fc.nat(6), fc.nat(6)),
    names: fc.shuffledSubarray(NAMES, { minLength: 6 }),
    concurrency: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })),
    soakMs: fc.constantFrom(0, 20_000, 60_000),
    maxFailures: fc.nat(2),
    onFailure: fc.constantFrom("pause" as const, "rollback" as const),
  })
  .map(({ cuts, names, concurrency, soakMs, maxFailures, onFailure }) => {
    const [first, second] = cuts[0] < cuts[1] ? cuts : [cuts[1], cuts[0]];
    const parts = [names.slice(0, first), names.slice(first, second), names.slice(second)];
    const stages = parts.map((part, index) =>
      stage(`s${index}`, part.join(" "), { soakMs, maxConcurrency: concurrency[index] ?? 1 }),
    );
    return planOf(stages, { maxFailures, onFailure, deadlineMs: 200_000 });
  });

/** Clusters whose new revision is broken, and those that fall silent for a while. */
const anyFaults = fc.record({
  broken: fc.subarray(NAMES, { maxLength: 3 }),
  silent: fc.subarray(NAMES, { maxLength: 2 }),
  from: fc.nat(300_000),
});

function fleetWith({
  broken,
  silent,
  from,
}: {
  broken: readonly string[];
  silent: readonly string[];
  from: number;
}): SimulatedFleet {
  return new SimulatedFleet(NAMES, {
    faults: {
      broken: (name, revision) => revision === "r2" && broken.includes(name),
      silent: (name, now) => silent.includes(name) && now >= from && now < from + 100_000,
    },
  });
}

test("never two stages at once, never more than allowed, no stage without proof of the one before", () => {
  fc.assert(
    fc.property(anyPlan, anyFaults, (plan, faults) => {
      const stageOf = (name: string) => plan.stages.findIndex(({ clusters }) => clusters.includes(name));
      const check = (state: RolloutState) => {
        for (const phase of ["Verifying", "RollingBack"] as const) {
          const inFlight = state.clusters.filter((one) => one.phase === phase).map(({ cluster }) => stageOf(cluster));
          assert.ok(new Set(inFlight).size <= 1, "one stage at once");
          const limit = plan.stages[inFlight[0] ?? 0]?.maxConcurrency ?? 1;
          if (phase === "RollingBack" || state.phase === "Progressing")
            assert.ok(inFlight.length <= limit, "concurrency is kept");
        }
        if (state.phase === "RollingBack" || state.phase === "RolledBack") return;
        const furthest = Math.max(
          -1,
          ...state.clusters.filter(({ order }) => order !== null).map(({ cluster }) => stageOf(cluster)),
        );
        for (const { clusters } of plan.stages.slice(0, Math.max(0, furthest)))
          assert.ok(
            clusters.length === 0 || state.clusters.some((one) => clusters.includes(one.cluster) && one.phase === "Passed"),
          );
      };
      runRollout({ plan, fleet: fleetWith(faults), state: START, check });
    }),
    { numRuns: 150 },
  );
});

test("killed at any step, before or after the state is written, it does the same in the same order", () => {
  fc.assert(
    fc.property(
      anyPlan,
      fc.subarray(NAMES, { maxLength: 3 }),
      fc.array(fc.tuple(fc.nat(150), fc.constantFrom("lost" as const, "idle" as const))),
      (plan, broken, kills) => {
        const faults = { broken, silent: [], from: 0 };
        const [calm, killed] = [fleetWith(faults), fleetWith(faults)];
        const expected = runRollout({ plan, fleet: calm, state: START, ticks: 400 });
        const at = new Map(kills);
        const state = runRollout({ plan, fleet: killed, state: START, ticks: 600, kill: (tick) => at.get(tick) });
        // A pass that is seen late may be seen together with a failure: the order within a stage is the same, and so is the end.
        assert.equal(state.phase, expected.phase);
        assert.deepEqual(new Set(killed.changes), new Set(calm.changes));
        assert.equal(new Set(killed.changes).size, killed.changes.length, "nothing is done twice");
        assert.deepEqual(
          [...killed.clusters].map(([name, { revision }]) => [name, revision]),
          [...calm.clusters].map(([name, { revision }]) => [name, revision]),
        );
      },
    ),
    { numRuns: 150 },
  );
});

test("facts that are stale, of another revision, from before the change or from the future never let anything pass", () => {
  const bad = fc.constantFrom("stale", "old", "before", "future", "outdated", "missing");
  fc.assert(
    fc.property(anyPlan, fc.infiniteStream(bad), (plan, kinds) => {
      let state = START;
      for (let tick = 0; tick < 60; tick++) {
        const now = 1_000_000 + tick * 5000;
        const facts = new Map<string, ClusterFacts>();
        for (const name of NAMES) {
          const kind = kinds.next().value;
          if (kind === "missing") continue;
          const startedAt = state.clusters.find(({ cluster }) => cluster === name)?.startedAt ?? now;
          const observedAt = { stale: now - 30_001, before: startedAt, future: now + 1 }[kind as string] ?? now;
          const workload = {
            observedAt,
            revision: kind === "old" ? "r1" : "r2",
            health: "Healthy",
            current: kind !== "outdated",
            desired: 1,
            message: "",
          } as const;
          facts.set(name, { workload });
        }
        state = nextStep({ plan, state, facts, now }).state;
        assert.ok(state.clusters.every(({ phase }) => phase !== "Passed"));
      }
    }),
    { numRuns: 100 },
  );
});

test("asked again with its own state, nothing new is done", () => {
  fc.assert(
    fc.property(anyPlan, anyFaults, (plan, faults) => {
      runRollout({
        plan,
        fleet: fleetWith(faults),
        state: START,
        ticks: 80,
        check: (state, input) => {
          const again = nextStep({ ...input, state });
          assert.equal(again.state.phase, state.phase);
          assert.deepEqual(
            again.state.clusters.map(({ phase }) => phase),
            state.clusters.map(({ phase }) => phase),
          );
        },
      });
    }),
    { numRuns: 60 },
  );
});
