import assert from "node:assert/strict";
import { test } from "node:test";
import { ask } from "../testing/ask.ts";
import { testState } from "../testing/state.ts";
import type { WhatIfAnswer } from "./whatif.ts";

const post = (body: object, parts: Parameters<typeof ask>[1] = {}) =>
  ask({ method: "POST", url: "/v1/whatif", payload: body }, parts);

/** With the eyes of a client without locality, which comes after those that are connected. */
const webOf = (answer: WhatIfAnswer) =>
  answer.clients.at(-1)?.services.find(({ service }) => service.endsWith("/web")) ?? assert.fail("no web");

/** Two clusters with one instance of web each. */
function twoClusters() {
  const { services, ...catalog } = testState().catalog();
  const [id, service] = [...services].find(([, { instances }]) => instances.length > 0) ?? assert.fail("an instance is needed");
  const [one] = service.instances;
  assert.ok(one);
  const clean = { ...one, health: "healthy" as const, network: testState().neutralClient().network, ports: { http: 80 } };
  const { hold: _, stale: __, ...instance } = clean;
  const instances = [
    { ...instance, id: "1", address: "10.0.0.1", cluster: "c1" },
    { ...instance, id: "2", address: "10.0.0.2", cluster: "c2" },
  ];
  const ports = [{ name: "http", port: 80, protocol: "HTTP" as const, inferred: false }];
  const web = { ...service, ports, id: "shop/web", key: { namespace: "shop", name: "web" }, instances };
  return { catalog: () => ({ ...catalog, services: new Map([[web.id, web]]) }), was: id };
}

test("a lost cluster leaves the other's endpoints; draining and unread ones stay, in their state", async () => {
  const { catalog } = twoClusters();
  const lost = webOf((await post({ lose: "c1" }, { catalog })).body);
  assert.deepEqual(
    lost.endpoints.map(({ address, health }) => `${address} ${health}`),
    ["10.0.0.2 healthy"],
  );
  assert.deepEqual(lost.usable, { before: 2, after: 1 });
  assert.equal(lost.verdict, "fewer");
  const drained = webOf((await post({ drain: "c1" }, { catalog })).body);
  assert.deepEqual(drained.endpoints.map(({ health }) => health).sort(), ["draining", "healthy"]);
});

test("who would be left with nothing is told", async () => {
  const { catalog } = twoClusters();
  const only = () => {
    const all = catalog();
    const services = new Map([...all.services].map(([id, one]) => [id, { ...one, instances: one.instances.slice(0, 1) }]));
    return { ...all, services };
  };
  assert.equal(webOf((await post({ lose: "c1" }, { catalog: only })).body).verdict, "none");
});

test("what is not there, and what is not one question, is said", async () => {
  const { catalog } = twoClusters();
  assert.equal((await post({ lose: "mars" }, { catalog })).status, 404);
  assert.equal((await post({ loseRegistry: "mars" })).status, 404);
  assert.equal((await post({})).status, 400);
  assert.equal((await post({ lose: "c1", drain: "c1" }, { catalog })).status, 400);
});
