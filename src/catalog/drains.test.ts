import assert from "node:assert/strict";
import { test } from "node:test";
import { type Drain, withDrains } from "./drains.ts";
import type { CatalogInstance, CatalogService } from "./types.ts";

const instance = (id: string, parts: Partial<CatalogInstance> = {}): CatalogInstance => ({
  id,
  source: { registry: "k8s", scope: "s" },
  address: `10.0.0.${id.length}`,
  ports: { http: 80 },
  locality: { region: "", zone: "", subZone: "" },
  cluster: "eu-1",
  network: "default",
  health: "healthy",
  weight: 1,
  labels: {},
  ...parts,
});
const service = (...instances: CatalogInstance[]): CatalogService => ({
  id: "shop/web",
  key: { namespace: "shop", name: "web" },
  ports: [],
  labels: {},
  instances,
  sources: [],
  conditions: [],
});
const drain = (parts: Partial<Drain> = {}): Drain => ({
  service: "shop/web",
  cluster: "eu-1",
  owner: "operator",
  addresses: undefined,
  reason: "",
  since: 0,
  until: 1000,
  force: false,
  ...parts,
});
const drained = (instances: CatalogInstance[], ...drains: Drain[]) =>
  withDrains(service(...instances), drains)
    .instances.filter((one) => one.drain !== undefined)
    .map(({ id }) => id);

test("every instance of the cluster is marked, and no other", () => {
  const all = [instance("a"), instance("bb", { cluster: "us-1" }), instance("ccc")];
  assert.deepEqual(drained(all, drain()), ["a", "ccc"]);
  assert.deepEqual(drained(all, drain({ cluster: "ap-1" })), []);
});

test("addresses narrow it, alone or with the port where several share one", () => {
  const shared = [instance("a", { ports: { http: 1 } }), instance("b", { ports: { http: 2 } }), instance("cc")];
  assert.deepEqual(drained(shared, drain({ addresses: ["10.0.0.2"] })), ["cc"]);
  assert.deepEqual(drained(shared, drain({ addresses: ["10.0.0.1:2"] })), ["b"]);
  const v6 = [instance("v6", { address: "fd00::1" })];
  assert.deepEqual(drained(v6, drain({ addresses: ["[fd00::1]:80"] })), ["v6"]);
});

test("another registry's record of the same socket is drained with it, whatever cluster it names", () => {
  const consul = { cluster: "c1", source: { registry: "consul", scope: "dc1" } };
  const all = [instance("a"), instance("b", consul), instance("c", { ...consul, ports: { http: 81 } })];
  assert.deepEqual(drained(all, drain()), ["a", "b"]);
});

test("of several drains the forced one is shown, then the one that ends last; without any all marks go", () => {
  const both = withDrains(service(instance("a")), [drain({ owner: "x", until: 9 }), drain({ owner: "y", until: 5 })]);
  assert.equal(both.instances[0]?.drain?.owner, "x");
  const forced = withDrains(both, [drain({ owner: "x", until: 9 }), drain({ owner: "y", until: 5, force: true })]);
  assert.equal(forced.instances[0]?.drain?.owner, "y");
  assert.deepEqual(withDrains(forced, []), service(instance("a")));
});
