import assert from "node:assert/strict";
import { test } from "node:test";
import { judgeGate } from "../rollout/gate.ts";
import { drainAll, undrainAll } from "./drains.ts";
import { type PodSets, podSets, victims } from "./pods.ts";
import { readService } from "./reading.ts";
import { registryFacts } from "./registry-facts.ts";
import {
  acksBody,
  bridgeWith,
  deployment,
  type FakeBridge,
  fakeBridge,
  NOT_FOUND,
  NOW,
  pod,
  replicaSet,
  serviceBody,
} from "./testing.ts";

const { signal } = new AbortController();
const read = (bridge: FakeBridge) => readService(bridge, "shop/web", { now: () => NOW, signal });
const PODS = [
  pod("new-1", { owner: "rs2", ip: "10.0.0.1" }),
  pod("new-2", { owner: "rs2", ip: "10.0.0.2" }),
  pod("old-1", { owner: "rs1", ip: "10.0.0.9", leaving: true }),
];
const SETS = podSets(deployment(), { pods: PODS, replicaSets: [replicaSet("rs1", "1"), replicaSet("rs2", "2")] }) as PodSets;
const names = (pods: readonly unknown[]) => pods.map((one) => (one as { metadata: { name: string } }).metadata.name);

const factsOf = async (
  bridges: readonly FakeBridge[],
  parts: { readonly pods?: PodSets | undefined; readonly gone?: readonly string[] } = {},
) =>
  registryFacts({
    cluster: "eu-1",
    revision: "r2",
    desired: 2,
    pods: "pods" in parts ? parts.pods : SETS,
    podsObservedAt: NOW + 1,
    goneAddresses: new Set(parts.gone ?? []),
    readings: await Promise.all(bridges.map(read)),
  });

test("new Pods are those of the newest ReplicaSet that are not leaving; another kind or generation cannot be told", () => {
  assert.deepEqual([names(SETS.new), names(SETS.old)], [["new-1", "new-2"], ["old-1"]]);
  const sets = [replicaSet("rs2", "2")];
  assert.equal(podSets(deployment({ observed: 2 }), { pods: PODS, replicaSets: sets }), undefined);
  assert.equal(
    podSets(deployment({ revision: "3" }), { pods: PODS, replicaSets: sets }),
    undefined,
    "its ReplicaSet is not there yet",
  );
  assert.equal(podSets({ ...deployment(), kind: "Rollout" }, { pods: PODS, replicaSets: sets }), undefined);
  const stateful = { ...deployment(), kind: "StatefulSet", status: { observedGeneration: 3, updateRevision: "web-b" } };
  const members = ["a", "b"].map((hash, index) =>
    pod(`web-${index}`, { owner: "dep", labels: { "controller-revision-hash": `web-${hash}` } }),
  );
  const found = podSets(stateful, { pods: members, replicaSets: [] });
  assert.deepEqual([names(found?.new ?? []), names(found?.old ?? [])], [["web-1"], ["web-0"]]);
});

test("who leaves first: not ready, then the youngest; of a StatefulSet the highest ordinals", () => {
  const born = (day: string) => `2026-01-${day}T00:00:00Z`;
  const pods = [
    pod("a", { owner: "rs2", born: born("01") }),
    pod("b", { owner: "rs2", born: born("03") }),
    pod("c", { owner: "rs2", born: born("02"), ready: false }),
    pod("d", { owner: "rs2", leaving: true }),
  ];
  assert.deepEqual(names(victims(deployment(), pods, 2)), ["c", "b"]);
  const ordinals = ["web-2", "web-10", "web-9"].map((name) => pod(name, { owner: "dep" }));
  assert.deepEqual(names(victims({ ...deployment(), kind: "StatefulSet" }, ordinals, 2)), ["web-10", "web-9"]);
});

test("registered and passing, nothing old, acknowledged: the gate passes", async () => {
  const facts = await factsOf([bridgeWith({ address: "10.0.0.1" }, { address: "10.0.0.2" })]);
  assert.deepEqual(facts.registry, { observedAt: NOW, revision: "r2", expected: 2, passing: 2, critical: 0, old: 0 });
  assert.deepEqual(facts.proxies, { observedAt: NOW, revision: "r2", gateways: 1, acked: 1 });
  const workload = { observedAt: NOW, revision: "r2", health: "Healthy", current: true, desired: 2, message: "" } as const;
  const rule = { workload: "ready", registryPercent: 100, proxiesAcked: true, freshForMs: 30_000 } as const;
  const verdict = judgeGate(rule, { ...facts, workload }, { revision: "r2", startedAt: NOW - 1, now: NOW + 5 });
  assert.equal(verdict.verdict, "Passing");
});

