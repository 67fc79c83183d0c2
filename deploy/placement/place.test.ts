import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Placement } from "../api/schema/placement.ts";
import { sortFleet, viewOf } from "./fleet.ts";
import { type PlacementInput, type PlacementResult, place } from "./place.ts";
import { cluster, fleetOf } from "./testing.ts";

const NOW = Date.parse("2026-01-01T00:00:00Z");
const FLEET = fleetOf(
  cluster("a", { region: "eu", labels: { env: "prod", tier: "3" } }),
  cluster("b", { region: "us", labels: { env: "prod", tier: "5" } }),
  cluster("c", { region: "us", labels: { env: "test" } }),
  cluster("d"),
);

function run(placement: Partial<Placement>, more: Partial<PlacementInput> = {}): PlacementResult {
  return place({
    placement: { groups: [], tolerations: [], ...placement },
    fleet: FLEET,
    current: new Set(),
    capacity: new Map(),
    need: 0,
    now: NOW,
    ...more,
  });
}

const reason = (result: PlacementResult, name: string) => result.decisions.find((one) => one.cluster === name)?.reason;

// KubeFed's table of placement.
const TABLE: readonly (readonly [title: string, placement: Partial<Placement>, expected: string])[] = [
  ["names win over the selector", { clusters: ["b"], clusterSelector: { matchLabels: { env: "test" } } }, "b"],
  ["an empty list is nobody", { clusters: [], clusterSelector: {} }, ""],
  ["neither is nobody", {}, ""],
  ["an empty selector is everybody", { clusterSelector: {} }, "a b c d"],
  ["labels", { clusterSelector: { matchLabels: { env: "prod" } } }, "a b"],
  ["In", { clusterSelector: { matchExpressions: [{ key: "env", operator: "In", values: ["test", "x"] }] } }, "c"],
  [
    "NotIn takes those without the label",
    { clusterSelector: { matchExpressions: [{ key: "env", operator: "NotIn", values: ["prod"] }] } },
    "c d",
  ],
  ["Exists", { clusterSelector: { matchExpressions: [{ key: "tier", operator: "Exists" }] } }, "a b"],
  ["DoesNotExist", { clusterSelector: { matchExpressions: [{ key: "tier", operator: "DoesNotExist" }] } }, "c d"],
  ["Gt", { clusterSelector: { matchExpressions: [{ key: "tier", operator: "Gt", values: ["3"] }] } }, "b"],
  ["Lt", { clusterSelector: { matchExpressions: [{ key: "tier", operator: "Lt", values: ["5"] }] } }, "a"],
  [
    "all conditions must hold",
    { clusterSelector: { matchLabels: { env: "prod" }, matchExpressions: [{ key: "tier", operator: "Gt", values: ["3"] }] } },
    "b",
  ],
];
for (const [title, placement, expected] of TABLE)
  test(`placement: ${title}`, () => assert.equal(run(placement).clusters.join(" "), expected));

test("a name that is no cluster is told, and places the others", () => {
  const result = run({ clusters: ["a", "ghost"] });
  assert.deepEqual(result.clusters, ["a"]);
  assert.equal(reason(result, "ghost"), "UnknownCluster");
  assert.match(result.decisions.find((one) => one.cluster === "b")?.message ?? "", /not in the list/);
});

test("a cordon, NoSchedule and unreadiness keep new ones away and leave what runs", () => {
  const fleet = fleetOf(
    cluster("cordoned", { unschedulable: true }),
    cluster("lost", { health: "unknown" }),
    cluster("tainted", { taints: [{ key: "gpu", effect: "NoSchedule" }] }),
  );
  const fresh = run({ clusterSelector: {} }, { fleet });
  assert.deepEqual(
    fresh.decisions.map(({ reason: why }) => why),
    ["Cordoned", "NotReady", "Tainted"],
  );
  assert.match(fresh.unsatisfied ?? "", /no cluster is left/);
  const running = run({ clusterSelector: {} }, { fleet, current: new Set(["cordoned", "lost", "tainted"]) });
  assert.deepEqual(running.clusters, ["cordoned", "lost", "tainted"]);
  assert.match(running.decisions[1]?.message ?? "", /no reason to take away/);
});

test("NoExecute evicts at once, after its seconds, or never", () => {
  const added = new Date(NOW - 100_000).toISOString();
  const fleet = fleetOf(cluster("x", { taints: [{ key: "down", effect: "NoExecute", timeAdded: added }] }));
  const current = new Set(["x"]);
  const seconds = (tolerationSeconds?: number) =>
    run(
      {
        clusterSelector: {},
        tolerations: [{ key: "down", operator: "Exists", ...(tolerationSeconds === undefined ? {} : { tolerationSeconds }) }],
      },
      { fleet, current },
    );
  assert.equal(reason(run({ clusterSelector: {} }, { fleet, current }), "x"), "Evicted");
  assert.equal(reason(seconds(100), "x"), "Evicted");
  assert.deepEqual([seconds(300).clusters, seconds(300).decisions[0]?.until], [["x"], NOW + 200_000]);
  assert.deepEqual([seconds().clusters, seconds().decisions[0]?.until], [["x"], undefined]);
});

test("of several tolerations the shortest counts, as in the kubelet's eviction", () => {
  const fleet = fleetOf(cluster("x", { taints: [{ key: "down", effect: "NoExecute", timeAdded: new Date(NOW).toISOString() }] }));
  const tolerations = [300, 60].map((tolerationSeconds) => ({ key: "down", operator: "Exists" as const, tolerationSeconds }));
  assert.equal(run({ clusterSelector: {}, tolerations }, { fleet }).decisions[0]?.until, NOW + 60_000);
});

