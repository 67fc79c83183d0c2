import assert from "node:assert/strict";
import { test } from "node:test";
import type { CatalogInstance, CatalogService } from "../catalog/types.ts";
import { locality } from "../model/locality.ts";
import { parseServiceId, type ServiceId, type ServiceKey } from "../model/service.ts";
import { createDerivation } from "../routing/derivation.ts";
import { configOf } from "./testing.ts";

const keyOf = (id: string) => parseServiceId(id) as ServiceKey;
const instance = (id: string, cluster: string): CatalogInstance => ({
  ...{ id, address: `10.0.0.${id.charCodeAt(0)}`, ports: { http: 80 }, cluster, network: "n", locality: locality() },
  ...{ health: "healthy", weight: 1, labels: {}, source: { registry: "r", scope: id } },
});
const service = (id: string, ...instances: CatalogInstance[]): CatalogService => ({
  ...{ id, key: keyOf(id), labels: {}, conditions: [], instances, sources: instances.map(({ source }) => source) },
  ports: [{ name: "http", port: 80, protocol: "HTTP", inferred: false }],
});

/** A catalog under policies, and what is in it after each change. */
function world(policies: string) {
  const derivation = createDerivation(configOf(`services:\n${policies}`).traffic);
  let services: ReadonlyMap<ServiceId, CatalogService> = new Map();
  return (...changes: (CatalogService | ServiceId)[]) => {
    const next = new Map(services);
    for (const one of changes)
      if (typeof one === "string") next.delete(one);
      else next.set(one.id, one);
    services = next;
    const seen = derivation.follow(
      services,
      changes.map((one) => (typeof one === "string" ? one : one.id)),
    );
    const shown = [...seen.services.values()].map(({ id, instances }) => `${id}: ${instances.map((one) => one.id).join(" ")}`);
    assert.equal(seen.services.size, shown.length);
    return { shown: shown.sort(), changed: [...seen.changed].sort(), services: seen.services };
  };
}

test("a mirror for each cluster comes and goes with the instances there, and never takes a real service's name", () => {
  const change = world("  - { match: s/web, mirrors: true }");
  const both = service("s/web", instance("a", "c1"), instance("b", "c2"));
  assert.deepEqual(change(both).shown, ["s/web-c1: a", "s/web-c2: b", "s/web: a b"]);
  assert.deepEqual(change(service("s/web-c2", instance("z", "c1")), both).shown, ["s/web-c1: a", "s/web-c2: z", "s/web: a b"]);
  const one = change(service("s/web", instance("a", "c1")), "s/web-c2");
  assert.deepEqual(one.shown, ["s/web-c1: a", "s/web: a"]);
  assert.deepEqual(change("s/web"), { shown: [], changed: ["s/web", "s/web-c1"], services: one.services && new Map() });
});

test("a redirect leads to another service, also where nobody names the one that is redirected", () => {
  const change = world("  - { match: s/old, redirect: { service: s/new, cluster: c2 } }");
  assert.deepEqual(change(service("s/new", instance("a", "c1"), instance("b", "c2"))).shown, ["s/new: a b", "s/old: b"]);
  assert.deepEqual(change(service("s/new", instance("c", "c2"))).changed, ["s/new", "s/old"]);
  assert.deepEqual(change("s/new").shown, []);
});

test("backups come after all of the service itself, and are there when it has nobody", () => {
  const change = world("  - { match: s/web, failover: { services: [s/standby] } }");
  const first = change(service("s/web", instance("a", "c1")), service("s/standby", instance("b", "c1")));
  assert.deepEqual(first.shown, ["s/standby: b", "s/web: a b"]);
  const orders = first.services.get("s/web")?.instances.map(({ origin }) => origin?.order);
  assert.deepEqual(orders, [undefined, 1]);
  assert.deepEqual(change(service("s/standby", instance("c", "c1"))).changed, ["s/standby", "s/web"]);
  assert.deepEqual(change("s/standby").shown, ["s/web: a"]);
});

test("a union is all of its parts; what nobody names is said, and costs the others nothing", () => {
  const change = world("  - { match: s/all, union: [s/a, t/b, t/none] }");
  const { shown, services } = change(service("s/a", instance("a", "c1")), service("t/b", instance("b", "c2")));
  assert.deepEqual(shown, ["s/a: a", "s/all: a b", "t/b: b"]);
  assert.deepEqual(
    services.get("s/all")?.conditions.map(({ message }) => message),
    ["s/all is made of t/none, which no registry names"],
  );
});

test("without a policy that makes services the catalog is handed on as it is", () => {
  const services = new Map([["s/web", service("s/web", instance("a", "c1"))]]);
  const derivation = createDerivation(configOf("services: [{ match: s/web }]\n").traffic);
  assert.equal(derivation.follow(services, ["s/web"]).services, services);
});
