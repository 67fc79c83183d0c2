import assert from "node:assert/strict";
import { test } from "node:test";
import { ask } from "../testing/ask.ts";
import { instance, service, testState } from "../testing/state.ts";

test("/v1/services: filters by namespace, part of the name and registry, in the order of ids", async () => {
  const cases: readonly (readonly [query: string, ids: readonly string[]])[] = [
    ["", ["default/web", "shop/cart"]],
    ["?namespace=shop", ["shop/cart"]],
    ["?q=WE", ["default/web"]],
    ["?q=default", []],
    ["?registry=consul-eu", ["default/web"]],
    ["?registry=consul-eu&namespace=shop", []],
  ];
  for (const [query, ids] of cases) {
    const { status, body } = await ask(`/v1/services${query}`);
    assert.equal(status, 200);
    assert.deepEqual(
      body.items.map(({ id }: { id: string }) => id),
      ids,
      query,
    );
    assert.equal(body.total, ids.length);
    assert.equal(body.nextCursor, undefined);
  }
});

test("/v1/services: a summary counts healthy, held and the registries that name it", async () => {
  const { body } = await ask("/v1/services?q=web");
  const { ports, ...rest } = body.items[0];
  assert.deepEqual(rest, {
    id: "default/web",
    namespace: "default",
    name: "web",
    instances: 3,
    healthy: 2,
    held: 1,
    registries: ["local", "consul-eu"],
    conditions: [],
  });
  assert.deepEqual(ports[1], { name: "http", port: 80, protocol: "HTTP", inferred: false });
});

test("/v1/services/{namespace}/{name}: each instance with its source and evidence, and what was left out", async () => {
  const { status, body } = await ask("/v1/services/default/web");
  assert.equal(status, 200);
  assert.deepEqual(body.sources, [
    { registry: "local", scope: "services.yaml/default/web" },
    { registry: "consul-eu", scope: "dc1/web" },
  ]);
  assert.deepEqual(body.labels, { team: "shop" });
  assert.deepEqual(body.instances[1], {
    id: "web-2",
    source: { registry: "consul-eu", scope: "dc1/web" },
    address: "10.0.0.2",
    ports: { http: 9001 },
    health: "healthy",
    weight: 1,
    locality: { region: "eu", zone: "b", subZone: "" },
    cluster: "c1",
    network: "default",
    labels: {},
    evidence: "held",
    hold: { reason: "acl-filtered", since: "2026-11-24T11:58:30.000Z" },
    drain: null,
  });
  assert.equal(body.instances[0].evidence, "authoritative");
  assert.equal(body.instances[0].hold, null);
  assert.deepEqual(body.instances[2].labels, { version: "v2" });
  assert.equal(body.policy.match, "default/*");
  assert.equal(body.policy.loadBalancer, "leastRequest");
  assert.deepEqual(body.rejected, [
    {
      source: { registry: "consul-eu", scope: "dc1/web" },
      service: "default/web",
      record: "web-9",
      reason: "port 70000 is not between 1 and 65535",
    },
  ]);
});

test("/v1/services/{namespace}/{name}: conditions of a conflict are shown", async () => {
  const condition = { type: "PortConflict", reason: "DifferentNumbers", message: "http is 80 in a and 81 in b" } as const;
  const conflicted = { ...service("default", "web", [instance("web-1")]), conditions: [condition] };
  const catalog = () => ({ ...testState().catalog(), services: new Map([["default/web", conflicted]]) });
  assert.deepEqual((await ask("/v1/services/default/web", { catalog })).body.conditions, [condition]);
  assert.deepEqual((await ask("/v1/services", { catalog })).body.items[0].conditions, [condition]);
});

test("a service that is not there: names like it, or the record that was left out", async () => {
  const wrong = await ask("/v1/services/default/wbe");
  assert.equal(wrong.status, 404);
  assert.equal(wrong.body.detail, "there is no service called default/wbe");
  assert.equal(wrong.body.hint, "list what there is with GET /v1/services; did you mean default/web?");
  const rejected = await ask("/v1/services/default/ghost");
  assert.equal(rejected.status, 404);
  assert.equal(rejected.body.code, "MB_SERVICE_REJECTED");
  assert.match(rejected.body.detail, /ghost-1: address 127\.0\.0\.1 is loopback/);
  const strange = await ask("/v1/services/default/__proto__");
  assert.equal(strange.status, 404);
  assert.equal(strange.body.hint, "list what there is with GET /v1/services");
});

test("a name of 253 characters, the longest there may be, is found", async () => {
  const name = "n".repeat(253);
  const services = new Map([[`default/${name}`, service("default", name, [])]]);
  const { status, body } = await ask(`/v1/services/default/${name}`, {
    catalog: () => ({ version: 1, sync: "complete", services }),
  });
  assert.equal(status, 200);
  assert.equal(body.name, name);
});
