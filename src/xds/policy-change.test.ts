import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { CatalogService } from "../catalog/types.ts";
import { locality } from "../model/locality.ts";
import { type ServiceId, serviceId } from "../model/service.ts";
import { type Client, ROLES } from "../routing/client.ts";
import { DEFAULT_POLICY, type ServicePolicy, type TrafficPolicy } from "../routing/policy.ts";
import { FLAT, NO_NETWORKS } from "../routing/topology.ts";
import { policyChange } from "./policy-change.ts";
import { TYPE_URL } from "./types.ts";
import { createView, type View } from "./view.ts";
import { createViewInputs } from "./view-inputs.ts";

const NAMES = ["a", "b", "c", "d"];
const service = (name: string): CatalogService => ({
  id: `default/${name}`,
  key: { namespace: "default", name },
  ports: [
    { name: "http", port: 80, protocol: "HTTP", inferred: false },
    { name: "tcp", port: 9000, protocol: "TCP", inferred: false },
  ],
  labels: {},
  instances: ["x", "y"].map((zone, index) => ({
    id: `${name}-${zone}`,
    address: `10.0.${index}.${name.charCodeAt(0)}`,
    ports: { http: 8080, tcp: 9000 },
    locality: locality({ region: "r", zone }),
    cluster: "c1",
    network: "default",
    health: "healthy",
    weight: 1,
    labels: {},
    source: { registry: "r", scope: name },
  })),
  sources: [],
  conditions: [],
});
const services: ReadonlyMap<ServiceId, CatalogService> = new Map(NAMES.map((name) => [`default/${name}`, service(name)]));

const traffic = (policies: Readonly<Record<string, ServicePolicy>>): TrafficPolicy => ({
  domain: "mesh.local",
  gateways: [
    {
      name: "edge",
      kind: "edge",
      listeners: [{ name: "http", address: "0.0.0.0", port: 80, protocol: "HTTP" }],
      routes: ["a", "b"].map((name) => ({
        hosts: [`${name}.example.com`],
        listeners: [],
        path: { kind: "prefix", value: "/" },
        headers: [],
        backends: [{ service: { namespace: "default", name }, port: "http", weight: 1 }],
        timeoutMs: undefined,
        retries: undefined,
        prefixRewrite: undefined,
      })),
    },
  ],
  sidecar: { outbound: { address: "127.0.0.1", port: 15001 } },
  ...NO_NETWORKS,
  topology: FLAT,
  policyOf: (key) => policies[serviceId(key)] ?? DEFAULT_POLICY,
});

const client = (role: Client["role"]): Client => ({
  role,
  gateway: role === "gateway" || role === "eastWest" ? "edge" : "",
  cluster: "c1",
  network: "default",
  locality: locality({ region: "r", zone: "x" }),
  namespace: "default",
  inbound: undefined,
});

const policy: fc.Arbitrary<ServicePolicy> = fc
  .record({
    connectTimeoutMs: fc.constantFrom(5000, 1000),
    loadBalancer: fc.constantFrom("roundRobin", "leastRequest"),
    protocol: fc.constantFrom(undefined, "TCP" as const, "HTTP2" as const),
    panicThreshold: fc.constantFrom(0, 50),
    distribute: fc.constantFrom(undefined, { c1: 80, c2: 20 }),
    retries: fc.constantFrom(undefined, { attempts: 2, on: "5xx", perTryTimeoutMs: undefined }),
  })
  .map((part) => ({ ...DEFAULT_POLICY, ...part }) as ServicePolicy);
const policies = fc.dictionary(fc.constantFrom(...NAMES.map((name) => `default/${name}`)), policy);

function contentOf({ tables }: View) {
  return Object.values(TYPE_URL).map((typeUrl) =>
    tables
      .table(typeUrl)
      .all()
      .map(({ name, version }) => `${name} ${version}`)
      .sort(),
  );
}

test("property: a view that makes anew what a policy changes is the view that is made under it", () => {
  fc.assert(
    fc.property(fc.constantFrom(...ROLES), fc.array(policies, { minLength: 2, maxLength: 4 }), (role, steps) => {
      const all = steps.map(traffic);
      const [first = traffic({})] = all;
      const inputs = createViewInputs(first, services);
      const view = createView(client(role), inputs);
      all.reduce((before, after) => {
        assert.notEqual(policyChange(before, after, services), undefined);
        view.update(inputs.setTraffic(after));
        assert.deepEqual(contentOf(view), contentOf(createView(client(role), createViewInputs(after, services))));
        return after;
      });
    }),
  );
});

test("equal policies in other objects change nothing; a timeout is the cluster's matter, retries are the route's as well", () => {
  const changed = (before: object, after: object) =>
    policyChange(
      traffic({ "default/a": { ...DEFAULT_POLICY, ...before } }),
      traffic({ "default/a": { ...DEFAULT_POLICY, ...after } }),
      services,
    );
  assert.deepEqual(changed({}, {}), { services: new Set(), shape: false });
  assert.deepEqual(changed({}, { connectTimeoutMs: 1 }), { services: new Set(["default/a"]), shape: false });
  assert.deepEqual(changed({}, { retries: { attempts: 1, on: "5xx" } }), { services: new Set(["default/a"]), shape: true });
});

test("whatever is not a service's policy makes everything anew", () => {
  const before = traffic({});
  assert.equal(policyChange(before, { ...before, domain: "other.local" }, services), undefined);
  assert.equal(policyChange(before, { ...before, gateways: [] }, services), undefined);
  assert.equal(policyChange(before, { ...before, topology: { ...FLAT } }, services), undefined);
});
