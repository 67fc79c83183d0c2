import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { CatalogInstance, CatalogService } from "../catalog/types.ts";
import { HEALTH } from "../model/health.ts";
import { locality } from "../model/locality.ts";
import type { Client } from "./client.ts";
import { NO_PREFERENCE, type Preference } from "./distance.ts";
import { reach } from "./reach.ts";
import {
  createTopology,
  type ExportRule,
  exportProblem,
  type GatewayAddress,
  type NetworkSpec,
  type Topology,
} from "./topology.ts";

const client: Client = {
  role: "sidecar",
  gateway: "",
  cluster: "c1",
  network: "n1",
  locality: locality({ region: "eu", zone: "a" }),
  namespace: "default",
  inbound: undefined,
};
let counter = 0;
const instance = (id: string, cluster: string, fields: Partial<CatalogInstance> = {}): CatalogInstance => ({
  id,
  address: `10.0.0.${++counter}`,
  ports: { http: 80 },
  locality: locality({ region: cluster === "c1" ? "eu" : "us", zone: "a" }),
  cluster,
  network: cluster === "c1" ? "n1" : "n2",
  health: "healthy",
  weight: 1,
  labels: {},
  source: { registry: `r-${cluster}`, scope: "s" },
  ...fields,
});
const service = (...instances: CatalogInstance[]): CatalogService => ({
  ...{ id: "shop/web", key: { namespace: "shop", name: "web" }, labels: {}, sources: [], conditions: [] },
  ports: [{ name: "http", port: 80, protocol: "HTTP", inferred: false }],
  instances,
});
const gateway = (address: string, region = ""): GatewayAddress => ({
  ...{ address, port: 15443, name: address },
  locality: locality({ region }),
});
const network = (name: string, parts: Partial<NetworkSpec> = {}): NetworkSpec => ({
  ...{ name, cidrs: [], clusters: [], registries: [], egress: [], sni: { dialect: "meshbridge" as const }, gateways: [] },
  ...parts,
});
const EVERYONE: readonly ExportRule[] = [{ match: "*", to: ["*"], local: false }];
const topology = (gateways: readonly GatewayAddress[], exports: readonly ExportRule[] | undefined = EVERYONE): Topology =>
  createTopology({ networks: [network("n1"), network("n2")], exports, gateways: new Map([["n2", gateways]]) });
const seen = (instances: CatalogInstance[], rules: Topology, preference: Preference = NO_PREFERENCE) =>
  reach(service(...instances), "http", client, { topology: rules, preference });
const shown = (...args: Parameters<typeof seen>) =>
  seen(...args).localities.flatMap(({ priority, endpoints }) =>
    endpoints.map(
      (one) => `${priority} ${one.gateway === undefined ? one.instance.id : one.address} x${one.weight} ${one.health}`,
    ),
  );

test("what is on another network is one endpoint a gateway, with the weight of all behind it", () => {
  const all = [instance("own", "c1"), instance("a", "c2", { weight: 2 }), instance("b", "c2", { weight: 3 })];
  assert.deepEqual(shown(all, topology([gateway("1.1.1.1")])), ["0 own x1 healthy", "1 1.1.1.1 x5 healthy"]);
});

test("two gateways share the load; whole numbers are kept by scaling the priority, not by rounding", () => {
  const flat = { failover: undefined, affinity: "none" as const };
  const all = [instance("own", "c1"), instance("a", "c2", { weight: 2 }), instance("b", "c2", { weight: 3 })];
  const gateways = [gateway("1.1.1.1"), gateway("1.1.1.2")];
  assert.deepEqual(shown(all, topology(gateways), flat).sort(), [
    "0 1.1.1.1 x5 healthy",
    "0 1.1.1.2 x5 healthy",
    "0 own x2 healthy",
  ]);
});

test("an instance is reached through the gateways of its own region, where there are such", () => {
  const all = [instance("a", "c2"), instance("b", "c2", { locality: locality({ region: "asia" }), weight: 7 })];
  const gateways = [gateway("1.1.1.1", "us"), gateway("1.1.1.2", "asia")];
  assert.deepEqual(shown(all, topology(gateways)).sort(), ["0 1.1.1.1 x1 healthy", "0 1.1.1.2 x7 healthy"]);
});

