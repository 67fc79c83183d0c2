import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { CatalogService } from "../../catalog/types.ts";
import type { Protocol } from "../../model/service.ts";
import { sidecarHosts } from "./sidecar-hosts.ts";

const service = (id: string, ports: readonly (readonly [string, number, Protocol?])[] = [["http", 80]]): CatalogService => {
  const [namespace = "", name = ""] = id.split("/");
  return {
    id,
    key: { namespace, name },
    ports: ports.map(([port, number, protocol = "HTTP"]) => ({ name: port, port: number, protocol, inferred: false })),
    labels: {},
    instances: [],
    sources: [],
    conditions: [],
  };
};
const context = { namespace: "default", domain: "mesh.local" };

/** `cluster: domains` of each, without the domains that name a port. */
const shown = (...services: CatalogService[]) =>
  sidecarHosts(services, context).hosts.map(
    ({ cluster, domains }) => `${cluster}: ${domains.filter((domain) => !domain.includes(":")).join(" ")}`,
  );

for (const [name, services, expected, lost] of [
  [
    "short names are for the client's own namespace",
    [service("default/web"), service("shop/web")],
    ["default/web/http: web.default.mesh.local web.default web", "shop/web/http: web.shop.mesh.local web.shop"],
    [],
  ],
  [
    "a short name that looks like another service's does not take it",
    [service("default/web.shop"), service("shop/web")],
    ["default/web.shop/http: web.shop.default.mesh.local web.shop.default", "shop/web/http: web.shop.mesh.local web.shop"],
    ["on sidecars web.shop leads to shop/web/http, so default/web.shop/http is not reachable by that name"],
  ],
  [
    "nor does a name with a namespace take a full one",
    [service("local/web.default.mesh"), service("zone/x"), service("default/web")],
    [
      "local/web.default.mesh/http: web.default.mesh.local.mesh.local",
      "zone/x/http: x.zone.mesh.local x.zone",
      "default/web/http: web.default.mesh.local web.default web",
    ],
    [
      "on sidecars web.default.mesh.local leads to default/web/http, so local/web.default.mesh/http is not reachable by that name",
    ],
  ],
  [
    "case folds: the first has the name, and the other none",
    [service("default/Web"), service("default/web")],
    ["default/Web/http: web.default.mesh.local web.default web"],
    ["web.default.mesh.local", "web.default", "web"].map(
      (host) => `on sidecars ${host} leads to default/Web/http, so default/web/http is not reachable by that name`,
    ),
  ],
  ["TCP ports have no host names", [service("default/db", [["pg", 5432, "TCP"]])], [], []],
] as const) {
  test(name, () => {
    assert.deepEqual(shown(...services), expected);
    assert.deepEqual(
      sidecarHosts(services, context).conditions.map(({ message }) => message),
      lost,
    );
  });
}

test("the first HTTP port answers without a port, each by its number; of two with one number the first", () => {
  const { hosts, conditions } = sidecarHosts(
    [
      service("shop/web", [
        ["a", 1, "TCP"],
        ["b", 2],
        ["c", 3],
        ["d", 3],
      ]),
    ],
    context,
  );
  assert.deepEqual(
    hosts,
    hosts.filter(({ cluster }) => cluster !== "shop/web/d"),
  );
  assert.deepEqual(
    hosts.map(({ domains }) => domains),
    [
      ["web.shop.mesh.local", "web.shop.mesh.local:2", "web.shop", "web.shop:2"],
      ["web.shop.mesh.local:3", "web.shop:3"],
    ],
  );
  assert.equal(conditions.length, 2);
});

test("property: no domain is there twice, and the full name leads to its service unless another is called exactly so", () => {
  const part = fc.constantFrom("a", "b", "a.b", "B", "mesh.local", "a.mesh");
  const services = fc
    .uniqueArray(fc.tuple(part, part), { selector: ([namespace, name]) => `${namespace}/${name}`, maxLength: 8 })
    .map((keys) => keys.map(([namespace, name]) => service(`${namespace}/${name}`)).sort((x, y) => (x.id < y.id ? -1 : 1)));
  fc.assert(
    fc.property(services, (list) => {
      const { hosts } = sidecarHosts(list, { namespace: "a", domain: "mesh.local" });
      const all = hosts.flatMap(({ domains }) => domains);
      assert.equal(new Set(all).size, all.length);
      for (const { key } of list) {
        const full = `${key.name}.${key.namespace}.mesh.local`.toLowerCase();
        const holder = hosts.find(({ domains }) => domains.includes(full))?.cluster.split("/");
        assert.equal(`${holder?.[1]}.${holder?.[0]}.mesh.local`.toLowerCase(), full);
      }
    }),
  );
});
