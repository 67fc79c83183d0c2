import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { CatalogInstance, CatalogService } from "../catalog/types.ts";
import { HEALTH } from "../model/health.ts";
import { locality, localityName } from "../model/locality.ts";
import type { Client, Role } from "./client.ts";
import { reach } from "./reach.ts";

const client = (role: Role = "gateway", place = locality({ region: "eu", zone: "a" })): Client => ({
  role,
  gateway: "edge",
  cluster: "c1",
  network: "default",
  locality: place,
  namespace: "default",
  inbound: undefined,
});

let counter = 0;
const instance = (id: string, fields: Partial<CatalogInstance> = {}): CatalogInstance => ({
  id,
  address: `10.0.${Math.floor(++counter / 250) % 250}.${(counter % 250) + 1}`,
  ports: { http: 80 },
  locality: locality({ region: "eu", zone: "a" }),
  cluster: "c1",
  network: "default",
  health: "healthy",
  weight: 1,
  labels: {},
  source: { registry: "r", scope: "s" },
  ...fields,
});
const service = (...instances: CatalogInstance[]): CatalogService => ({
  id: "default/web",
  key: { namespace: "default", name: "web" },
  ports: [{ name: "http", port: 80, protocol: "HTTP", inferred: false }],
  labels: {},
  instances,
  sources: [],
  conditions: [],
});

/** `id@priority:health` of what is included, `id!reason` of what is not. */
function shown(instances: CatalogInstance[], asking = client()): string[] {
  return reach(service(...instances), "http", asking)
    .decisions()
    .map(({ instance: { id }, verdict }) =>
      verdict.kind === "included" ? `${id}@${verdict.priority}:${verdict.health}` : `${id}!${verdict.reason}`,
    );
}

const at = (region: string, zone: string, cluster = "c1") => ({ locality: locality({ region, zone }), cluster });
const hold = { hold: { reason: "index-went-back" as const, since: 0 } };

for (const [name, instances, asking, expected] of [
  [
    "same zone, then same region, then the same cluster, then the rest",
    [
      instance("far", at("us", "x", "c2")),
      instance("cluster", at("us", "x")),
      instance("region", at("eu", "b")),
      instance("zone"),
    ],
    client(),
    ["far@3:healthy", "cluster@2:healthy", "region@1:healthy", "zone@0:healthy"],
  ],
  [
    "priorities have no gaps",
    [instance("far", at("us", "x", "c2")), instance("zone")],
    client(),
    ["far@1:healthy", "zone@0:healthy"],
  ],
  ["only far ones are the first priority", [instance("far", at("us", "x", "c2"))], client(), ["far@0:healthy"]],
  [
    "a client that does not say where it is has one priority",
    [instance("a"), instance("b", at("us", "x", "c2"))],
    client("gateway", locality()),
    ["a@0:healthy", "b@0:healthy"],
  ],
  [
    "a zone of the same name in another region is not the same zone",
    [instance("a"), instance("b", at("us", "a"))],
    client(),
    ["a@0:healthy", "b@1:healthy"],
  ],
  [
    "a client that knows its region alone has no zone to share, also not with those that know none",
    [instance("none", at("eu", "")), instance("a"), instance("far", at("us", "x"))],
    client("gateway", locality({ region: "eu" })),
    ["none@0:healthy", "a@0:healthy", "far@1:healthy"],
  ],
  [
    "an instance that does not know its zone is in the region, not in the zone",
    [instance("none", at("eu", "")), instance("a")],
    client(),
    ["none@1:healthy", "a@0:healthy"],
  ],
  ["another network is out of reach", [instance("a", { network: "n2" })], client(), ["a!other-network"]],
  ["a port it does not have", [instance("a", { ports: { grpc: 80 } })], client(), ["a!no-such-port"]],
  ["a port called like something of Object's own", [instance("a", { ports: {} })], client(), ["a!no-such-port"]],
  [
    "Envoy is told of every health",
    [instance("a", { health: "unhealthy" }), instance("b", { health: "draining" })],
    client(),
    ["a@0:unhealthy", "b@0:draining"],
  ],
  ["a held instance is degraded", [instance("a"), instance("b", hold)], client(), ["a@0:healthy", "b@0:degraded"]],
  ["a held instance that was unhealthy stays so", [instance("a", { ...hold, health: "unhealthy" })], client(), ["a@0:unhealthy"]],
  [
    "gRPC is told of usable instances only",
    [instance("a", { health: "unhealthy" }), instance("b", { health: "unknown" })],
    client("grpc"),
    ["a!not-usable", "b@0:unknown"],
  ],
  [
    "gRPC gets the degraded and the held after all others",
    [instance("held", hold), instance("slow", { health: "degraded" }), instance("far", at("us", "x", "c2")), instance("near")],
    client("grpc"),
    ["held@2:healthy", "slow@2:healthy", "far@1:healthy", "near@0:healthy"],
  ],
] as const) {
  test(name, () => {
    assert.deepEqual(shown([...instances], asking), expected);
  });
}

