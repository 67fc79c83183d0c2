import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Group } from "../model/group.ts";
import type { Instance } from "../model/instance.ts";
import { UNKNOWN_LOCALITY } from "../model/locality.ts";
import { createAddressRules } from "./address-rules.ts";
import { LIMITS, sanitise } from "./sanitise.ts";

const rules = createAddressRules({ allow: [], deny: [], trusted: false });

const good: Instance = {
  id: "good",
  address: "10.0.0.1",
  ports: { http: 8080 },
  locality: UNKNOWN_LOCALITY,
  cluster: "c1",
  network: "default",
  health: "healthy",
  weight: 1,
  labels: { version: "v1" },
};

const groupOf = (...instances: Instance[]): Group => ({
  source: { registry: "r", scope: "s" },
  service: { namespace: "default", name: "web" },
  ports: [{ name: "http", port: 80, protocol: "HTTP", inferred: false }],
  labels: {},
  instances,
});

/** Values a registry's JSON may hold where the type says otherwise. */
const hostile = (fields: Record<string, unknown>): Instance => ({ ...good, id: "bad", ...fields }) as unknown as Instance;

for (const [name, instance, reason] of [
  ["port 70000", hostile({ ports: { http: 70000 } }), /port http is 70000/],
  ["port 0", hostile({ ports: { http: 0 } }), /port http is 0/],
  ["port -1", hostile({ ports: { http: -1 } }), /port http is -1/],
  ["port 80.5", hostile({ ports: { http: 80.5 } }), /port http is 80.5/],
  ["port as text", hostile({ ports: { http: "80" } }), /port http is 80/],
  ["no port", hostile({ ports: {} }), /no port/],
  ["weight 0", hostile({ weight: 0 }), /weight 0/],
  ["weight NaN", hostile({ weight: Number.NaN }), /weight NaN/],
  ["weight Infinity", hostile({ weight: Number.POSITIVE_INFINITY }), /weight Infinity/],
  ["weight 1e308", hostile({ weight: 1e308 }), /weight 1e\+308/],
  ["weight -1", hostile({ weight: -1 }), /weight -1/],
  ["1 MiB label", hostile({ labels: { big: "x".repeat(1024 * 1024) } }), /label big is longer than 4096/],
  ["label with NUL", hostile({ labels: { a: "\u0000" } }), /label a has control characters/],
  ["label __proto__", hostile({ labels: JSON.parse('{"__proto__":"x"}') }), /label is called __proto__/],
  ["label not text", hostile({ labels: { a: 1 } }), /label a is not text/],
  [
    "too many labels",
    hostile({ labels: Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`k${i}`, "v"])) }),
    /more than 256 labels/,
  ],
  ["loopback", hostile({ address: "127.0.0.1" }), /denied by 127/],
  ["host name", hostile({ address: "web.lan" }), /not an IP address/],
  ["address missing", hostile({ address: undefined }), /address is not text/],
  ["control characters in the id", hostile({ id: "a\nb" }), /id has control characters/],
  ["bidi in the zone", hostile({ locality: { region: "eu", zone: "\u202ea", subZone: "" } }), /zone has control characters/],
  ["lone surrogate", hostile({ labels: { a: "\ud800" } }), /not valid Unicode/],
  ["unknown health", hostile({ health: "fine" }), /health "fine"/],
] as const) {
  test(`a hostile instance is left out, its neighbours are not: ${name}`, () => {
    const { group, rejected } = sanitise(groupOf(good, instance, { ...good, id: "good2", address: "10.0.0.2" }), rules);
    assert.deepEqual(
      group?.instances.map(({ id }) => id),
      ["good", "good2"],
    );
    assert.equal(rejected.length, 1);
    assert.match(rejected[0]?.reason ?? "", reason);
    assert.doesNotMatch(rejected[0]?.record ?? "", /[\p{Cc}]/u);
  });
}

test("a group whose service cannot be named is left out whole", () => {
  for (const name of ["", "a/b", "a b", "..", "\u0000", "x".repeat(300), "-x"]) {
    const { group, rejected } = sanitise({ ...groupOf(good), service: { namespace: "default", name } }, rules);
    assert.equal(group, undefined, name);
    assert.equal(rejected.length, 1);
  }
});

test("the second of two instances with one id is left out", () => {
  const { group, rejected } = sanitise(groupOf(good, { ...good, address: "10.0.0.9" }), rules);
  assert.equal(group?.instances.length, 1);
  assert.match(rejected[0]?.reason ?? "", /same id/);
});

test("a bad port of the service costs that port alone", () => {
  const group = groupOf(good);
  const ports = [...group.ports, { name: "x", port: 99999, protocol: "HTTP" as const, inferred: false }, ...group.ports];
  const result = sanitise({ ...group, ports }, rules);
  assert.deepEqual(result.group?.ports, group.ports);
  assert.equal(result.rejected.length, 2);
});

test("an IPv4-mapped address is served as the IPv4 address", () => {
  const { group } = sanitise(groupOf({ ...good, address: "::ffff:10.0.0.7" }), rules);
  assert.equal(group?.instances[0]?.address, "10.0.0.7");
});

test("property: whatever the instances hold, nothing throws and what is kept is within Envoy's bounds", () => {
  const anything = fc.record({
    id: fc.oneof(fc.string(), fc.anything()),
    address: fc.oneof(fc.ipV4(), fc.ipV6(), fc.anything()),
    ports: fc.dictionary(fc.string(), fc.oneof(fc.integer(), fc.double(), fc.string())),
    locality: fc.record({ region: fc.string(), zone: fc.string(), subZone: fc.string() }),
    cluster: fc.string(),
    network: fc.string(),
    health: fc.oneof(fc.constant("healthy"), fc.string()),
    weight: fc.oneof(fc.integer(), fc.double(), fc.string()),
    labels: fc.dictionary(fc.string(), fc.oneof(fc.string(), fc.integer())),
  });
  fc.assert(
    fc.property(fc.array(anything, { maxLength: 10 }), (instances) => {
      const { group, rejected } = sanitise(groupOf(...(instances as unknown as Instance[])), rules);
      assert.equal((group?.instances.length ?? 0) + rejected.length, instances.length);
      for (const { weight, ports } of group?.instances ?? []) {
        assert.ok(Number.isInteger(weight) && weight >= 1 && weight <= LIMITS.weight);
        for (const port of Object.values(ports)) assert.ok(Number.isInteger(port) && port >= 1 && port <= 65535);
      }
    }),
    { numRuns: 500 },
  );
});
