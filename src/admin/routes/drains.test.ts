import assert from "node:assert/strict";
import { test } from "node:test";
import type { Drain } from "../../catalog/drains.ts";
import { silentLog } from "../../kernel/log.ts";
import { TYPE_URL } from "../../xds/types.ts";
import { createAdminApp } from "../app.ts";
import type { BridgeState } from "../state.ts";
import { ask } from "../testing/ask.ts";
import { instance, proxy, service, TEST_NOW, testDrains, testState, typeStatus } from "../testing/state.ts";

const two = service("default", "web", [instance("eu"), instance("us", { cluster: "us-1", address: "10.0.0.2" })]);
const catalog = () => ({ version: 42, sync: "complete" as const, services: new Map([[two.id, two]]) });

async function post(url: string, body: object | undefined, parts: Partial<BridgeState> = {}) {
  return ask(
    { method: "POST", url: `/v1/services/default/web/drain${url}`, ...(body && { payload: body }) },
    { catalog, ...parts },
  );
}

test("POST drain: for ten minutes unless it says otherwise, with what it comes to", async () => {
  const drains = testDrains();
  const { status, body } = await post("?cluster=us-1", { reason: "upgrade" }, { drains });
  assert.equal(status, 200);
  assert.deepEqual(body, {
    service: "default/web",
    cluster: "us-1",
    owner: "operator",
    addresses: null,
    reason: "upgrade",
    since: "2026-11-24T12:00:00.000Z",
    until: "2026-11-24T12:10:00.000Z",
    force: false,
    durable: true,
    instances: 1,
    stillServing: [],
    catalogVersion: 42,
    servedVersion: 42,
    acks: "acked",
  });
  assert.equal(drains.list().length, 1);
  const listed = await ask("/v1/drains?service=default/web", { catalog, drains });
  assert.deepEqual(listed.body.items, [body]);
});

test("POST drain refuses what would leave a client nothing, and does it when forced", async () => {
  const only = service("default", "web", [instance("eu")]);
  const parts = { catalog: () => ({ ...catalog(), services: new Map([[only.id, only]]) }), drains: testDrains() };
  const refused = await post("?cluster=c1", {}, parts);
  assert.equal(refused.status, 409);
  assert.equal(refused.body.code, "MB_DRAIN_LAST");
  assert.match(refused.body.detail, /gateway-edge-1/);
  assert.deepEqual(parts.drains.list(), []);
  const nobody = await post("?cluster=c1", {}, { ...parts, proxies: () => [] });
  assert.equal(nobody.status, 409, "with nobody connected the bridge's own kind of client is judged");
  const forced = await post("?cluster=c1&force=true", {}, parts);
  assert.equal(forced.status, 200);
  assert.equal(forced.body.force, true);
});

test("both clusters cannot be drained one after the other", async () => {
  const drains = testDrains();
  assert.equal((await post("?cluster=us-1", {}, { drains })).status, 200);
  assert.equal((await post("?cluster=c1", {}, { drains })).body.code, "MB_DRAIN_LAST");
});

for (const [what, url, body] of [
  ["no cluster", "", {}],
  ["no duration", "?cluster=c1&ttl=soon", {}],
  ["too long", "?cluster=c1&ttl=25h", {}],
  ["no time at all", "?cluster=c1&ttl=0s", {}],
  ["an unknown key", "?cluster=c1&node=x", {}],
  ["no body", "?cluster=c1", undefined],
  ["an empty list of addresses", "?cluster=c1", { addresses: [] }],
] as const) {
  test(`POST drain with ${what} is a bad request`, async () => {
    assert.equal((await post(url, body)).status, 400);
  });
}

test("an unknown service is a 404 that helps", async () => {
  const reply = await ask({ method: "POST", url: "/v1/services/default/wep/drain?cluster=c1", payload: {} });
  assert.equal(reply.status, 404);
  assert.match(reply.body.hint, /default\/web/);
});

test("DELETE ends one's own drain only", async () => {
  const other: Drain = {
    service: "default/web",
    cluster: "us-1",
    owner: "deploy",
    addresses: ["10.0.0.2"],
    reason: "",
    since: TEST_NOW,
    until: TEST_NOW + 1000,
    force: false,
  };
  const drains = testDrains([other]);
  const app = await createAdminApp(testState({ catalog, drains }), { log: silentLog });
  const end = (query: string) => app.inject({ method: "DELETE", url: `/v1/services/default/web/drain?${query}` });
  assert.equal((await end("cluster=us-1")).statusCode, 404);
  const ended = await end("cluster=us-1&owner=deploy");
  assert.deepEqual(ended.json(), { catalogVersion: 42, servedVersion: 42 });
  assert.deepEqual(drains.list(), []);
  await app.close();
});

test("acks: nobody, pending until the views and every client have it, then acked", async () => {
  const state = async (parts: Partial<BridgeState>) =>
    (await ask("/v1/services/default/web/acks", { catalog, ...parts })).body.state;
  assert.equal(await state({}), "acked");
  assert.equal(await state({ proxies: () => [] }), "nobody");
  assert.equal(await state({ servedVersion: () => 41 }), "pending");
  const behind = proxy("late", { types: [typeStatus(TYPE_URL.endpoint, { ackedSeq: 4 })] });
  assert.equal(await state({ proxies: () => [proxy("first"), behind] }), "pending");
  const { body } = await ask("/v1/services/default/web/acks", { catalog, proxies: () => [behind] });
  assert.deepEqual(body.proxies, [{ id: "late", role: "gateway", status: "pending", message: null }]);
});
