/** What holds for any Service and slices, hostile ones included. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { KubeEndpoint, KubeEndpointSlice, KubeService } from "../objects.ts";
import { translateService } from "./index.ts";
import { kubeEndpoint, kubePort, kubeService, kubeSlice, slicePort, translateContext } from "./testing.ts";
import type { TranslateContext } from "./types.ts";

const word = fc.constantFrom(
  "",
  "a",
  "b",
  "10.0.0.1",
  "a/ipv6",
  "10.0.0.1#80",
  "a~2",
  "__proto__",
  "constructor",
  "http",
  "\u202e\n",
);
const maybe = <T>(values: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(values, { nil: undefined });
const portNumber = fc.constantFrom(0, 80, 81, 3306, 65_536, Number.NaN);
const transport = fc.constantFrom("TCP", "TCP", "TCP", "UDP", "");
const address = fc.constantFrom("10.0.0.1", "10.0.0.2", "fd00::1", "fd00::2", "", "not an address");
const flags = fc.record({ ready: fc.boolean(), serving: fc.boolean(), terminating: fc.boolean() }, { requiredKeys: [] });
const appProtocol = maybe(fc.constantFrom("http", "kubernetes.io/h2c", "x/y", ""));

const endpoint: fc.Arbitrary<KubeEndpoint> = fc
  .record({
    address,
    conditions: flags,
    hostname: maybe(word),
    nodeName: maybe(word),
    zone: maybe(word),
    podName: maybe(word),
    hintZones: fc.array(word, { maxLength: 2 }),
    hintNodes: fc.array(word, { maxLength: 2 }),
  })
  .map((fields) => kubeEndpoint(fields.address, fields));

const slice: fc.Arbitrary<KubeEndpointSlice> = fc
  .record({
    name: word,
    addressType: fc.constantFrom("IPv4", "IPv4", "IPv6", "FQDN", "__proto__"),
    ports: fc.uniqueArray(
      fc.record({ name: word, port: maybe(portNumber), transport, appProtocol }).map((fields) => slicePort(fields)),
      { maxLength: 3, selector: ({ name }) => name },
    ),
    endpoints: fc.array(endpoint, { maxLength: 5 }),
  })
  .map(({ endpoints, ...fields }) => kubeSlice(endpoints, fields));

const service: fc.Arbitrary<KubeService> = fc
  .record({
    type: fc.constantFrom("ClusterIP", "ClusterIP", "ClusterIP", "ExternalName", ""),
    headless: fc.boolean(),
    externalName: maybe(word),
    publishNotReadyAddresses: fc.boolean(),
    trafficDistribution: maybe(word),
    labels: fc.dictionary(word, word),
    annotations: fc.dictionary(word, word),
    ports: fc.array(
      fc.record({ name: word, port: portNumber, transport, appProtocol }).map((fields) => kubePort(fields)),
      { maxLength: 4 },
    ),
  })
  .map((fields) => kubeService(fields));

const context: fc.Arbitrary<TranslateContext> = fc
  .record({
    family: fc.constantFrom("ipv4" as const, "ipv6" as const, "both" as const),
    headlessPods: fc.boolean(),
    hints: fc.boolean(),
    resolved: fc.dictionary(word, fc.array(address, { maxLength: 3 })),
  })
  .map((fields) => translateContext(fields));

const world = fc.tuple(service, fc.array(slice, { maxLength: 4 }), context);
const shuffled = world.chain(([kube, slices, how]) => {
  const inner = slices.map((one) =>
    fc
      .shuffledSubarray([...one.endpoints], { minLength: one.endpoints.length })
      .map((endpoints): KubeEndpointSlice => ({ ...one, endpoints })),
  );
  const other = fc.tuple(...inner).chain((list) => fc.shuffledSubarray(list, { minLength: list.length }));
  return fc.tuple(fc.constant(kube), fc.constant(slices), other, fc.constant(how));
});

test("the order of slices and of endpoints does not count", () => {
  fc.assert(
    fc.property(shuffled, ([kube, slices, other, how]) => {
      assert.deepEqual(translateService(kube, other, how), translateService(kube, slices, how));
    }),
    { numRuns: 2000 },
  );
});

test("there is always the Service's own group, and ids and port names are unique in every group", () => {
  fc.assert(
    fc.property(world, ([kube, slices, how]) => {
      const { groups } = translateService(kube, slices, how);
      assert.equal(groups[0]?.source.scope, "east/shop/checkout");
      assert.equal(new Set(groups.map(({ source }) => source.scope)).size, groups.length);
      for (const { instances, ports } of groups) {
        assert.equal(new Set(instances.map(({ id }) => id)).size, instances.length);
        assert.equal(new Set(ports.map(({ name }) => name)).size, ports.length);
      }
    }),
    { numRuns: 2000 },
  );
});

test("an instance has an address, a number and a standing that some slice gives it, and only ports of the Service", () => {
  fc.assert(
    fc.property(world, ([kube, slices, how]) => {
      const [group] = translateService({ ...kube, type: "ClusterIP" }, slices, how).groups;
      const said = slices.flatMap(({ endpoints, ports }) => endpoints.map((one) => ({ one, ports })));
      for (const { address: at, ports, health } of group?.instances ?? []) {
        const same = said.filter(({ one }) => one.address === at);
        for (const [name, port] of Object.entries(ports)) {
          assert.ok(group?.ports.some((declared) => declared.name === name));
          assert.ok(same.some((slicePorts) => slicePorts.ports.some((given) => Object.is(given.port, port))));
        }
        const alive = same.some(({ one: { conditions } }) => conditions.ready ?? true);
        if (health === "healthy") assert.ok(kube.publishNotReadyAddresses || alive);
      }
    }),
    { numRuns: 2000 },
  );
});

test("with a preference for one family no Pod has two instances", () => {
  fc.assert(
    fc.property(world, ([kube, slices, how]) => {
      const family = how.family === "both" ? "ipv4" : how.family;
      const [group] = translateService(kube, slices, { ...how, family }).groups;
      const pods = (group?.instances ?? []).flatMap(({ labels }) => labels["kubernetes.pod"] ?? []);
      assert.equal(new Set(pods).size, pods.length);
    }),
    { numRuns: 1000 },
  );
});
