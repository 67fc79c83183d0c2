import assert from "node:assert/strict";
import { test } from "node:test";
import { changedChecks, changedNodes, changedServices, readCatalog, readChecks, readNodes } from "./changes.ts";

const catalog = (body: unknown) => {
  const reply = readCatalog(body);
  assert.ok(reply !== undefined);
  return reply;
};
const checks = (body: unknown) => {
  const reply = readChecks(body);
  assert.ok(reply !== undefined);
  return reply;
};
const nodes = (body: unknown) => {
  const reply = readNodes(body);
  assert.ok(reply !== undefined);
  return reply;
};

for (const [name, before, after, expected] of [
  ["nothing", { web: ["a"] }, { web: ["a"] }, []],
  ["another order of tags", { web: ["a", "b"] }, { web: ["b", "a"] }, []],
  ["a new service", {}, { web: [] }, ["web"]],
  ["a service that is gone", { web: [] }, {}, []],
  ["a tag more", { web: ["a"] }, { web: ["a", "b"] }, ["web"]],
  ["a tag less", { web: ["a", "b"] }, { web: ["a"] }, ["web"]],
  ["another tag", { web: ["a"] }, { web: ["b"] }, ["web"]],
  ["tags of another type", { web: null }, { web: "x" }, []],
] as const)
  test(`services: ${name}`, () => assert.deepEqual([...changedServices(catalog(before), catalog(after))], expected));

test("names like those of an object's own parts are names", () => {
  const reply = catalog(JSON.parse('{"__proto__":["a"],"constructor":[]}'));
  assert.deepEqual([...changedServices(new Map(), reply)], ["__proto__", "constructor"]);
});

const check = (more: Readonly<Record<string, unknown>> = {}) => ({
  Node: "n1",
  CheckID: "c1",
  Status: "passing",
  ServiceID: "w1",
  ServiceName: "web",
  Output: "ok",
  ...more,
});
const ofNode = (status: string) => check({ ServiceID: "", ServiceName: "", CheckID: "serfHealth", Status: status });

for (const [name, before, after, services, onNodes] of [
  ["nothing", [check()], [check()], [], []],
  ["output alone", [check()], [check({ Output: "still ok", ModifyIndex: 9 })], [], []],
  ["a status", [check()], [check({ Status: "critical" })], ["web"], []],
  ["a new check", [], [check()], ["web"], []],
  ["a check less", [check()], [], ["web"], []],
  ["the same id on another node", [check()], [check(), check({ Node: "n2" })], ["web"], []],
  ["another service of the same id", [check()], [check({ ServiceName: "api" })], ["api", "web"], []],
  ["a check of a node", [ofNode("passing")], [ofNode("critical")], [], ["n1"]],
  ["a node's check that is gone", [ofNode("passing")], [], [], ["n1"]],
  ["entries of another shape", [null, 5, { Node: 1 }], [[], check({ CheckID: null })], [], []],
  ["a status that cannot be text", [], [check({ Status: JSON.parse('{"toString":1}') })], ["web"], []],
] as const)
  test(`checks: ${name}`, () => {
    const changed = changedChecks(checks(before), checks(after));
    assert.deepEqual([...changed.services].sort(), services);
    assert.deepEqual([...changed.nodes], onNodes);
  });

const node = (more: Readonly<Record<string, unknown>> = {}) => ({
  Node: "n1",
  Address: "10.0.0.1",
  Datacenter: "dc1",
  Meta: {},
  ...more,
});
for (const [name, before, after, expected] of [
  ["nothing", [node()], [node({ ModifyIndex: 9 })], []],
  ["an address", [node()], [node({ Address: "10.0.0.2" })], ["n1"]],
  ["metadata", [node()], [node({ Meta: { zone: "z" } })], ["n1"]],
  ["a new node", [], [node()], ["n1"]],
  ["a node less", [node()], [], []],
] as const)
  test(`nodes: ${name}`, () => assert.deepEqual([...changedNodes(nodes(before), nodes(after))], expected));

test("the nodes tell the datacentre's name", () => {
  assert.equal(nodes([null, node({ Datacenter: "" }), node({ Node: "n2", Datacenter: "dc7" })]).datacenter, "dc7");
  assert.equal(nodes([]).datacenter, undefined);
});

test("bodies of another form are no replies", () => {
  for (const body of [null, [], "x", 5, undefined]) assert.equal(readCatalog(body), undefined);
  for (const body of [null, {}, "x", 5, undefined]) {
    assert.equal(readChecks(body), undefined);
    assert.equal(readNodes(body), undefined);
  }
});
