/**
 * A real ZooKeeper with records as each kind of provider writes them, a bridge and a real Envoy: every format is there,
 * each change within a second of the write, each removal too.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { assertHosts, type Edge, startEdge } from "../support/edge.ts";
import { eventually } from "../support/eventually.ts";
import { clusterOf } from "../support/names.ts";
import { requireServers } from "../support/require-server.ts";
import { startZooKeeper, type ZooKeeper } from "../support/zookeeper.ts";
import {
  dubboInstance,
  dubboMetadata,
  dubboOverride,
  dubboProvider,
  nerveMember,
  seedService,
  serversetMember,
  springInstance,
  type ZookeeperRecord,
} from "../support/zookeeper-records.ts";
import { connectWriter, type ZooKeeperWriter } from "../support/zookeeper-writer.ts";

const { skip } = requireServers("envoy", "zookeeper");
const ORDER = "com.acme.Order";
const STOCK = "com.acme.Stock";
const BLUE = { "dubbo.group": "blue", "dubbo.methods": "put" };
const place = (index: number) => ({ address: `127.0.1.${index}`, port: 20_000 + index });
const host = (index: number) => `127.0.1.${index}:${20_000 + index}`;

/** Service and port by format, and the record of one more instance of it. */
const FORMATS: readonly (readonly [string, string, string, (index: number) => ZookeeperRecord])[] = [
  ["Dubbo, interface level", ORDER, "dubbo", (index) => dubboProvider(ORDER, place(index), { version: "1.0.0", group: "g" })],
  ["Dubbo 3, application level", "orders-app", "dubbo", (index) => dubboInstance("orders-app", place(index))],
  ["Spring Cloud", "billing", "http", (index) => springInstance("billing", place(index))],
  ["serverset", "web", "http", (index) => serversetMember("/aurora", `web/member_${index}`, place(index))],
  ["nerve", "api", "http", (index) => nerveMember("/nerve", `api/i-${index}`, place(index))],
];

describe("a gateway fed by ZooKeeper", { skip }, () => {
  const scope = new AsyncDisposableStack();
  let zookeeper: ZooKeeper;
  let writer: ZooKeeperWriter;
  let edge: Edge;
  const write = ({ path, data }: ZookeeperRecord) => writer.put(path, data, "ephemeral");
  const shows = (service: string, port: string, expected: readonly string[], withinMs = 1000) =>
    eventually(
      `Envoy shows ${service}`,
      async () => assertHosts(await edge.envoy.hosts(clusterOf(`default/${service}`, port)), expected),
      { withinMs },
    );

  before(async () => {
    zookeeper = await startZooKeeper({}, scope);
    writer = await connectWriter({ address: zookeeper.address }, scope);
    for (const [index, [, , , record]] of FORMATS.entries()) await write(record(index + 1));
    const metadata = dubboMetadata("orders-app", "r1", [STOCK], place(2).port);
    await writer.put(metadata.path, metadata.data);
    const seed = seedService("/seed", "edge", [place(6)]);
    await writer.put(seed.path, seed.data);
    const services = [...FORMATS.map(([, service, port]) => ({ service: `default/${service}`, port }))];
    services.push({ service: `default/${STOCK}`, port: "dubbo" }, { service: "default/edge", port: "http" });
    edge = await startEdge(
      {
        registries: [
          {
            kind: "zookeeper",
            name: "zk",
            servers: [zookeeper.address],
            addresses: { allow: ["127.0.0.0/8"] },
            sessionTimeout: "6s",
            paths: [
              { path: "/dubbo", format: "dubbo" },
              { path: "/dubbo/metadata", format: "dubbo-metadata" },
              { path: "/services" },
              { path: "/aurora" },
              { path: "/nerve" },
              { path: "/seed" },
            ],
          },
        ],
        routes: [
          ...services.map(({ service, port }, index) => ({ hosts: [`s${index}.example.com`], service, port })),
          { hosts: ["blue.example.com"], service: `default/${ORDER}`, labels: BLUE },
        ],
      },
      scope,
    );
  });
  after(() => scope.disposeAsync());

  for (const [index, [name, service, port, record]] of FORMATS.entries())
    test(`${name}: an instance arrives within a second of its write, and leaves so`, async () => {
      const [first, more] = [index + 1, index + 11];
      await shows(service, port, [host(first)], 5000);
      await write(record(more));
      await shows(service, port, [host(first), host(more)]);
      await writer.remove(record(more).path);
      await shows(service, port, [host(first)]);
    });

  test("an application's interfaces are services of their own, by its metadata", async () => {
    await shows(STOCK, "dubbo", [host(2)]);
  });

  test("apisix-seed: the list is replaced as a whole", async () => {
    await shows("edge", "http", [host(6)]);
    const { path, data } = seedService("/seed", "edge", [place(6), place(7)]);
    await writer.put(path, data);
    await shows("edge", "http", [host(6), host(7)]);
  });

  test("an operator's override changes weights, and takes a provider out", async () => {
    const rule = dubboOverride(ORDER, undefined, { weight: "7" });
    await writer.put(rule.path, rule.data);
    await shows(ORDER, "dubbo", [`${host(1)} HEALTHY weight 7`]);
    await writer.remove(rule.path);
    await shows(ORDER, "dubbo", [`${host(1)} HEALTHY weight 100`]);
  });

  test("a route takes the providers of one Dubbo group that have a method, and no others", async () => {
    const blue = dubboProvider(ORDER, place(40), { version: "2.0.0", group: "blue", methods: "get,put" });
    const cluster = clusterOf(`default/${ORDER}`, "dubbo{dubbo.group=blue,dubbo.methods=put}");
    const routed = (expected: readonly string[]) =>
      eventually("Envoy shows the group", async () => assertHosts(await edge.envoy.hosts(cluster), expected), { withinMs: 1000 });
    await routed([]);
    await write(blue);
    await routed([host(40)]);
    await shows(ORDER, "dubbo", [host(1), host(40)]);
    await writer.remove(blue.path);
    await routed([]);
  });

  test("a provider whose session ends is gone when the server says so", async () => {
    const other = await connectWriter({ address: zookeeper.address }, scope);
    const { path, data } = springInstance("billing", place(30));
    await other.put(path, data, "ephemeral");
    await shows("billing", "http", [host(3), host(30)]);
    await other.close();
    await shows("billing", "http", [host(3)]);
  });

  test("what was read has its labels and its source, and Envoy refused nothing", async () => {
    const { instances } = await edge.bridge.get<{ instances: { labels: Record<string, string>; source: { scope: string } }[] }>(
      `/v1/services/default/${ORDER}`,
    );
    assert.equal(instances[0]?.labels["dubbo.version"], "1.0.0");
    assert.equal(instances[0]?.source.scope, `dubbo/${ORDER}:1.0.0:g`);
    assert.equal(await edge.envoy.rejectedUpdates(), 0);
  });
});
