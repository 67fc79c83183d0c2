import assert from "node:assert/strict";
import { test } from "node:test";
import type { CatalogService } from "../catalog/types.ts";
import { locality } from "../model/locality.ts";
import type { Client } from "../routing/client.ts";
import type { ServicePolicy, TrafficPolicy } from "../routing/policy.ts";
import { createTopology, type ExportRule } from "../routing/topology.ts";
import { TYPE_URL } from "./types.ts";
import { createView } from "./view.ts";
import { createViewInputs } from "./view-inputs.ts";

const client: Client = {
  ...{
    role: "eastWest",
    gateway: "ew",
    cluster: "c1",
    network: "n1",
    locality: locality(),
    namespace: "default",
    inbound: undefined,
  },
};
const POLICY: ServicePolicy = {
  ...{
    match: undefined,
    loadBalancer: "roundRobin",
    protocol: undefined,
    connectTimeoutMs: 1000,
    deadAfterMs: 0,
    outlierDetection: undefined,
  },
  ...{ circuitBreaker: undefined, panicThreshold: 0, overprovisioning: 140, merge: { mode: "merge", order: [] } },
  ...{ failover: undefined, affinity: undefined, distribute: undefined, tls: "mutual", gatewayMode: "remote" },
  ...{ retries: undefined, probe: undefined },
};
const traffic = (exports: readonly ExportRule[]): TrafficPolicy => ({
  ...{ domain: "mesh.local", networks: [], exports, mtls: undefined, policyOf: () => POLICY },
  topology: createTopology({ networks: [], exports, gateways: new Map() }),
  sidecar: { outbound: { address: "127.0.0.1", port: 15001 } },
  gateways: [
    {
      ...{ name: "ew", kind: "eastWest", routes: [] },
      listeners: [{ name: "sni", address: "0.0.0.0", port: 15443, protocol: "TLS" }],
    },
  ],
});
const service = (name: string, address = "10.0.0.1"): CatalogService => ({
  ...{ id: `shop/${name}`, key: { namespace: "shop", name }, labels: {}, sources: [], conditions: [] },
  ports: [{ name: "http", port: 80, protocol: "HTTP", inferred: false }],
  instances: [
    {
      ...{ id: "i", address, ports: { http: 8080 }, locality: locality(), cluster: "c1", network: "n1", health: "healthy" },
      ...{ weight: 1, labels: {}, source: { registry: "r", scope: "s" } },
    },
  ],
});
const of = (...list: CatalogService[]) => new Map(list.map((one) => [one.id, one]));
const EXPORTED = [{ match: "shop/*", to: ["*"], local: false }];
const WEB = "http.web.shop.port.mesh.local";

test("nothing is made before it is asked for; then a cluster of that very name, kept current", () => {
  const inputs = createViewInputs(traffic(EXPORTED), of(service("web")));
  const view = createView(client, inputs);
  const [clusters, endpoints] = [view.tables.table(TYPE_URL.cluster), view.tables.table(TYPE_URL.endpoint)];
  assert.equal(view.tables.table(TYPE_URL.listener).size, 1);
  assert.equal(clusters.size, 0);
  assert.equal(clusters.get(WEB)?.name, WEB);
  const before = endpoints.get(WEB)?.version;
  assert.equal(view.update(inputs.setServices(of(service("web", "10.0.0.2")), ["shop/web"])), true);
  assert.notEqual(endpoints.get(WEB)?.version, before);
  assert.equal(view.update(inputs.setServices(of(), ["shop/web"])), true);
  assert.deepEqual([clusters.get(WEB), endpoints.get(WEB)], [undefined, undefined]);
  assert.equal(view.update(inputs.setServices(of(service("web")), ["shop/web"])), true);
  assert.equal(clusters.get(WEB)?.name, WEB);
});

test("what no rule exports does not exist, and leaves when its rule does", () => {
  const services = of(service("web"));
  assert.equal(
    createView(client, createViewInputs(traffic([]), services))
      .tables.table(TYPE_URL.cluster)
      .get(WEB),
    undefined,
  );
  const inputs = createViewInputs(traffic(EXPORTED), services);
  const view = createView(client, inputs);
  assert.ok(view.tables.table(TYPE_URL.cluster).get(WEB));
  const without = traffic([{ match: "shop/web", to: [], local: true }, ...EXPORTED]);
  assert.equal(view.update(inputs.setTraffic(without)), true);
  assert.equal(view.tables.table(TYPE_URL.cluster).get(WEB), undefined);
});

test("a hundred thousand exported services cost nothing until somebody connects; made-up names are remembered in bounds", () => {
  const many = of(...Array.from({ length: 100_000 }, (_, index) => service(`s${index}`)));
  const inputs = createViewInputs(traffic(EXPORTED), many);
  const view = createView(client, inputs);
  const clusters = view.tables.table(TYPE_URL.cluster);
  assert.equal(clusters.size, 0);
  for (let index = 0; index < 20_000; index++)
    assert.equal(clusters.get(`http.made-up-${index}.shop.port.mesh.local`), undefined);
  assert.ok(clusters.get("http.s99999.shop.port.mesh.local"));
  assert.equal(clusters.size, 1);
  const late = of(service("made-up-19999"), service("made-up-0"));
  assert.equal(view.update(inputs.setServices(late, late.keys())), true);
  assert.equal(clusters.size, 2, "the cold name came, the forgotten one waits for the next connection");
});