test("a toleration matches by key, value and effect", () => {
  const fleet = fleetOf(cluster("x", { taints: [{ key: "team", value: "a", effect: "NoSchedule" }] }));
  const placed = (toleration: Placement["tolerations"][number]) =>
    run({ clusterSelector: {}, tolerations: [toleration] }, { fleet }).clusters.length;
  assert.equal(placed({ key: "team", value: "a" }), 1);
  assert.equal(placed({ key: "team", value: "b" }), 0);
  assert.equal(placed({ key: "team", operator: "Exists", effect: "NoExecute" }), 0);
  assert.equal(placed({ operator: "Exists" }), 1);
});

test("the first group that can hold it is taken, else the one that holds most", () => {
  const groups = [
    { name: "near", clusters: ["a"] },
    { name: "far", clusters: ["b", "c"] },
  ];
  const capacity = new Map([
    ["a", 5],
    ["b", 4],
    ["c", 4],
  ]);
  assert.equal(run({ groups }, { capacity, need: 5 }).group, "near");
  assert.equal(run({ groups }, { capacity, need: 6 }).group, "far");
  assert.equal(run({ groups }, { capacity, need: 100 }).group, "far");
  assert.equal(run({ groups }, { need: 100 }).group, "near");
  const down = fleetOf(cluster("a", { health: "unready" }), cluster("b"), cluster("c"));
  assert.equal(run({ groups }, { fleet: down }).group, "far");
});

test("spread takes groups in use first, then by room, and places nothing new below the minimum", () => {
  const fleet = fleetOf(
    cluster("a", { region: "r1" }),
    cluster("b", { region: "r2" }),
    cluster("c", { region: "r3" }),
    cluster("d"),
  );
  const spread = { by: "region", minGroups: 1, maxGroups: 2 };
  const capacity = new Map([
    ["a", 1],
    ["b", 9],
    ["c", 5],
  ]);
  assert.deepEqual(run({ clusterSelector: {}, spread }, { fleet, capacity }).clusters, ["b", "c"]);
  const stays = run({ clusterSelector: {}, spread }, { fleet, capacity, current: new Set(["a"]) });
  assert.deepEqual(stays.clusters, ["a", "b"]);
  assert.match(stays.decisions[2]?.message ?? "", /region r3 is beyond the 2/);
  assert.match(stays.decisions[3]?.message ?? "", /has no region/);
  const few = run({ clusterSelector: {}, spread: { by: "region", minGroups: 4 } }, { fleet, current: new Set(["a"]) });
  assert.deepEqual(few.clusters, ["a"]);
  assert.match(few.unsatisfied ?? "", /only 3 of at least 4 groups/);
});

test("the view of a declared cluster has its region as a label; two of one name are refused", () => {
  const view = viewOf(
    {
      apiVersion: "deploy.meshbridge.io/v1alpha1",
      kind: "Cluster",
      metadata: { name: "x", labels: { a: "b" } },
      spec: { region: "eu", unschedulable: false, taints: [] },
    },
    "ready",
  );
  assert.equal(view.labels.get("topology.kubernetes.io/region"), "eu");
  assert.throws(() => sortFleet([view, view]), /two clusters are called x/);
});

const anyCluster = fc.record({
  region: fc.option(fc.constantFrom("eu", "us", "ap"), { nil: undefined }),
  unschedulable: fc.boolean(),
  health: fc.constantFrom("ready" as const, "unready" as const, "unknown" as const),
  taints: fc.array(fc.constantFrom({ key: "k", effect: "NoSchedule" as const }, { key: "k", effect: "NoExecute" as const }), {
    maxLength: 1,
  }),
});

test("every cluster has one decision with a reason, whatever the order they are given in", () => {
  fc.assert(
    fc.property(
      fc.array(anyCluster, { maxLength: 8 }),
      fc.option(
        fc.record({
          by: fc.constant("region"),
          minGroups: fc.integer({ min: 1, max: 3 }),
          maxGroups: fc.integer({ min: 3, max: 4 }),
        }),
        { nil: undefined },
      ),
      fc.integer({ min: 0, max: 255 }),
      (parts, spread, mask) => {
        const clusters = parts.map((part, index) => cluster(`c${index}`, part));
        const current = new Set(clusters.flatMap(({ name }, index) => ((mask >> index) & 1 ? [name] : [])));
        const placement = { clusterSelector: {}, ...(spread === undefined ? {} : { spread }) };
        const result = run(placement, { fleet: sortFleet(clusters), current });
        assert.deepEqual(result, run(placement, { fleet: sortFleet(clusters.toReversed()), current }));
        assert.deepEqual(
          result.decisions.map((one) => one.cluster),
          clusters.map(({ name }) => name),
        );
        for (const { cluster: name, placed, message } of result.decisions) {
          assert.ok(message.length > 0);
          const view = clusters.find((one) => one.name === name);
          if (placed && !current.has(name))
            assert.ok(view?.health === "ready" && !view.unschedulable && view.taints.length === 0);
        }
        // Asked again with its own answer, nothing changes.
        const again = run(placement, { fleet: sortFleet(clusters), current: new Set(result.clusters) });
        assert.deepEqual(again.clusters, result.clusters);
      },
    ),
  );
});