test("of two with one address the better spoken of counts, then the nearer one, then the first", () => {
  const address = "10.9.9.9";
  const pairs = [
    [{ ...at("us", "x") }, {}, "second"],
    [{ health: "unhealthy" as const }, {}, "second"],
    [hold, {}, "second"],
    [{}, {}, "first"],
    [{ health: "unhealthy" as const }, at("us", "x"), "second"],
    [hold, at("us", "x"), "second"],
    [{ health: "degraded" as const }, hold, "first"],
    [{ health: "unhealthy" as const }, { ...hold, ...at("us", "x") }, "second"],
  ] as const;
  for (const [first, second, winner] of pairs) {
    const result = reach(
      service(instance("first", { address, ...first }), instance("second", { address, ...second })),
      "http",
      client(),
    );
    assert.deepEqual(
      result.localities.flatMap(({ endpoints }) => endpoints.map((one) => one.instance.id)),
      [winner],
    );
    assert.equal(
      result.decisions().filter(({ verdict }) => verdict.kind === "excluded" && verdict.reason === "duplicate-address").length,
      1,
    );
  }
});

test("the same address on another port is another endpoint", () => {
  const address = "10.9.9.9";
  assert.deepEqual(shown([instance("a", { address }), instance("b", { address, ports: { http: 81 } })]), [
    "a@0:healthy",
    "b@0:healthy",
  ]);
});

test("who wins an address does not hang on the order of arrival, but on that of the registries", () => {
  const address = "10.9.9.9";
  const [strong, weak] = [
    { registry: "z-strong", scope: "s" },
    { registry: "a-weak", scope: "s" },
  ];
  const both = [instance("a", { address, source: weak }), instance("b", { address, source: strong })];
  for (const instances of [both, both.toReversed()]) {
    const { localities } = reach({ ...service(...instances), sources: [strong, weak] }, "http", client());
    assert.deepEqual(
      localities.flatMap(({ endpoints }) => endpoints.map((one) => one.instance.id)),
      ["b"],
    );
  }
});

test("the weights of a priority stay within 2^32-1 together, and a note says what was changed", () => {
  const zones = ["a", "a", "b"].map((zone, i) => instance(`i${i}`, { weight: 2 ** 31, ...at("eu", zone) }));
  const { localities, decisions } = reach(service(...zones), "http", client("gateway", locality()));
  const sum = localities.reduce((total, { weight }) => total + weight, 0);
  assert.ok(sum <= 2 ** 32 - 1 && sum > 2 ** 32 * 0.99, String(sum));
  assert.deepEqual(
    localities.map(({ weight, endpoints }) => weight / (endpoints[0]?.weight ?? 0)),
    [2, 1],
  );
  for (const { verdict } of decisions()) {
    assert.ok(verdict.kind === "included");
    assert.equal(verdict.weight, localities[0]?.endpoints[0]?.weight);
    assert.match(verdict.notes.join("; "), /its weight 2147483648 is sent as \d+/);
  }
});

test("a locality's weight is the sum of its endpoints', within Envoy's bound", () => {
  const { localities } = reach(
    service(instance("a", { weight: 3 }), instance("b", { weight: 4 }), instance("c", at("eu", "b"))),
    "http",
    client(),
  );
  assert.deepEqual(
    localities.map(({ priority, weight }) => [priority, weight]),
    [
      [0, 7],
      [1, 1],
    ],
  );
});

const arbitraryInstance = fc
  .record({
    region: fc.constantFrom("eu", "us", ""),
    zone: fc.constantFrom("a", "b", ""),
    cluster: fc.constantFrom("c1", "c2"),
    network: fc.constantFrom("default", "default", "n2"),
    health: fc.constantFrom(...HEALTH),
    weight: fc.oneof(fc.integer({ min: 1, max: 1_000_000 }), fc.constant(2 ** 32 - 1)),
    address: fc.integer({ min: 1, max: 8 }),
    held: fc.boolean(),
  })
  .map(({ region, zone, address, held, ...rest }) => ({
    ...rest,
    locality: locality({ region, zone }),
    address: `10.0.0.${address}`,
    ...(held ? hold : {}),
  }));
const arbitraryService = fc
  .array(arbitraryInstance, { maxLength: 20 })
  .map((list) => list.map((fields, i) => instance(`i${i}`, fields)));
const arbitraryClient = fc
  .record({ role: fc.constantFrom("gateway" as const, "sidecar" as const, "grpc" as const), region: fc.constantFrom("eu", "") })
  .map(({ role, region }) => client(role, locality({ region, zone: region && "a" })));