test("what is behind a gateway decides its priority, not where the gateway stands; the best of it counts", () => {
  const near = locality({ region: "eu", zone: "b" });
  const all = [instance("far", "c2"), instance("near", "c2", { locality: near }), instance("own", "c1")];
  const { localities, decisions } = seen(all, topology([gateway("1.1.1.1")]));
  assert.deepEqual(
    localities.map(({ priority, locality: place }) => [priority, place.region, place.zone]),
    [
      [0, "eu", "a"],
      [1, "eu", "b"],
    ],
  );
  const far = decisions()[0]?.verdict;
  assert.ok(far?.kind === "included");
  assert.equal(far.via[0]?.address, "1.1.1.1");
  assert.match(far.notes.join("; "), /on network n2, through 1\.1\.1\.1:15443.*stands for 2 instances/);
});

test("a gateway stands for what is usable behind it; only when nothing is, it is unhealthy", () => {
  const sick = { health: "unhealthy" as const };
  const rules = topology([gateway("1.1.1.1")]);
  const mixed = [instance("a", "c2", sick), instance("b", "c2", { weight: 4 })];
  assert.deepEqual(shown(mixed, rules), ["0 1.1.1.1 x4 healthy"]);
  const outdone = seen(mixed, rules).decisions()[0]?.verdict;
  assert.ok(outdone?.kind === "excluded" && outdone.reason === "not-usable");
  assert.deepEqual(shown([instance("a", "c2", sick)], rules), ["0 1.1.1.1 x1 unhealthy"]);
  assert.deepEqual(shown([instance("a", "c2", { health: "degraded" })], rules), ["0 1.1.1.1 x1 degraded"]);
});

const lost = { kind: "lost", since: 1 } as const;
const held = { kind: "held", until: 1 } as const;
const ramp = (share: number) => ({ kind: "ramp", share, until: 1 }) as const;

test("a lost gateway comes last while its network has another, and a last resort when it has none", () => {
  const all = [instance("a", "c2", { weight: 4 })];
  for (const standing of [lost, held]) {
    const gone = { ...gateway("1.1.1.1"), standing };
    assert.deepEqual(shown(all, topology([gone, gateway("1.1.1.2")])), ["0 1.1.1.2 x4 healthy", "1 1.1.1.1 x4 degraded"]);
    assert.deepEqual(shown(all, topology([gone])), ["0 1.1.1.1 x4 degraded"]);
  }
  const verdict = seen(all, topology([{ ...gateway("1.1.1.1"), standing: held }])).decisions()[0]?.verdict;
  assert.match(
    verdict?.kind === "included" ? verdict.notes.join("; ") : "",
    /1\.1\.1\.1:15443 answers again, but has not for long/,
  );
});

test("one that comes back shares a priority with what took its place, by its share; alone it takes everything", () => {
  const far = { network: "n3", locality: locality({ region: "far" }) };
  const rules = createTopology({
    ...{ networks: [network("n1"), network("n2"), network("n3")], exports: EVERYONE },
    gateways: new Map([
      ["n2", [{ ...gateway("1.1.1.1"), standing: ramp(0.2) }]],
      ["n3", [gateway("2.2.2.2")]],
    ]),
  });
  const order = { failover: { order: ["c2", "c3"], priorityLabels: [] }, affinity: undefined };
  const both = [instance("a", "c2", { weight: 7 }), instance("b", "c3", far)];
  assert.deepEqual(shown(both, rules, order), ["0 2.2.2.2 x8000 healthy", "0 1.1.1.1 x2000 healthy"]);
  assert.deepEqual(shown([instance("a", "c2", { weight: 7 })], rules, order), ["0 1.1.1.1 x7 healthy"]);
  const two = topology([{ ...gateway("1.1.1.1"), standing: ramp(0.5) }, gateway("1.1.1.2")]);
  assert.deepEqual(shown([instance("a", "c2")], two), ["0 1.1.1.1 x3333 healthy", "0 1.1.1.2 x6667 healthy"]);
});

