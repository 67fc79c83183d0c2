import assert from "node:assert/strict";
import { test } from "node:test";
import type { Preference, Replicas } from "../api/schema/replicas.ts";
import { capacityOf } from "./capacity.ts";
import { divideReplicas } from "./divide.ts";
import type { Division } from "./request.ts";

interface Case {
  readonly clusters?: string;
  readonly by?: Replicas["by"];
  readonly mode?: Replicas["mode"];
  readonly preferences?: Record<string, Preference>;
  readonly current?: Record<string, number>;
  readonly capacity?: Record<string, number>;
  readonly converge?: number | true;
}

function divide(total: number, { clusters = "A B C", ...rest }: Case): Division {
  const { by = "weight", mode = "divided", preferences = {}, current = {}, capacity = {}, converge } = rest;
  const when: Replicas["when"] =
    converge === undefined
      ? { rebalance: "steady" }
      : { rebalance: "converge", ...(converge === true ? {} : { maxMove: converge }) };
  return divideReplicas({
    replicas: { total, mode, by, preferences, when },
    clusters: clusters.split(" "),
    current: new Map(Object.entries(current)),
    capacity: new Map(Object.entries(capacity)),
    key: "",
  });
}

/** `20/20/10`, with `+7` for what is pending. */
const shown = ({ shares }: Division) =>
  shares.map(({ replicas, pending }) => `${replicas}${pending > 0 ? `+${pending}` : ""}`).join("/");

// KubeFed's planner_test.go, with ties by name where it breaks them by hash.
const KUBEFED: readonly (readonly [title: string, total: number, given: Case, expected: string])[] = [
  ["no preferences", 50, {}, "17/17/16"],
  ["two clusters", 50, { clusters: "A B" }, "25/25"],
  ["one replica", 1, { clusters: "A B" }, "1/0"],
  ["min 2, weight 0", 50, { preferences: { "*": { min: 2, weight: 0 } } }, "2/2/2"],
  ["min 20, weight 0", 50, { preferences: { "*": { min: 20, weight: 0 } } }, "20/20/10"],
  ["max 2", 50, { preferences: { "*": { max: 2 } } }, "2/2/2"],
  ["weight 0", 50, { preferences: { "*": { weight: 0 } } }, "0/0/0"],
  [
    "a large min of the larger weight",
    50,
    { preferences: { "*": { min: 20, weight: 0 }, A: { min: 100, weight: 1 } } },
    "50/0/0",
  ],
  ["min 10, max 12", 50, { preferences: { "*": { min: 10, max: 12 } } }, "12/12/12"],
  ["an unlisted cluster gets none", 60, { preferences: { A: { weight: 1 }, B: { weight: 2 } } }, "20/40/0"],
  ["a huge weight", 50, { clusters: "A B", preferences: { A: { weight: 10_000 }, B: { weight: 1 } } }, "50/0"],
  ["a huge weight with max", 50, { preferences: { A: { weight: 10_000, max: 10 }, "*": { weight: 1 } } }, "10/20/20"],
  [
    "two with max",
    50,
    { preferences: { A: { weight: 10_000, max: 10 }, B: { weight: 1 }, C: { weight: 1, max: 10 } } },
    "10/30/10",
  ],
  ["existing 30 in C", 50, { current: { C: 30 } }, "10/10/30"],
  ["existing 30 in A", 50, { clusters: "A B", current: { A: 30 } }, "30/20"],
  ["existing 8 in B", 15, { clusters: "A B", current: { B: 8 } }, "7/8"],
  ["scale down to 1", 1, { clusters: "A B", current: { A: 30 } }, "1/0"],
  // What KubeFed's own TODO wanted; it gives 0/50.
  ["existing 10 and 70", 50, { clusters: "A B", current: { A: 10, B: 70 } }, "10/40"],
  ["capacity 10 in C", 50, { capacity: { C: 10 } }, "20/20/10"],
  [
    "capacity by weight 1:2",
    60,
    { clusters: "A B", preferences: { A: { weight: 1 }, B: { weight: 2 } }, capacity: { B: 10 } },
    "50/10",
  ],
  // KubeFed writes the overflow on top of the total; here the sum is the total.
  ["capacity too small", 60, { clusters: "A B", capacity: { A: 10, B: 10 } }, "10+20/10+20"],
  [
    "user guide",
    9,
    { clusters: "A B", preferences: { A: { min: 4, max: 6, weight: 1 }, B: { min: 4, max: 8, weight: 2 } } },
    "4/5",
  ],
  // kubefed#319: 3/7 there, 4/6 was expected.
  [
    "kubefed 319",
    10,
    { clusters: "A B", preferences: { A: { min: 2, max: 6, weight: 2 }, B: { min: 4, max: 8, weight: 3 } } },
    "4/6",
  ],
  // kubefed#1295: one replica is lost there; here it is told.
  ["kubefed 1295", 6, { clusters: "A B", preferences: { "*": {} }, capacity: { A: 1, B: 4 } }, "1+1/4"],
  // kubefed#763: B came back.
  ["no failback by itself", 9, { current: { A: 4, C: 5 } }, "4/0/5"],
  ["failback when asked", 9, { current: { A: 4, C: 5 }, converge: true }, "3/3/3"],
  ["failback step by step", 9, { current: { A: 4, C: 5 }, converge: 2 }, "4/2/3"],
];
for (const [title, total, given, expected] of KUBEFED)
  test(`KubeFed: ${title}`, () => assert.equal(shown(divide(total, given)), expected));

