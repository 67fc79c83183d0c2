import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { CatalogService } from "../catalog/types.ts";
import { locality } from "../model/locality.ts";
import { serviceId } from "../model/service.ts";
import type { Client } from "../routing/client.ts";
import { DEFAULT_POLICY, type ServicePolicy, type TrafficPolicy } from "../routing/policy.ts";
import { FLAT, NO_NETWORKS } from "../routing/topology.ts";
import { createSharing } from "./sharing.ts";
import { TYPE_URL } from "./types.ts";
import { createView, type View } from "./view.ts";
import { createViewInputs, type Services } from "./view-inputs.ts";

const NAMES = ["a", "b", "c"];

const traffic = (policies: Readonly<Record<string, ServicePolicy>> = {}, domain = "mesh.local"): TrafficPolicy => ({
  domain,
  gateways: [
    {
      ...{ name: "edge", kind: "edge", listeners: [{ name: "http", address: "0.0.0.0", port: 80, protocol: "HTTP" }] },
      routes: NAMES.map((name) => ({
        ...{ hosts: [`${name}.test`], listeners: [], path: { kind: "prefix", value: "/" }, headers: [] },
        ...{ backends: [{ service: { namespace: "x", name }, port: undefined, weight: 1 }] },
        ...{ timeoutMs: undefined, retries: undefined, prefixRewrite: undefined },
      })),
    },
  ],
  sidecar: { outbound: { address: "127.0.0.1", port: 15001 } },
  ...NO_NETWORKS,
  topology: FLAT,
  policyOf: (key) => policies[serviceId(key)] ?? DEFAULT_POLICY,
});

/** As they differ in the wild, by one thing each. */
const base: Client = {
  ...{ role: "sidecar", gateway: "", cluster: "c1", network: "n", namespace: "x", inbound: undefined },
  locality: locality({ region: "r", zone: "1" }),
};
const CLIENTS: readonly Client[] = [
  base,
  { ...base, inbound: { port: 15006, appPort: 8080 } },
  { ...base, namespace: "y" },
  { ...base, locality: locality({ region: "r", zone: "2" }) },
  { ...base, cluster: "c2" },
  { ...base, onDemand: true },
  { ...base, role: "gateway", gateway: "edge" },
  { ...base, role: "gateway", gateway: "edge", cluster: "c2" },
  { ...base, role: "grpc" },
];

const service = (name: string, port: number, protocol: "HTTP" | "TCP", clusters: readonly string[]): CatalogService => ({
  ...{ id: `x/${name}`, key: { namespace: "x", name }, labels: {}, sources: [], conditions: [] },
  ports: [
    { name: "main", port, protocol, inferred: false },
    { name: "admin", port: 9000, protocol: "HTTP", inferred: false },
  ],
  instances: clusters.map((cluster, index) => ({
    ...{ id: `i-${index}`, address: `10.0.0.${index + 1}`, ports: { main: 8080, admin: 9000 }, cluster, network: "n" },
    ...{ locality: locality({ region: "r", zone: String(index % 3) }), health: "healthy", weight: 1, labels: {} },
    source: { registry: "r", scope: name },
  })),
});

function contentOf({ tables }: View) {
  return Object.values(TYPE_URL).flatMap((typeUrl) => {
    const table = tables.table(typeUrl);
    const versions = table.all().map(({ name, version }) => `${typeUrl} ${name} ${version}`);
    return versions.sort();
  });
}

const policy = fc
  .record({
    protocol: fc.constantFrom(undefined, "TCP" as const, "HTTP2" as const),
    connectTimeoutMs: fc.constantFrom(1000, 5000),
    distribute: fc.constantFrom(undefined, { c1: 80, c2: 20 }),
    retries: fc.constantFrom(undefined, { attempts: 2, on: "5xx", perTryTimeoutMs: undefined }),
  })
  .map((part) => ({ ...DEFAULT_POLICY, ...part }) as ServicePolicy);
const name = fc.constantFrom(...NAMES);
const step = fc.oneof(
  fc.record({
    type: fc.constant("service" as const),
    service: fc.option(
      fc
        .tuple(name, fc.constantFrom(80, 81), fc.constantFrom("HTTP" as const, "TCP" as const), fc.subarray(["c1", "c1", "c2"]))
        .map((parts) => service(...parts)),
      { nil: undefined },
    ),
    name,
  }),
  fc.record({
    type: fc.constant("policies" as const),
    policies: fc.dictionary(
      name.map((one) => `x/${one}`),
      policy,
    ),
  }),
  fc.record({ type: fc.constant("domain" as const), domain: fc.constantFrom("mesh.local", "other.local") }),
  fc.record({ type: fc.constant("view" as const), client: fc.nat(CLIENTS.length - 1) }),
  fc.record({ type: fc.constant("leave" as const), client: fc.nat(CLIENTS.length - 1) }),
);