test("of what is behind a gateway so little is usable that it takes less than all, from the threshold on", () => {
  const rules = createTopology({
    ...{ networks: [network("n1"), network("n2"), network("n3")], exports: EVERYONE },
    gateways: new Map([
      ["n2", [gateway("1.1.1.1")]],
      ["n3", [gateway("2.2.2.2")]],
    ]),
  });
  const preference = { failover: { order: ["c2", "c3"], priorityLabels: [] }, affinity: undefined };
  const weights = (sick: number) => {
    const behind = Array.from({ length: 10 }, (_, at) => instance(`a${at}`, "c2", at < sick ? { health: "unhealthy" } : {}));
    const all = service(...behind, instance("b", "c3", { network: "n3", locality: locality({ region: "far" }) }));
    const { localities } = reach(all, "http", client, { topology: rules, preference, spill: 2 });
    return localities.flatMap(({ priority, endpoints }) =>
      endpoints.map(({ address, weight }) => `${priority} ${address} x${weight}`),
    );
  };
  assert.deepEqual(weights(5), ["0 1.1.1.1 x5", "1 2.2.2.2 x1"]);
  assert.deepEqual(weights(6), ["0 2.2.2.2 x2000", "0 1.1.1.1 x8000"]);
  assert.deepEqual(weights(9), ["0 2.2.2.2 x8000", "0 1.1.1.1 x2000"]);
});

test("no gateway, no export, or a client that cannot name a service to a gateway: out of reach, and said why", () => {
  const reason = (rules: Topology, asking = client) => {
    const { verdict } =
      reach(service(instance("a", "c2")), "http", asking, { topology: rules, preference: NO_PREFERENCE }).decisions()[0] ?? {};
    return verdict?.kind === "excluded" ? verdict.reason : verdict?.kind;
  };
  assert.equal(reason(topology([])), "other-network");
  assert.equal(reason(topology([gateway("1.1.1.1")], undefined)), "included", "the default of this helper exports everything");
  assert.equal(reason(topology([gateway("1.1.1.1")], [])), "not-exported");
  assert.equal(reason(topology([gateway("1.1.1.1")]), { ...client, role: "grpc" }), "other-network");
});

test("membership: a label, then the longest range, then cluster or registry, then the registry's own word", () => {
  const rules = createTopology({
    networks: [
      network("wide", { cidrs: ["10.0.0.0/8", "fd00::/8"] }),
      network("narrow", { cidrs: ["10.1.0.0/16"] }),
      network("by-cluster", { clusters: ["c9"] }),
      network("by-registry", { registries: ["r-c8"] }),
    ],
    ...{ exports: undefined, gateways: new Map() },
  });
  const of = (cluster: string, address: string, labels = {}) => rules.networkOf(instance("x", cluster, { address, labels }));
  assert.equal(of("c9", "10.1.2.3", { "topology.istio.io/network": "said" }), "said");
  assert.equal(of("c9", "10.1.2.3"), "narrow");
  assert.equal(of("c9", "10.2.2.3"), "wide");
  assert.equal(of("c9", "fd00::1"), "wide");
  assert.equal(of("c9", "192.0.2.1"), "by-cluster");
  assert.equal(of("c8", "192.0.2.1"), "by-registry");
  assert.equal(of("c2", "192.0.2.1"), "n2");
});

