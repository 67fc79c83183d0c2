import assert from "node:assert/strict";
import { test } from "node:test";
import { TYPE_URL } from "../../xds/types.ts";
import { ask } from "../testing/ask.ts";
import { CLIENT, proxy, TEST_NOW, typeStatus } from "../testing/state.ts";

const nacked = typeStatus(TYPE_URL.cluster, {
  status: "NACKED",
  sentSeq: 6,
  nacks: 2,
  lastNack: { message: "no such filter", at: TEST_NOW - 500 },
});
const waiting = typeStatus(TYPE_URL.listener, {
  status: "NOT_SENT",
  sentAt: undefined,
  ackedAt: undefined,
  sentSeq: 0,
  ackedSeq: 0,
});

test("/v1/proxies: who is connected, and how far each type has come", async () => {
  const { status, body } = await ask("/v1/proxies", { proxies: () => [proxy("edge-1", { types: [nacked, waiting] })] });
  assert.equal(status, 200);
  const { types, ...who } = body.items[0];
  assert.deepEqual(who, {
    id: "edge-1",
    nodeId: "edge-1",
    nodeCluster: "edge",
    agent: "envoy 1.40.0",
    role: "gateway",
    gateway: "edge",
    cluster: "c1",
    network: "default",
    namespace: "default",
    locality: { region: "eu", zone: "a", subZone: "" },
    peer: "127.0.0.1:40000",
    variant: "delta",
    connected: "2026-11-24T11:59:00.000Z",
  });
  assert.deepEqual(types[0], {
    type: "CDS",
    typeUrl: TYPE_URL.cluster,
    status: "NACKED",
    wildcard: false,
    names: 1,
    sentSeq: 6,
    ackedSeq: 5,
    sent: "2026-11-24T11:59:58.000Z",
    acked: "2026-11-24T11:59:58.010Z",
    nacks: 2,
    lastNack: { message: "no such filter", at: "2026-11-24T11:59:59.500Z" },
  });
  assert.equal(types[1].status, "NOT_SENT");
  assert.equal(types[1].sent, null);
});

test("/v1/proxies?role= keeps the clients of one role", async () => {
  const proxies = () => [proxy("edge-1"), proxy("shop-1", { client: { ...CLIENT, role: "grpc", gateway: "" } })];
  const { body } = await ask("/v1/proxies?role=grpc", { proxies });
  assert.deepEqual(
    body.items.map(({ id }: { id: string }) => id),
    ["shop-1"],
  );
});

test("/v1/proxies/{id}: ids may hold anything a node id may; a wrong one gets names like it", async () => {
  for (const id of ["gateway-edge-1#2", "edge/eu 1?x=%", "n".repeat(500)]) {
    const { status, body } = await ask(`/v1/proxies/${encodeURIComponent(id)}`, { proxies: () => [proxy(id)] });
    assert.equal(status, 200, id);
    assert.equal(body.id, id);
  }
  const { status, body } = await ask("/v1/proxies/gateway-edge-2");
  assert.equal(status, 404);
  assert.match(body.hint, /did you mean gateway-edge-1 or gateway-edge-1#2\?$/);
});

test("/v1/proxies/{id}/dump: all resources of its view, or those of one type; none once nobody looks at the view", async () => {
  const all = await ask("/v1/proxies/gateway-edge-1/dump");
  assert.equal(all.body.resources.length, 2);
  const clusters = await ask("/v1/proxies/gateway-edge-1/dump?type=clusters");
  assert.deepEqual(clusters.body, {
    proxy: "gateway-edge-1",
    resources: [
      { type: "clusters", name: "default/web/http", version: "a1", resource: { name: "default/web/http", type: "EDS" } },
    ],
  });
  const gone = await ask("/v1/proxies/edge-9/dump", { proxies: () => [proxy("edge-9", { view: "gone" })] });
  assert.deepEqual(gone.body, { proxy: "edge-9", resources: [] });
  assert.equal((await ask("/v1/proxies/nobody/dump")).status, 404);
  const wrong = await ask("/v1/proxies/gateway-edge-1/dump?type=secrets");
  assert.match(wrong.body.detail, /query\/type must be clusters, endpoints, listeners or routes$/);
});