test("property: a view that has much in common with others holds what it would hold alone", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
      const views = new Map<Client, View>();
      let services: Services = new Map();
      let [policies, domain] = [{}, "mesh.local"];
      const now = () => traffic(policies, domain);
      const inputs = createViewInputs(now());
      for (const one of steps) {
        if (one.type === "service") {
          const id = one.service?.id ?? `x/${one.name}`;
          const next = new Map(services);
          if (one.service === undefined) next.delete(id);
          else next.set(id, one.service);
          services = next;
          const change = inputs.setServices(services, [id]);
          for (const view of views.values()) view.update(change);
        } else if (one.type === "view") {
          const client = CLIENTS[one.client] ?? base;
          if (!views.has(client)) views.set(client, createView(client, inputs));
        } else if (one.type === "leave") {
          const client = CLIENTS[one.client] ?? base;
          views.get(client)?.close();
          views.delete(client);
        } else {
          if (one.type === "policies") policies = one.policies;
          else domain = one.domain;
          const change = inputs.setTraffic(now());
          for (const view of views.values()) view.update(change);
        }
        const alone = createViewInputs(now(), services);
        for (const [client, view] of views) assert.deepEqual(contentOf(view), contentOf(createView(client, alone)));
      }
    }),
    { numRuns: 60 },
  );
});

test("what views have in common is there once, and goes with the last of them", () => {
  const inputs = createViewInputs(traffic(), new Map([["x/a", service("a", 80, "HTTP", ["c1"])]]));
  const resource = (client: Client, typeUrl: string, of = "x/a/main") => createView(client, inputs).tables.table(typeUrl).get(of);
  const [plain, inbound, other, far] = CLIENTS as readonly [Client, Client, Client, Client];
  assert.equal(resource(plain, TYPE_URL.endpoint), resource(inbound, TYPE_URL.endpoint));
  assert.equal(resource(plain, TYPE_URL.route, "outbound/http"), resource(inbound, TYPE_URL.route, "outbound/http"));
  assert.equal(resource(plain, TYPE_URL.endpoint), resource(other, TYPE_URL.endpoint));
  assert.notEqual(resource(plain, TYPE_URL.route, "outbound/http"), resource(other, TYPE_URL.route, "outbound/http"));
  assert.equal(resource(plain, TYPE_URL.cluster), resource(far, TYPE_URL.cluster));
  assert.notEqual(resource(plain, TYPE_URL.endpoint), resource(far, TYPE_URL.endpoint));

  const sharing = createSharing();
  const first = sharing.share(plain);
  assert.equal(sharing.share(inbound).endpoints, first.endpoints);
  sharing.release(plain);
  assert.equal(sharing.share(plain).endpoints, first.endpoints, "the other one still has it");
  sharing.release(plain);
  sharing.release(inbound);
  assert.notEqual(sharing.share(plain).endpoints, first.endpoints);
});

test("outlines are the same list while endpoints alone change, and keep no instance alive", () => {
  const inputs = createViewInputs(traffic(), new Map([["x/a", service("a", 80, "HTTP", ["c1"])]]));
  const before = inputs.outlines;
  const set = (now: CatalogService) => inputs.setServices(new Map([[now.id, now]]), [now.id]);
  assert.equal(set(service("a", 80, "HTTP", ["c1", "c2"])).shape, false);
  assert.equal(inputs.outlines, before);
  assert.deepEqual(Object.keys(before[0] ?? {}), ["id", "key", "ports"]);
  for (const other of [service("a", 81, "HTTP", []), service("a", 81, "TCP", [])]) {
    const outlines = inputs.outlines;
    assert.equal(set(other).shape, true);
    assert.notEqual(inputs.outlines, outlines);
  }
  assert.equal(set({ ...service("a", 81, "TCP", []), hosts: ["a.example.com"] }).shape, true);
});

test("a catalog that is ahead of the ids it comes with: what differs is seen when it is told", () => {
  const inputs = createViewInputs(traffic(), new Map([["x/a", service("a", 80, "HTTP", ["c1"])]]));
  const view = createView(base, inputs);
  const [b, c] = [service("b", 80, "HTTP", ["c1"]), service("c", 80, "HTTP", ["c1"])];
  // As the catalog's readers get it: the notice is of b alone, the state is newer, without a and with c.
  const ahead = new Map([b, c].map((one) => [one.id, one]));
  assert.equal(inputs.setServices(ahead, ["x/b"]).shape, true);
  const change = inputs.setServices(ahead, ["x/a", "x/c"]);
  assert.equal(change.shape, true);
  view.update(change);
  view.update({ ...change, services: new Set(["x/b"]) });
  assert.deepEqual(contentOf(view), contentOf(createView(base, createViewInputs(traffic(), ahead))));
});