// KubeAdmiral's planner_test.go, avoidDisruption.
const KUBEADMIRAL: typeof KUBEFED = [
  ["30 in C", 50, { current: { C: 30 } }, "10/10/30"],
  [
    "mins and weights",
    10,
    { preferences: { A: { min: 3, weight: 2 }, B: { min: 3, weight: 3 }, C: { min: 3, weight: 5 } } },
    "3/3/4",
  ],
  ["rebalanced", 50, { clusters: "A B", current: { A: 10, B: 70 }, converge: true }, "25/25"],
  // 30/20 there: its min comes on top of the share.
  ["min 10 of one", 50, { clusters: "A B", preferences: { A: { min: 10 }, B: {} } }, "25/25"],
];
for (const [title, total, given, expected] of KUBEADMIRAL)
  test(`KubeAdmiral: ${title}`, () => assert.equal(shown(divide(total, given)), expected));

// Karmada's division_algorithm_test.go and assignment_test.go.
const room = (a: number, b: number, c: number) => ({ capacity: { A: a, B: b, C: c } });
const KARMADA: typeof KUBEFED = [
  ["dynamic 20:12:6", 12, { by: "capacity", ...room(20, 12, 6) }, "6/4/2"],
  ["dynamic 6:12:6", 12, { by: "capacity", ...room(6, 12, 6) }, "3/6/3"],
  ["dynamic 6:8:10", 12, { by: "capacity", ...room(6, 8, 10) }, "3/4/5"],
  ["dynamic 8:8:10", 12, { by: "capacity", ...room(8, 8, 10) }, "4/4/4"],
  // An error there; here what fits is placed and the rest is told.
  ["dynamic 3:3:3", 12, { by: "capacity", ...room(3, 3, 3) }, "3+1/3+1/3+1"],
  ["aggregated 12:6:6", 12, { by: "aggregated", ...room(12, 6, 6) }, "12/0/0"],
  ["aggregated 6:6:6", 12, { by: "aggregated", ...room(6, 6, 6) }, "6/6/0"],
  ["aggregated 6:8:10", 12, { by: "aggregated", ...room(6, 8, 10) }, "0/5/7"],
  ["aggregated 12:8:10", 12, { by: "aggregated", ...room(12, 8, 10) }, "12/0/0"],
  ["aggregated stays where it is", 12, { by: "aggregated", ...room(20, 14, 10), current: { B: 10 } }, "0/12/0"],
  ["steady up: only the delta, by free room", 12, { by: "capacity", ...room(12, 6, 6), current: { A: 6 } }, "8/2/2"],
  ["steady down: by what each has", 6, { by: "capacity", ...room(12, 12, 12), current: { A: 8, B: 4 } }, "4/2/0"],
  ["steady equal: untouched", 12, { by: "capacity", ...room(100, 1, 100), current: { A: 1, B: 1, C: 10 } }, "1/1/10"],
  ["duplicated", 5, { mode: "duplicated" }, "5/5/5"],
  ["duplicated beyond capacity", 5, { mode: "duplicated", capacity: { B: 3 } }, "5/3+2/5"],
];
for (const [title, total, given, expected] of KARMADA)
  test(`Karmada: ${title}`, () => assert.equal(shown(divide(total, given)), expected));