test("property: priorities have no gaps, (locality, priority) and addresses are unique, weights within Envoy's bounds", () => {
  fc.assert(
    fc.property(arbitraryService, arbitraryClient, (instances, asking) => {
      const { localities, decisions } = reach(service(...instances), "http", asking);
      assert.equal(decisions().length, instances.length);
      const priorities = [...new Set(localities.map(({ priority }) => priority))].sort((a, b) => a - b);
      assert.deepEqual(
        priorities,
        priorities.map((_, i) => i),
      );
      const keys = localities.map((group) => `${group.priority} ${localityName(group.locality)}`);
      assert.equal(new Set(keys).size, keys.length);
      const addresses = localities.flatMap(({ endpoints }) => endpoints.map(({ address, port }) => `${address}:${port}`));
      assert.equal(new Set(addresses).size, addresses.length);
      for (const { weight, endpoints } of localities) {
        assert.ok(endpoints.length > 0);
        assert.ok(endpoints.every((one) => Number.isInteger(one.weight) && one.weight >= 1));
        assert.equal(
          weight,
          endpoints.reduce((sum, one) => sum + one.weight, 0),
        );
      }
      for (const level of priorities) {
        const peers = localities.filter(({ priority }) => priority === level);
        assert.ok(peers.reduce((sum, { weight }) => sum + weight, 0) <= 2 ** 32 - 1);
      }
    }),
    { numRuns: 1000 },
  );
});

test("property: every address that some included instance could have is served", () => {
  fc.assert(
    fc.property(arbitraryService, (instances) => {
      const { localities } = reach(service(...instances), "http", client());
      const served = new Set(localities.flatMap(({ endpoints }) => endpoints.map(({ address }) => address)));
      const wanted = new Set(instances.filter(({ network }) => network === "default").map(({ address }) => address));
      assert.deepEqual([...served].sort(), [...wanted].sort());
    }),
  );
});

const endpointsOf = (instances: readonly CatalogInstance[], asking: Client) =>
  reach(service(...instances), "http", asking).localities.flatMap(({ endpoints }) => endpoints);

test("property: the order in which instances come changes nothing", () => {
  const shuffled = arbitraryService.chain((instances) =>
    fc.record({
      instances: fc.constant(instances),
      other: fc.shuffledSubarray(instances, { minLength: instances.length, maxLength: instances.length }),
    }),
  );
  fc.assert(
    fc.property(shuffled, arbitraryClient, ({ instances, other }, asking) => {
      const [a, b] = [reach(service(...instances), "http", asking), reach(service(...other), "http", asking)];
      assert.deepEqual(a.localities, b.localities);
      const byId = ({ decisions }: typeof a) => new Map(decisions().map((decision) => [decision.instance.id, decision.verdict]));
      assert.deepEqual(byId(a), byId(b));
    }),
    { numRuns: 500 },
  );
});

test("property: a hold that ends because the instance is named again never lowers the number of endpoints", () => {
  fc.assert(
    fc.property(arbitraryService, arbitraryClient, (instances, asking) => {
      const before = endpointsOf(instances, asking).length;
      for (const [index, { hold: _, ...named }] of instances.entries())
        assert.ok(endpointsOf(instances.with(index, named), asking).length >= before);
    }),
  );
});

test("property: an address is told of with the best health that any of its records has", () => {
  const grade = ({ health, hold: held }: CatalogInstance) =>
    !["unknown", "healthy", "degraded"].includes(health) ? 2 : held !== undefined || health === "degraded" ? 1 : 0;
  fc.assert(
    fc.property(arbitraryService, (instances) => {
      for (const { instance: winner, address } of endpointsOf(instances, client())) {
        const records = instances.filter((one) => one.address === address && one.network === "default");
        assert.equal(grade(winner), Math.min(...records.map(grade)));
      }
    }),
  );
});

test("instances that nobody could confirm for long come after others: degraded first, last of all later", () => {
  const stale = (stage: "degraded" | "last") => ({ stale: { stage, since: 0 } });
  const all = () => [
    instance("old", stale("last")),
    instance("older", { ...stale("degraded"), ...at("us", "x", "c2") }),
    instance("live", at("us", "x", "c2")),
  ];
  assert.deepEqual(shown(all()), ["old@1:degraded", "older@0:degraded", "live@0:healthy"]);
  assert.deepEqual(shown(all(), client("grpc")), ["old@2:healthy", "older@1:healthy", "live@0:healthy"]);
  assert.deepEqual(shown([instance("only", stale("last"))]), ["only@0:degraded"], "alone it is all there is");
});

test("Pods that still serve while they drain are used when nothing else is ready, and not before", () => {
  const draining = (id: string, labels = {}) => instance(id, { health: "draining", labels });
  const serving = { "meshbridge.io/serving": "true" };
  assert.deepEqual(shown([draining("a", serving), instance("b")]), ["a@0:draining", "b@0:healthy"]);
  assert.deepEqual(shown([draining("a", serving), draining("b"), instance("c", { health: "unhealthy" })]), [
    "a@0:degraded",
    "b@0:draining",
    "c@0:unhealthy",
  ]);
  assert.deepEqual(shown([draining("a", serving)], client("grpc")), ["a@0:healthy"]);
});

test("complete topology hints decide which zone an instance is meant for, wherever it runs", () => {
  const hinted = (id: string, zones: string, zone: string) =>
    instance(id, { labels: { "meshbridge.io/hint-zones": zones }, locality: locality({ region: "eu", zone }) });
  assert.deepEqual(shown([hinted("here", "b", "a"), hinted("there", "a,c", "b")]), ["here@1:healthy", "there@0:healthy"]);
});
