/**
 * Two real Kubernetes API servers, one bridge that reads both, a real Envoy: what is written into either is there within
 * a second; clusters come and go by their kubeconfig files.
 */
import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import { after, before, describe, test } from "node:test";
import { assertHosts, type Edge, startEdge } from "../support/edge.ts";
import { eventually } from "../support/eventually.ts";
import { type Kubernetes, startKubernetes } from "../support/kubernetes.ts";
import { putService, serviceObject, sliceObject } from "../support/kubernetes-objects.ts";
import { clusterOf } from "../support/names.ts";
import { requireServers } from "../support/require-server.ts";

const WEB = clusterOf("shop/web", "http");
const { skip } = requireServers("envoy", "etcd", "kubernetes");
const ROUTE = { hosts: ["web.example.com"], service: "shop/web", port: "http" };

describe("a gateway fed by two Kubernetes clusters", { skip }, () => {
  const scope = new AsyncDisposableStack();
  let kubernetes: Kubernetes;
  let edge: Edge;
  const api = (cluster: string) => kubernetes.cluster(cluster).api;
  const shows = (expected: readonly string[], withinMs = 1000) =>
    eventually("Envoy shows the hosts", async () => assertHosts(await edge.envoy.hosts(WEB), expected), { withinMs });
  const put = (cluster: string, endpoints: readonly object[]) =>
    putService(api(cluster), ["shop", "web"], { endpoints: endpoints as never, ports: [{ name: "http", port: 9000 }] });
  const state = async () => {
    const { items } = await edge.bridge.get<{ items: { state: string; lastError: { message: string } | null }[] }>(
      "/v1/registries",
    );
    return items[0];
  };

  before(async () => {
    kubernetes = await startKubernetes({ clusters: ["eu", "us"] }, scope);
    await put("eu", [{ address: "10.1.0.1" }]);
    await put("us", [{ address: "10.2.0.1" }]);
    edge = await startEdge(
      {
        registries: [{ kind: "kubernetes", name: "k8s", discover: { directory: "./clusters" } }],
        routes: [ROUTE],
        files: {},
        config: {},
      },
      scope,
      async (workspace) => {
        for (const name of ["eu", "us"])
          await workspace.write(`clusters/${name}.yaml`, kubernetes.cluster(name).kubeconfig("reader"));
      },
    );
  });
  after(() => scope.disposeAsync());

  test("endpoints of both clusters are one Envoy cluster, with the cluster each is of", async () => {
    await shows(["10.1.0.1:9000", "10.2.0.1:9000"], 10_000);
    const { instances } = await edge.bridge.get<{ instances: { cluster: string; source: { scope: string } }[] }>(
      "/v1/services/shop/web",
    );
    assert.deepEqual(
      instances.map(({ cluster, source }) => [cluster, source.scope]),
      [
        ["eu", "eu/shop/web"],
        ["us", "us/shop/web"],
      ],
    );
  });

  test("a ready endpoint arrives within a second, drains, and leaves within a second", async () => {
    await put("eu", [{ address: "10.1.0.1" }, { address: "10.1.0.2" }]);
    await shows(["10.1.0.1:9000", "10.1.0.2:9000", "10.2.0.1:9000"]);
    await put("eu", [
      { address: "10.1.0.1" },
      { address: "10.1.0.2", conditions: { ready: false, serving: true, terminating: true } },
    ]);
    await shows(["10.1.0.1:9000 HEALTHY weight 1", "10.1.0.2:9000 DRAINING weight 1", "10.2.0.1:9000 HEALTHY weight 1"]);
    await put("eu", [{ address: "10.1.0.1" }]);
    await shows(["10.1.0.1:9000", "10.2.0.1:9000"]);
  });

  test("slices are joined, and an address in two of them counts once", async () => {
    const slice = sliceObject("shop", "web", {
      endpoints: [{ address: "10.1.0.1" }, { address: "10.1.0.3" }],
      ports: [{ name: "http", port: 9000 }],
      suffix: "2",
    });
    await api("eu").apply(slice);
    await shows(["10.1.0.1:9000", "10.1.0.3:9000", "10.2.0.1:9000"]);
    await api("eu").remove(slice as never);
    await shows(["10.1.0.1:9000", "10.2.0.1:9000"]);
  });

  test("the API server killed: nothing leaves; back again, changes arrive within five seconds", async () => {
    const eu = kubernetes.cluster("eu");
    await eu.kill();
    await eventually("the registry says so", async () => assert.equal((await state())?.state, "stale"), { withinMs: 5000 });
    await put("us", [{ address: "10.2.0.1" }, { address: "10.2.0.2" }]);
    await shows(["10.1.0.1:9000", "10.2.0.1:9000", "10.2.0.2:9000"]);
    await eu.start();
    await put("eu", [{ address: "10.1.0.1" }, { address: "10.1.0.4" }]);
    await shows(["10.1.0.1:9000", "10.1.0.4:9000", "10.2.0.1:9000", "10.2.0.2:9000"], 5000);
    await eventually("the registry is live", async () => assert.equal((await state())?.state, "live"), { withinMs: 20_000 });
  });

  test("a half-written kubeconfig keeps the cluster; other credentials take over without a gap", async () => {
    const eu = kubernetes.cluster("eu");
    await edge.workspace.write("clusters/eu.yaml", eu.kubeconfig("reader").slice(0, 200));
    await eventually(
      "the registry names the file",
      async () => assert.match((await state())?.lastError?.message ?? "", /eu\.yaml/),
      { withinMs: 10_000 },
    );
    await shows(["10.1.0.1:9000", "10.1.0.4:9000", "10.2.0.1:9000", "10.2.0.2:9000"]);
    await edge.workspace.write("clusters/eu.yaml", eu.kubeconfig("admin"));
    await eventually("the registry is live", async () => assert.equal((await state())?.state, "live"), { withinMs: 20_000 });
    await put("eu", [{ address: "10.1.0.1" }]);
    await shows(["10.1.0.1:9000", "10.2.0.1:9000", "10.2.0.2:9000"]);
  });

  test("a cluster removed by its operator drains, then leaves; the other stays", async () => {
    await rm(edge.workspace.path("clusters/us.yaml"));
    await shows(["10.1.0.1:9000 HEALTHY weight 1", "10.2.0.1:9000 DRAINING weight 1", "10.2.0.2:9000 DRAINING weight 1"], 8000);
    await shows(["10.1.0.1:9000"], 20_000);
    assert.equal(await edge.envoy.rejectedUpdates(), 0);
  });

  test("the last endpoint and the Service itself leave within a second", async () => {
    await put("eu", []);
    await shows([]);
    await api("eu").remove(serviceObject("shop", "web") as never);
    await eventually(
      "the service is gone",
      async () => assert.equal((await edge.bridge.ask("/v1/services/shop/web")).status, 404),
      { withinMs: 1000 },
    );
  });
});
