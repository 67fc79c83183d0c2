/** What the sidecar writes is read by the clients that others have written: Curator's and Dubbo's own code, Consul's DNS and API. */
import assert from "node:assert/strict";
import { Resolver } from "node:dns/promises";
import { test } from "node:test";
import { startConsul } from "../support/consul.ts";
import { eventually } from "../support/eventually.ts";
import { compileClients } from "../support/java-client.ts";
import { requireServers } from "../support/require-server.ts";
import { startSidecar, startWorkload } from "../support/sidecar.ts";
import { startZooKeeper } from "../support/zookeeper.ts";

const { skip } = requireServers("zookeeper");
const consulOnly = requireServers("consul");

test("Apache Curator's service discovery, and a Dubbo consumer's registry and service discovery, find what is written", {
  skip,
}, async () => {
  await using scope = new AsyncDisposableStack();
  const [zk, java, workload] = await Promise.all([startZooKeeper({}, scope), compileClients(scope), startWorkload(scope)]);
  workload.ready = true;
  const shared = { kind: "zookeeper", servers: [zk.address] };
  const targets = [
    { name: "curator", ...shared, format: "curator", path: "/curator" },
    { name: "dubbo", ...shared, format: "dubbo" },
    { name: "dubbo-app", ...shared, format: "dubbo-app" },
  ];
  const service = { name: "com.acme.Web", protocol: "dubbo", weight: 7 };
  const sidecar = await startSidecar({ pod: "web-1", workload, targets, service }, scope);
  await eventually("it is registered in all formats", async () =>
    assert.ok((await sidecar.registrations()).targets.every(({ settled }) => settled)),
  );
  const at = `127.0.0.1:${workload.port}`;
  assert.deepEqual(await java.run("CuratorClient", zk.address, "/curator"), [`com.acme.Web http://${at} DYNAMIC true`]);
  assert.deepEqual(await java.run("DubboConsumer", zk.address, "com.acme.Web", "com.acme.Web"), [
    `provider dubbo ${at} com.acme.Web weight=7`,
    `instance com.acme.Web ${at} [{"port":${workload.port},"protocol":"dubbo"}]`,
  ]);
});

test("a plain query to Consul's DNS and to its API finds what is written", { skip: consulOnly.skip }, async () => {
  await using scope = new AsyncDisposableStack();
  const [consul, workload] = [await startConsul({ dns: true }, scope), await startWorkload(scope)];
  workload.ready = true;
  const target = { name: "consul", kind: "consul", address: consul.url };
  await startSidecar({ pod: "web-1", workload, targets: [target], service: { tags: ["v2"], weight: 7 } }, scope);
  const resolver = new Resolver({ timeout: 2000, tries: 1 });
  resolver.setServers([consul.dnsAddress]);
  await eventually("the address is found by name and by tag", async () => {
    assert.deepEqual(await resolver.resolve4("web.service.consul"), ["127.0.0.1"]);
    assert.deepEqual(await resolver.resolve4("v2.web.service.consul"), ["127.0.0.1"]);
  });
  const [record] = await resolver.resolveSrv("web.service.consul");
  assert.deepEqual([record?.port, record?.weight], [workload.port, 7]);
  const rows =
    await consul.get<readonly { readonly ServiceAddress: string; readonly ServicePort: number }[]>("/v1/catalog/service/web");
  assert.deepEqual(
    rows.map(({ ServiceAddress, ServicePort }) => `${ServiceAddress}:${ServicePort}`),
    [`127.0.0.1:${workload.port}`],
  );
});
