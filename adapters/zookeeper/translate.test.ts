import assert from "node:assert/strict";
import { test } from "node:test";
import type { Resolution } from "../../src/kernel/resolver.ts";
import { registrySettings } from "../../src/registry/testing.ts";
import type { ReadInstance, ReadService } from "./formats/types.ts";
import { type TranslateOptions, translate } from "./translate.ts";

const INSTANCE: ReadInstance = { id: "a", host: "10.0.0.1", ports: { dubbo: 20880 }, health: "healthy", weight: 100, labels: {} };
const SERVICE: ReadService = {
  scope: "com.acme.Pay",
  name: "com.acme.Pay",
  ports: [{ name: "dubbo", protocol: "TCP" }],
  labels: { group: "blue" },
  instances: [INSTANCE],
  rejected: [],
};
const HOSTS: ReadonlyMap<string, Resolution> = new Map<string, Resolution>([
  ["up.example.com", { address: "10.0.0.9" }],
  ["slow.example.com", "pending"],
  ["none.example.com", { reason: "no such host", doubtful: false }],
  ["silent.example.com", { reason: "nobody answered", doubtful: true }],
]);

function run(instances: readonly ReadInstance[], more: Partial<TranslateOptions> = {}) {
  const options: TranslateOptions = {
    registry: "zk",
    path: "/dubbo",
    settings: registrySettings({ locality: { region: "eu", zone: "a", subZone: "rack1" } }),
    resolve: (host) => HOSTS.get(host) ?? { address: host },
    now: 1_000_000,
    knownPorts: [],
    ...more,
  };
  return translate({ ...SERVICE, instances }, options);
}

test("a service becomes one group of its own source", () => {
  const { group } = run([INSTANCE]);
  assert.deepEqual(group, {
    source: { registry: "zk", scope: "dubbo/com.acme.Pay" },
    service: { namespace: "default", name: "com.acme.Pay" },
    ports: [{ name: "dubbo", port: 20880, protocol: "TCP", inferred: true }],
    labels: { group: "blue" },
    nameWords: { path: "dubbo" },
    instances: [
      {
        ...{ id: "a", address: "10.0.0.1", ports: { dubbo: 20880 }, cluster: "c1", network: "default" },
        ...{ locality: { region: "eu", zone: "a", subZone: "rack1" }, health: "healthy", weight: 100, labels: {} },
      },
    ],
  });
});

const localities: readonly (readonly [string, Partial<ReadInstance>, readonly [string, string, string]])[] = [
  ["nothing said: the registry's", {}, ["eu", "a", "rack1"]],
  ["another zone: not our rack", { zone: "b" }, ["eu", "b", ""]],
  ["another region: neither our zone nor our rack", { region: "us" }, ["us", "", ""]],
  ["our own region and zone, said aloud", { region: "eu", zone: "a" }, ["eu", "a", "rack1"]],
  ["both of its own", { region: "us", zone: "x" }, ["us", "x", ""]],
];
for (const [title, fields, expected] of localities)
  test(`locality: ${title}`, () => {
    const [instance] = run([{ ...INSTANCE, ...fields }]).group.instances;
    assert.deepEqual(Object.values(instance?.locality ?? {}), expected);
  });

test("host names become addresses; what has none is left out, and it is told apart why", () => {
  const read = run(["up", "none", "silent"].map((name) => ({ ...INSTANCE, id: name, host: `${name}.example.com` })));
  assert.deepEqual(
    read.group.instances.map(({ id, address }) => [id, address]),
    [["up", "10.0.0.9"]],
  );
  assert.deepEqual(
    read.rejected.map(({ reason }) => reason),
    ["no such host", "nobody answered"],
  );
  assert.deepEqual([read.doubtful, read.pending, read.hosts.size], [true, false, 3]);
  assert.equal(run([{ ...INSTANCE, host: "slow.example.com" }]).pending, true);
  assert.equal(run([{ ...INSTANCE, host: "none.example.com" }]).doubtful, false);
});

test("the port is the lowest that is one, and stays while there is no instance", () => {
  const ports = [{ dubbo: 20882 }, { dubbo: 20881 }, { dubbo: 0 }, { other: 1 }];
  const { group } = run(ports.map((own, at) => ({ ...INSTANCE, id: `${at}`, ports: own })));
  assert.equal(group.ports[0]?.port, 20881);
  assert.deepEqual(run([]).group.ports, []);
  assert.deepEqual(run([], { knownPorts: group.ports }).group.ports, group.ports);
});

test("the weight of what has just started grows", () => {
  const warmup = { startedAt: 700_000, warmupMs: 600_000 };
  const read = run([{ ...INSTANCE, warmup }]);
  assert.deepEqual([read.group.instances[0]?.weight, read.warming], [50, true]);
  assert.equal(run([{ ...INSTANCE, warmup }], { now: 2_000_000 }).warming, false);
});