for (const [what, instances, expected] of [
  ["one is not registered", [{ address: "10.0.0.1" }], { passing: 1, critical: 0, old: 0 }],
  [
    "one is critical",
    [{ address: "10.0.0.1" }, { address: "10.0.0.2", health: "unhealthy" }],
    { passing: 1, critical: 1, old: 0 },
  ],
  ["of unknown health is not passing", [{ address: "10.0.0.1", health: "unknown" }], { passing: 0, critical: 0, old: 0 }],
  [
    "two records of one Pod must both pass",
    [{ address: "10.0.0.1" }, { address: "10.0.0.1", health: "timeout" }],
    { passing: 0, critical: 1, old: 0 },
  ],
  ["a replaced Pod is still registered", [{ address: "10.0.0.9" }], { passing: 0, critical: 0, old: 1 }],
  ["a Pod that is gone is still registered", [{ address: "10.0.0.7" }], { passing: 0, critical: 0, old: 1 }],
  [
    "somebody of this cluster whom no Pod explains",
    [{ address: "10.0.0.5", cluster: "eu-1" }],
    { passing: 0, critical: 0, old: 1 },
  ],
  ["somebody of another cluster", [{ address: "10.0.0.5" }], { passing: 0, critical: 0, old: 0 }],
  [
    "a held one proves nothing, and has not left",
    [{ address: "10.0.0.1" }, { address: "10.0.0.9", evidence: "held" }],
    { passing: 1, critical: 0, old: 1 },
  ],
] as const) {
  test(`the registry: ${what}`, async () => {
    const { registry } = await factsOf([bridgeWith(...instances)], { gone: ["10.0.0.7"] });
    const { passing, critical, old } = registry ?? assert.fail("no fact");
    assert.deepEqual({ passing, critical, old }, expected);
  });
}

test("of several bridges the one that knows least counts", async () => {
  const behind = bridgeWith({ address: "10.0.0.1" }, { address: "10.0.0.9" });
  const { registry, proxies } = await factsOf([bridgeWith({ address: "10.0.0.1" }, { address: "10.0.0.2" }), behind]);
  assert.deepEqual([registry?.passing, registry?.old, proxies?.gateways], [1, 1, 2]);
});

const both = [{ address: "10.0.0.1" }, { address: "10.0.0.2" }];
const broken = (path: string, answer: Parameters<FakeBridge["answer"]>[1]) => {
  const bridge = bridgeWith(...both);
  bridge.answer(path, answer);
  return bridge;
};
const registries = (state: string, parts: object[] = []) => ({ body: { items: [{ name: "consul", state, parts }] } });
for (const [what, bridge] of [
  ["does not answer", broken("/v1/services/shop/web", undefined)],
  ["does not answer the last question", broken("/v1/services/shop/web/acks", undefined)],
  ["fails", broken("/v1/services/shop/web", { status: 500, body: {} })],
  ["answers with something else", broken("/v1/services/shop/web", { body: { instances: "many" } })],
  ["has no registries", broken("/v1/registries", { body: { items: [] } })],
  ["cannot read the registry: a stale Healthy", broken("/v1/registries", registries("stale"))],
  ["cannot read that datacentre", broken("/v1/registries", registries("live", [{ name: "dc1", state: "stale" }]))],
  ["is no bridge", fakeBridge()],
  [
    "does not know the service, and a registry is silent",
    (() => {
      const one = broken("/v1/services/shop/web", NOT_FOUND);
      one.answer("/v1/registries", registries("stale"));
      return one;
    })(),
  ],
  [
    "has only just started",
    broken("/v1/services/shop/web/acks", { body: acksBody({ bridgeStarted: new Date(NOW - 1000).toISOString() }) }),
  ],
] as const) {
  test(`a bridge that ${what} is Unknown, also beside one that is well`, async () => {
    for (const bridges of [[bridge], [bridgeWith(...both), bridge]]) {
      const facts = await factsOf(bridges);
      assert.equal(facts.registry, undefined);
      assert.equal(facts.proxies, undefined);
      assert.ok(facts.unknown);
    }
  });
}

test("after a mass drop what the registry still names counts; what it no longer names has not left", async () => {
  const items = [{ name: "consul", state: "suspect", suspectReason: "mass-drop", parts: [] }];
  const bridge = bridgeWith({ address: "10.0.0.1" }, { address: "10.0.0.9", evidence: "held" });
  bridge.answer("/v1/registries", { body: { items } });
  const { registry } = await factsOf([bridge]);
  assert.deepEqual([registry?.passing, registry?.old], [1, 1]);
  bridge.answer("/v1/registries", { body: { items: [{ ...items[0], suspectReason: "index-went-back" }] } });
  assert.equal((await factsOf([bridge])).registry, undefined);
});