test("without a known capacity nothing new is given, and what runs is left", () => {
  const division = divide(12, { by: "capacity", capacity: { A: 4 }, current: { B: 3 } });
  assert.equal(shown(division), "4+5/3/0");
  assert.equal(division.unplaced, 5);
  assert.match(division.shares[2]?.why.join("; ") ?? "", /its capacity is not known/);
});

test("every number says why", () => {
  const { shares, settled } = divide(20, {
    clusters: "A B C D",
    preferences: { A: { min: 2, weight: 3 }, B: { max: 4, weight: 3 }, C: { weight: 0 } },
    current: { A: 5 },
  });
  assert.deepEqual(
    shares.map(({ replicas }) => replicas),
    [16, 4, 0, 0],
  );
  assert.deepEqual(
    shares.map(({ why }) => why.join("; ")),
    [
      "min 2; 5 of the 5 it has are kept; 11 by weight 3 of 6: each next replica goes to the highest share per replica",
      "4 by weight 3 of 6: each next replica goes to the highest share per replica; held at max 4",
      "weight 0 and no min: it gets none",
      "no preference names it and there is none for `*`: it gets none",
    ],
  );
  assert.ok(settled);
});

test("converging is done in steps and says that more are wanted", () => {
  const first = divide(9, { current: { A: 9 }, converge: 2 });
  assert.equal(shown(first), "7/2/0");
  assert.equal(first.settled, false);
  assert.match(first.shares[0]?.why.at(-1) ?? "", /2 moved away, towards the ideal/);
});

test("a hostile cluster name is a name", () => {
  assert.equal(shown(divide(4, { clusters: "__proto__ a", preferences: { a: {} } })), "0/4");
});

test("the workload's name mixes who is first among equals", () => {
  const first = new Set<string>();
  for (let index = 0; index < 40; index++) {
    const { shares } = divideReplicas({
      replicas: { total: 1, mode: "divided", by: "weight", preferences: {}, when: { rebalance: "steady" } },
      clusters: ["A", "B", "C"],
      current: new Map(),
      capacity: new Map(),
      key: `shop/web-${index}`,
    });
    first.add(shares.find(({ replicas }) => replicas === 1)?.cluster ?? "");
  }
  assert.equal(first.size, 3);
});

test("capacity is counted node by node, and Pending Pods disprove it", () => {
  const nodes = [
    { cpuMilli: 1500, memoryBytes: 4e9, pods: 100 },
    { cpuMilli: 1500, memoryBytes: 4e9, pods: 1 },
  ];
  const demand = { cpuMilli: 500, memoryBytes: 1e9 };
  assert.equal(capacityOf({ nodes, demand, desired: 2, unschedulable: 0 }), 6);
  assert.equal(capacityOf({ nodes, demand, desired: 5, unschedulable: 2 }), 3);
  assert.equal(capacityOf({ nodes: undefined, demand, desired: 5, unschedulable: 0 }), undefined);
  assert.equal(capacityOf({ nodes, demand: { cpuMilli: 0, memoryBytes: 0 }, desired: 0, unschedulable: 0 }), 101);
});
