import assert from "node:assert/strict";
import { test } from "node:test";
import type { ProxyStatus } from "../xds/proxy-status.ts";
import { TYPE_URL } from "../xds/types.ts";
import { type ExplainInput, explainService } from "./explain.ts";
import { CLIENT, instance, proxy, service, TEST_NOW, testState, typeStatus } from "./testing/state.ts";

const key = { namespace: "default", name: "web" };
const hold = { reason: "mass-drop", since: TEST_NOW - 1000 } as const;

function explain(parts: Partial<ExplainInput>) {
  const policy = testState().traffic().policyOf(key);
  const web = service("default", "web", [instance("web-1")]);
  const given = {
    service: web,
    port: service("default", "web", []).ports.find(({ name }) => name === "http"),
    client: CLIENT,
    node: undefined,
    policy,
    traffic: testState().traffic(),
    rejected: [],
    proxies: [],
    registries: [],
    held: [],
  };
  return explainService({ ...given, resourceSeq: () => 5, ...parts });
}

test("every instance has its verdict, the rule behind it, and what the client is told", () => {
  const instances = [
    instance("same-zone"),
    instance("sick", { address: "10.0.0.2", health: "unhealthy" }),
    instance("held", { address: "10.0.0.3", hold }),
    instance("far", { address: "10.0.0.4", network: "other" }),
    instance("portless", { address: "10.0.0.5", ports: {} }),
    instance("twin", { address: "10.0.0.1" }),
  ];
  const explained = explain({ service: service("default", "web", instances) }).instances;
  const rows = explained.map(({ id, verdict, health, priority, port }) => [id, verdict, health.client, priority, port]);
  assert.deepEqual(rows, [
    ["same-zone", "kept", "healthy", 0, 9001],
    ["sick", "kept", "unhealthy", 0, 9001],
    ["held", "held", "degraded", 0, 9001],
    ["far", "excluded", null, null, null],
    ["portless", "excluded", null, null, null],
    ["twin", "excluded", null, null, null],
  ]);
  const reasons = new Map(explained.map(({ id, reason }) => [id, reason]));
  assert.match(reasons.get("same-zone") ?? "", /its registry names it; in the client's zone/);
  assert.match(reasons.get("held") ?? "", /too many instances left at once/);
  assert.match(reasons.get("far") ?? "", /on network other/);
  assert.match(reasons.get("portless") ?? "", /no port called http/);
  assert.match(reasons.get("twin") ?? "", /same-zone of local has the same address/);
});

test("every instance says how its registry is, since when, and when its hold ends", () => {
  const consul = (scope: string) => ({ registry: "consul-eu", scope });
  const base = testState()
    .registries()
    .find(({ name }) => name === "consul-eu");
  assert.ok(base);
  const part = { suspectReason: undefined, staleness: "fresh", lastError: undefined } as const;
  const parts = [
    { ...part, name: "dc1", state: "live", ageMs: 1000 },
    { ...part, name: "dc2", state: "stale", ageMs: 90_000 },
  ] as const;
  const instances = [
    instance("well", { source: consul("dc1/web") }),
    instance("unread", { source: consul("dc2/web"), address: "10.0.0.2" }),
    instance("held", { source: consul("dc1/web"), address: "10.0.0.3", hold }),
    instance("doubted", { source: consul("dc2/web"), address: "10.0.0.4", hold }),
    instance("orphan", { source: { registry: "removed", scope: "web" }, address: "10.0.0.5" }),
  ];
  const shown = { service: "default/web", address: "10.0.0.3", hold };
  const explained = explain({
    service: service("default", "web", instances),
    registries: [{ ...base, state: "stale", lastSyncAt: undefined, ageMs: 90_000, parts }],
    held: [
      { ...shown, source: consul("dc1/web"), instance: "held", endsInMs: 90_000 },
      { ...shown, source: consul("dc2/web"), instance: "doubted", endsInMs: undefined },
    ],
  }).instances;
  const dc1 = { state: "live", ageSeconds: 1, staleness: "fresh", fromDisk: false };
  const dc2 = { state: "stale", ageSeconds: 90, staleness: "fresh", fromDisk: true };
  assert.deepEqual(
    explained.map(({ id, evidence, hold: held }) => [id, evidence, held?.endsInSeconds]),
    [
      ["well", dc1, undefined],
      ["unread", dc2, undefined],
      ["held", dc1, 90],
      ["doubted", dc2, null],
      ["orphan", null, undefined],
    ],
  );
  const reasonOf = (wanted: string) => explained.find(({ id }) => id === wanted)?.reason ?? "";
  assert.doesNotMatch(reasonOf("well"), /registry is/);
  assert.match(reasonOf("unread"), /its registry is stale, last confirmed 90 s ago, known from the saved state/);
  assert.match(reasonOf("held"), /the hold ends in 90 s if nothing happens/);
  assert.match(reasonOf("doubted"), /when its registry's answers are proof again/);
});

const endpoints = (parts: Parameters<typeof typeStatus>[1]): ProxyStatus =>
  proxy("edge-1", { types: [typeStatus(TYPE_URL.cluster), typeStatus(TYPE_URL.endpoint, parts)] });

const asked = new Set(["default/web/http"]);
const nack = { message: "bad endpoint", at: TEST_NOW };
const PROXIES: readonly (readonly [why: string, status: string, proxy: ProxyStatus])[] = [
  ["it acknowledged the change", "acked", endpoints({ ackedSeq: 5 })],
  ["it acknowledged a later one", "acked", endpoints({ ackedSeq: 9, sentSeq: 9 })],
  ["it has not answered", "pending", endpoints({ ackedSeq: 4, status: "STALE" })],
  ["it refused the newest", "nacked", endpoints({ ackedSeq: 4, status: "NACKED", lastNack: nack })],
  [
    "it refused an older one and has not answered the newest",
    "pending",
    endpoints({ ackedSeq: 4, status: "STALE", lastNack: nack }),
  ],
  ["it asked for other services only", "not-subscribed", endpoints({ subscribed: new Set(["default/cart/http"]) })],
  ["it asked for no endpoints", "not-subscribed", proxy("edge-1", { types: [typeStatus(TYPE_URL.cluster)] })],
  [
    "of its two streams the second asked for it",
    "pending",
    proxy("edge-1", {
      types: [
        typeStatus(TYPE_URL.endpoint, { subscribed: new Set() }),
        typeStatus(TYPE_URL.endpoint, { subscribed: asked, ackedSeq: 2, status: "STALE" }),
      ],
    }),
  ],
];

for (const [why, status, one] of PROXIES) {
  test(`a proxy is ${status} when ${why}`, () => {
    const [explained] = explain({ proxies: [one] }).proxies;
    assert.equal(explained?.status, status);
    assert.equal(explained?.message, status === "nacked" ? "bad endpoint" : null);
  });
}

test("a proxy whose view has no such cluster is not subscribed", () => {
  const { proxies } = explain({ proxies: [proxy("edge-1")], resourceSeq: () => undefined });
  assert.equal(proxies[0]?.status, "not-subscribed");
});

test("a service without ports is explained as far as it goes", () => {
  const { port, instances, proxies, sources } = explain({ port: undefined, proxies: [proxy("edge-1")] });
  assert.equal(port, null);
  assert.deepEqual(instances, []);
  assert.deepEqual(proxies, []);
  assert.deepEqual(sources, ["local/services.yaml/default/web"]);
});
