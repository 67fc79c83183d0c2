/**
 * One service whose instances are in Consul, in ZooKeeper (as Dubbo and as Spring Cloud) and in two Kubernetes clusters: one
 * Envoy cluster, each endpoint with its origin, its locality and the priority that follows from it.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { startConsul } from "../support/consul.ts";
import { startEdge } from "../support/edge.ts";
import { eventually } from "../support/eventually.ts";
import { startKubernetes } from "../support/kubernetes.ts";
import { putService } from "../support/kubernetes-objects.ts";
import { clusterOf } from "../support/names.ts";
import { requireServers } from "../support/require-server.ts";
import { startZooKeeper } from "../support/zookeeper.ts";
import { dubboProvider, springInstance } from "../support/zookeeper-records.ts";
import { connectWriter } from "../support/zookeeper-writer.ts";

const { skip } = requireServers("envoy", "consul", "zookeeper", "etcd", "kubernetes");

interface Explained {
  readonly instances: readonly {
    readonly seenIn: string;
    readonly address: string;
    readonly priority: number;
    readonly cluster: string;
    readonly locality: { readonly region: string; readonly zone: string };
  }[];
}

test("one service of four registries is one Envoy cluster", { skip }, async () => {
  await using scope = new AsyncDisposableStack();
  const [consul, zookeeper, kubernetes] = await Promise.all([
    startConsul({}, scope),
    startZooKeeper({}, scope),
    startKubernetes({ clusters: ["near", "far"] }, scope),
  ]);
  const writer = await connectWriter({ address: zookeeper.address }, scope);
  await consul.register({ ID: "web-1", Name: "web", Address: "10.0.0.1", Port: 8001 });
  const dubbo = dubboProvider("web", { address: "10.0.1.1", port: 8002 }, {}, "http");
  const spring = springInstance("web", { address: "10.0.2.1", port: 8003 }, { instance_status: "UP", zone: "b" });
  await writer.put(dubbo.path, dubbo.data, "ephemeral");
  await writer.put(spring.path, spring.data, "ephemeral");
  await putService(kubernetes.cluster("near").api, ["default", "web"], {
    endpoints: [{ address: "10.0.3.1", zone: "a" }],
    ports: [{ name: "http", port: 8004 }],
  });
  await putService(kubernetes.cluster("far").api, ["default", "web"], {
    endpoints: [{ address: "10.0.4.1" }],
    ports: [{ name: "http", port: 8005 }],
  });

  const edge = await startEdge(
    {
      registries: [
        { kind: "consul", name: "consul", address: consul.url, locality: { region: "eu", zone: "a" } },
        { kind: "zookeeper", name: "zk", servers: [zookeeper.address], locality: { region: "eu" } },
        {
          kind: "kubernetes",
          name: "k8s",
          clusters: [
            { name: "near", kubeconfig: "near.yaml", locality: { region: "eu" } },
            { name: "far", kubeconfig: "far.yaml", locality: { region: "us" } },
          ],
        },
      ],
      config: { mesh: { locality: { region: "eu", zone: "a" } } },
      files: Object.fromEntries(["near", "far"].map((name) => [`${name}.yaml`, kubernetes.cluster(name).kubeconfig("reader")])),
    },
    scope,
  );

  const all = ["10.0.0.1:8001", "10.0.1.1:8002", "10.0.2.1:8003", "10.0.3.1:8004", "10.0.4.1:8005"];
  await eventually(
    "Envoy has them all in one cluster",
    async () =>
      assert.deepEqual((await edge.envoy.hosts(clusterOf("default/web", "http"))).map(({ address }) => address).sort(), all),
    { withinMs: 15_000 },
  );
  const [gateway] = (await edge.bridge.get<{ items: { id: string }[] }>("/v1/proxies")).items;
  const { instances } = await edge.bridge.get<Explained>(`/v1/explain?service=default/web&port=http&node=${gateway?.id}`);
  assert.deepEqual(
    instances
      .map(
        ({ address, seenIn, cluster, locality: { region, zone }, priority }) =>
          `${address} ${seenIn} ${cluster} ${region}/${zone} P${priority}`,
      )
      .sort(),
    [
      "10.0.0.1 consul/dc1/web c1 eu/a P0",
      "10.0.1.1 zk/dubbo/web:: c1 eu/ P1",
      "10.0.2.1 zk/services/web c1 eu/b P1",
      "10.0.3.1 k8s/near/default/web near eu/a P0",
      "10.0.4.1 k8s/far/default/web far us/ P2",
    ],
  );
  assert.equal(await edge.envoy.rejectedUpdates(), 0);
});
