import assert from "node:assert/strict";
import { test } from "node:test";
import type { ClusterFacts } from "../rollout/types.ts";
import { clusterStatus, healthCondition } from "./cluster-status.ts";
import { updateConditions } from "./conditions.ts";

const NOW = Date.parse("2026-01-01T00:01:00Z");
const workload = { observedAt: NOW - 10_000, revision: "r2", health: "Healthy", current: true, desired: 3, message: "" } as const;
const status = (facts: ClusterFacts) =>
  clusterStatus({
    cluster: "a",
    facts,
    share: { cluster: "a", replicas: 2, pending: 1, why: ["weight 1 of 1"] },
    placement: "chosen",
    revision: "r2",
    freshForMs: 30_000,
    now: NOW,
  });

test("fresh facts are told with their time", () => {
  assert.deepEqual(status({ workload }), {
    name: "a",
    health: "Healthy",
    revision: "r2",
    observedAt: "2026-01-01T00:00:50Z",
    replicas: 3,
    why: ["chosen", "weight 1 of 1"],
  });
});

test("an old Healthy, none at all, or one from the future is Unknown; one of another revision is not healthy yet", () => {
  assert.equal(status({ workload: { ...workload, observedAt: NOW - 30_001 } }).health, "Unknown");
  assert.equal(status({}).health, "Unknown");
  assert.equal(status({ workload: { ...workload, observedAt: NOW + 1 } }).health, "Unknown");
  assert.equal(status({ workload: { ...workload, revision: "r1" } }).health, "Progressing");
  assert.equal(status({ workload: { ...workload, current: false } }).health, "Progressing");
});

test("healthy is what is known to be healthy everywhere", () => {
  const healthy = status({ workload });
  const table = [
    [[], "Unknown", "NoClusters"],
    [[healthy], "True", "Healthy"],
    [[healthy, status({})], "Unknown", "FactsUnknown"],
    [[healthy, status({}), { ...healthy, health: "Degraded" as const }], "False", "Degraded"],
    [[{ ...healthy, health: "Progressing" as const }], "False", "Progressing"],
  ] as const;
  for (const [clusters, expected, reason] of table) {
    const condition = healthCondition(clusters);
    assert.deepEqual([condition.status, condition.reason], [expected, reason]);
  }
});

test("a condition's time moves with its status alone", () => {
  const first = updateConditions([], [{ type: "Placed", status: "True", reason: "A", message: "a" }], {
    generation: 1,
    now: NOW,
  });
  const second = updateConditions(
    first,
    [
      { type: "Placed", status: "True", reason: "B", message: "b" },
      { type: "Healthy", status: "Unknown", reason: "X", message: "x" },
    ],
    { generation: 2, now: NOW + 5000 },
  );
  assert.deepEqual(
    second.map(({ type, lastTransitionTime, observedGeneration }) => [type, lastTransitionTime, observedGeneration]),
    [
      ["Healthy", "2026-01-01T00:01:05Z", 2],
      ["Placed", "2026-01-01T00:01:00Z", 2],
    ],
  );
  const third = updateConditions(second, [{ type: "Placed", status: "False", reason: "C", message: "c" }], {
    generation: 2,
    now: NOW + 9000,
  });
  assert.equal(third[1]?.lastTransitionTime, "2026-01-01T00:01:09Z");
});
