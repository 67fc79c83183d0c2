import assert from "node:assert/strict";
import { test } from "node:test";
import type { CatalogService } from "../catalog/types.ts";
import { locality } from "../model/locality.ts";
import { gatewayHosts, gatewayServices, gatewayTable } from "./gateway-table.ts";
import type { GatewayTarget, NetworkSpec } from "./topology.ts";

const key = { namespace: "mesh", name: "gateways" };
const network = (...gateways: GatewayTarget[]): NetworkSpec => ({
  ...{ name: "n2", cidrs: [], clusters: [], registries: [], egress: [], sni: { dialect: "meshbridge" as const } },
  gateways,
});
const host = (name: string): GatewayTarget => ({ host: name, service: undefined, port: 15443, locality: locality() });
const byService: GatewayTarget = { host: undefined, service: { key, port: "tls" }, port: undefined, locality: locality() };
const service = (...health: ("healthy" | "unhealthy")[]): ReadonlyMap<string, CatalogService> => {
  const instances = health.map((one, index) => ({
    ...{ id: `g${index}`, address: `10.0.0.${index + 1}`, ports: { tls: 8443 }, locality: locality({ region: "us" }) },
    ...{ cluster: "c2", network: "n2", health: one, weight: 1, labels: {}, source: { registry: "r", scope: "s" } },
  }));
  const ports = [{ name: "tls", port: 443, protocol: "TLS" as const, inferred: false }];
  return new Map([["mesh/gateways", { id: "mesh/gateways", key, ports, labels: {}, instances, sources: [], conditions: [] }]]);
};
const shown = (...args: Parameters<typeof gatewayTable>) =>
  gatewayTable(...args)
    .get("n2")
    ?.map(({ address, port, name }) => `${name} ${address}:${port}`);

test("host names are gateways once they are resolved, and the same address is one gateway", () => {
  const known: Record<string, string> = { "gw.example.com": "192.0.2.1", "gw-alias.example.com": "192.0.2.1" };
  const spec = [network(host("gw.example.com"), host("later.example.com"))];
  assert.deepEqual(
    shown(spec, (name) => known[name], new Map()),
    ["gw.example.com 192.0.2.1:15443"],
  );
  assert.equal(
    shown([network(host("gw.example.com"), host("gw-alias.example.com"))], (name) => known[name], new Map())?.length,
    1,
  );
  assert.deepEqual([...gatewayHosts(spec)], ["gw.example.com", "later.example.com"]);
});

test("of a service the usable instances are gateways, and all of them when none is usable", () => {
  const none = () => undefined;
  assert.deepEqual(shown([network(byService)], none, service("healthy", "unhealthy")), ["mesh/gateways 10.0.0.1:8443"]);
  assert.equal(shown([network(byService)], none, service("unhealthy", "unhealthy"))?.length, 2);
  assert.deepEqual(shown([network(byService)], none, new Map()), []);
  assert.deepEqual([...gatewayServices([network(byService)])], ["mesh/gateways"]);
});
