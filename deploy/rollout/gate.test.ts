import assert from "node:assert/strict";
import { test } from "node:test";
import { judgeGate } from "./gate.ts";
import { GATE } from "./testing.ts";
import type { ClusterFacts, GateRule } from "./types.ts";

const NOW = 100_000;
const RULE: GateRule = { ...GATE, registryPercent: 100, proxiesAcked: true };
const workload = { observedAt: 99_000, revision: "r2", health: "Healthy", current: true, desired: 3, message: "m" } as const;
const registry = { observedAt: 98_000, revision: "r2", expected: 3, passing: 3, critical: 0, old: 0 };
const proxies = { observedAt: 97_000, revision: "r2", gateways: 2, acked: 2 };
const ALL: ClusterFacts = { workload, registry, proxies };

const judge = (facts: ClusterFacts, rule: GateRule = RULE) =>
  judgeGate(rule, facts, { revision: "r2", startedAt: 50_000, now: NOW });

test("passes when all that is asked for was seen, as of the oldest observation", () => {
  assert.deepEqual(judge(ALL), { verdict: "Passing", observedAt: 97_000 });
});

const TABLE: readonly (readonly [title: string, facts: ClusterFacts, verdict: string, message: RegExp])[] = [
  ["nothing is known", {}, "Unknown", /nothing is known of the workload/],
  ["a stale workload", { ...ALL, workload: { ...workload, observedAt: 69_999 } }, "Unknown", /30 s old/],
  [
    "a fact from before the change",
    { ...ALL, workload: { ...workload, observedAt: 50_000 } },
    "Unknown",
    /30|50 s old|before the change/,
  ],
  ["a fact from the future", { ...ALL, workload: { ...workload, observedAt: NOW + 1 } }, "Unknown", /from the future/],
  ["a time that is none", { ...ALL, workload: { ...workload, observedAt: Number.NaN } }, "Unknown", /from the future/],
  ["healthy, but the old revision", { ...ALL, workload: { ...workload, revision: "r1" } }, "Waiting", /still shows revision r1/],
  ["healthy, but of an older generation", { ...ALL, workload: { ...workload, current: false } }, "Waiting", /older generation/],
  ["progressing", { ...ALL, workload: { ...workload, health: "Progressing" } }, "Waiting", /m/],
  ["degraded wins over a silent registry", { workload: { ...workload, health: "Degraded" } }, "Failed", /m/],
  ["the registry does not answer", { workload, proxies }, "Unknown", /nothing is known of the registry/],
  ["an empty registry", { ...ALL, registry: { ...registry, expected: 0, passing: 0 } }, "Unknown", /no new Pods are known/],
  ["too few passing", { ...ALL, registry: { ...registry, passing: 2, critical: 1 } }, "Waiting", /2 of 3 .* 1 are critical/],
  ["old ones left", { ...ALL, registry: { ...registry, old: 1 } }, "Waiting", /1 instances of replaced Pods/],
  ["the registry of the old revision", { ...ALL, registry: { ...registry, revision: "r1" } }, "Waiting", /another revision/],
  ["no gateway", { ...ALL, proxies: { ...proxies, gateways: 0, acked: 0 } }, "Unknown", /no gateway/],
  ["not all acknowledged", { ...ALL, proxies: { ...proxies, acked: 1 } }, "Waiting", /1 of 2 gateways/],
];
for (const [title, facts, verdict, message] of TABLE)
  test(`${title} is ${verdict}`, () => {
    const judged = judge(facts);
    assert.equal(judged.verdict, verdict);
    assert.match("message" in judged ? judged.message : "", message);
  });

test("a share of the instances, rounded up", () => {
  const rule = { ...RULE, registryPercent: 50 };
  assert.equal(judge({ ...ALL, registry: { ...registry, passing: 2, critical: 1 } }, rule).verdict, "Passing");
  assert.equal(judge({ ...ALL, registry: { ...registry, passing: 1 } }, rule).verdict, "Waiting");
});

test("a cluster that is to have no replicas has nothing to register", () => {
  const empty = { ...registry, expected: 0, passing: 0 };
  assert.equal(judge({ ...ALL, workload: { ...workload, desired: 0 }, registry: empty }).verdict, "Passing");
});

test("applied is enough where that is all that is asked for", () => {
  const applied = { workload: { ...workload, health: "Progressing", current: false } as const };
  assert.equal(judge(applied, { ...GATE, workload: "applied" }).verdict, "Passing");
});