test("acknowledged counts only once clients are served from the instances that were read", async () => {
  const bridge = broken("/v1/services/shop/web/acks", { body: acksBody({ servedVersion: 6 }) });
  assert.deepEqual((await factsOf([bridge])).proxies, { observedAt: NOW, revision: "r2", gateways: 1, acked: 0 });
  const newer = broken("/v1/services/shop/web", { body: serviceBody(both, 9) });
  assert.equal((await factsOf([newer])).proxies?.acked, 0);
});

test("Pods that cannot be told apart are no fact of the registry", async () => {
  const facts = await factsOf([bridgeWith(...both)], { pods: undefined });
  assert.equal(facts.registry, undefined);
  assert.match(facts.unknown ?? "", /which Pods are new/);
});

const ORDER = {
  service: "shop/web",
  cluster: "eu-1",
  owner: "deploy:shop/web",
  addresses: ["10.0.0.1"],
  reason: "scale",
  ttlSeconds: 600,
  force: false,
};
const DRAIN = "/v1/services/shop/web/drain";
for (const [what, answer, expected] of [
  ["acknowledged", { body: { acks: "acked", stillServing: [] } }, "drained"],
  ["with no client connected", { body: { acks: "nobody", stillServing: [] } }, "drained"],
  ["not registered at all", NOT_FOUND, "drained"],
  ["not acknowledged yet", { body: { acks: "pending", stillServing: [] } }, "waiting"],
  ["somebody has nothing else", { body: { acks: "acked", stillServing: ["edge-1"] } }, "waiting"],
  ["refused as the last", { status: 409, body: { code: "MB_DRAIN_LAST", detail: "the last" } }, "refused"],
  ["failed", { status: 500, body: { code: "MB_STATE_UNWRITABLE", detail: "disk" } }, "unknown"],
  ["an answer of something else", { body: {} }, "unknown"],
  ["no answer", undefined, "unknown"],
] as const) {
  test(`a drain: ${what} is ${expected}, also beside a bridge that has it`, async () => {
    const bridge = fakeBridge();
    bridge.answer(DRAIN, answer);
    const good = fakeBridge({ [DRAIN]: { body: { acks: "acked", stillServing: [] } } });
    assert.equal((await drainAll([good, bridge], ORDER, signal)).state, expected);
    assert.deepEqual(bridge.asked[1], {
      method: "POST",
      path: `${DRAIN}?cluster=eu-1&owner=deploy%3Ashop%2Fweb&ttl=600s&force=false`,
      body: { reason: "scale", addresses: ["10.0.0.1"] },
    });
  });
}

test("without a bridge nothing is drained, and nothing is known", async () => {
  assert.equal((await drainAll([], ORDER, signal)).state, "unknown");
});

test("a drain is ended on every bridge; one that has expired is ended already", async () => {
  const silent = fakeBridge();
  silent.answer(DRAIN, undefined);
  assert.equal(await undrainAll([fakeBridge(), fakeBridge({ [DRAIN]: { body: {} } })], ORDER, signal), true);
  assert.equal(await undrainAll([fakeBridge(), silent], ORDER, signal), false);
});

test("a drain that is in force for long enough is looked at, not renewed: a renewal is a change that clients must get", async () => {
  const standing = {
    cluster: "eu-1",
    owner: ORDER.owner,
    addresses: ["10.0.0.1"],
    force: false,
    acks: "acked",
    stillServing: [],
  };
  const list = (until: number, parts: object = {}) =>
    fakeBridge({
      "/v1/drains": { body: { items: [{ ...standing, until: new Date(until).toISOString(), ...parts }] } },
      [DRAIN]: { body: { acks: "pending", stillServing: [] } },
    });
  const asks = async (bridge: FakeBridge) => {
    const { state } = await drainAll([bridge], ORDER, signal);
    return [state, ...bridge.asked.map(({ method }) => method)];
  };
  assert.deepEqual(await asks(list(NOW + 400_000)), ["drained", "GET"]);
  assert.deepEqual(await asks(list(NOW + 400_000, { acks: "pending" })), ["waiting", "GET"]);
  for (const bridge of [
    list(NOW + 200_000),
    list(NOW + 400_000, { addresses: null }),
    list(NOW + 400_000, { owner: "operator" }),
  ])
    assert.deepEqual(await asks(bridge), ["waiting", "GET", "POST"]);
});