test("exports: rules add up, local beats them, and without any word nothing leaves its network", () => {
  const key = { namespace: "shop", name: "web" };
  const problem = (exports: readonly ExportRule[] | undefined, from: [string, string], to: [string, string]) => {
    const rules = createTopology({ networks: [network("n1")], exports, gateways: new Map() });
    const place = ([cluster, net]: [string, string]) => ({ cluster, network: net });
    return exportProblem(rules.exportOf(key), place(from), place(to));
  };
  const rule = (match: string, to: string[], local = false): ExportRule => ({ match, to, local });
  assert.equal(problem(undefined, ["c1", "n1"], ["c2", "n1"]), undefined);
  assert.match(problem(undefined, ["c1", "n1"], ["c2", "n2"]) ?? "", /no export rule/);
  assert.match(problem([], ["c1", "n1"], ["c2", "n1"]) ?? "", /no export rule/);
  assert.equal(problem([], ["c1", "n1"], ["c1", "n1"]), undefined);
  assert.equal(problem([rule("other/*", ["*"]), rule("shop/*", ["n2"])], ["c1", "n1"], ["c2", "n2"]), undefined);
  assert.equal(problem([rule("shop/*", ["n9"]), rule("*", ["c2"])], ["c1", "n1"], ["c2", "n2"]), undefined);
  assert.match(problem([rule("*", ["*"]), rule("shop/web", [], true)], ["c1", "n1"], ["c2", "n1"]) ?? "", /scope local/);
});

const arbitrary = fc.array(
  fc.record({
    cluster: fc.constantFrom("c1", "c2", "c3"),
    network: fc.constantFrom("n1", "n2", "n3"),
    region: fc.constantFrom("eu", "us", ""),
    health: fc.constantFrom(...HEALTH),
    weight: fc.oneof(fc.integer({ min: 1, max: 1000 }), fc.constant(2 ** 32 - 1)),
    address: fc.integer({ min: 1, max: 6 }),
  }),
  { maxLength: 15 },
);
const arbitraryGateways = fc.array(fc.constantFrom("10.9.9.1", "1.1.1.1", "1.1.1.2", "1.1.1.3"), { maxLength: 3 });
const arbitraryPreference = fc.constantFrom<Preference>(
  NO_PREFERENCE,
  { failover: undefined, affinity: "local" },
  { failover: undefined, affinity: "remote" },
  { failover: { order: ["zone", "c3", "n2"], priorityLabels: [] }, affinity: undefined },
  { failover: { order: [], priorityLabels: ["topology.istio.io/network", "app=x"] }, affinity: "none" },
  { failover: undefined, affinity: undefined, first: "c2" },
);

test("property: no address twice, priorities compact, weights within bounds, nothing through an unexported path", () => {
  const run = fc.property(
    arbitrary,
    arbitraryGateways,
    arbitraryGateways,
    arbitraryPreference,
    fc.boolean(),
    (list, two, three, preference, open) => {
      const instances = list.map(({ region, address, ...rest }, index) =>
        instance(`i${index}`, rest.cluster, { ...rest, locality: locality({ region }), address: `10.9.9.${address}` }),
      );
      const gateways = new Map([
        ["n2", [...new Set(two)].map((one) => gateway(one, "us"))],
        ["n3", [...new Set(three)].map((one) => gateway(one))],
      ]);
      const exports = open ? EVERYONE : [{ match: "shop/*", to: ["c2"], local: false }];
      const rules = createTopology({ networks: [network("n1")], exports, gateways });
      const { localities, decisions } = seen(instances, rules, preference);
      const endpoints = localities.flatMap((group) => group.endpoints);
      const addresses = endpoints.map(({ address, port }) => `${address}:${port}`);
      assert.equal(new Set(addresses).size, addresses.length);
      const priorities = [...new Set(localities.map(({ priority }) => priority))];
      assert.deepEqual(
        priorities.sort((a, b) => a - b),
        [...priorities.keys()],
      );
      for (const level of priorities) {
        const sum = localities.filter(({ priority }) => priority === level).reduce((all, { weight }) => all + weight, 0);
        assert.ok(sum <= 2 ** 32 - 1, String(sum));
      }
      for (const { weight } of endpoints) assert.ok(Number.isInteger(weight) && weight >= 1);
      for (const { instance: one, verdict } of decisions()) {
        if (verdict.kind !== "included") continue;
        if (!open) assert.deepEqual([one.cluster, one.network], ["c1", "n1"], "c1 of n1 is named in no rule");
        assert.equal(verdict.via.length > 0, one.network !== "n1");
      }
    },
  );
  fc.assert(run, { numRuns: 2000 });
});
