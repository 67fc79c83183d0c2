/**
 * Deployments on a real control plane with KWOK nodes: Kubernetes' own controllers write the slices, and a rolling update
 * of all Pods replaces every host in Envoy without one being held back.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type Edge, startEdge } from "../support/edge.ts";
import { eventually } from "../support/eventually.ts";
import { type Cluster, startKubernetes } from "../support/kubernetes.ts";
import { putDeployment, startNodes } from "../support/kubernetes-nodes.ts";
import { namespaceObject, serviceObject } from "../support/kubernetes-objects.ts";
import { clusterOf } from "../support/names.ts";
import { requireServers } from "../support/require-server.ts";

const WEB = clusterOf("shop/web", "http");
const REPLICAS = 8;
const { skip } = requireServers("envoy", "etcd", "kubernetes", "kwok");

describe("Deployments as Kubernetes' own controllers publish them", { skip }, () => {
  const scope = new AsyncDisposableStack();
  let cluster: Cluster;
  let node: string;
  let edge: Edge;
  /** Hosts that Envoy may use now. */
  const usable = async () =>
    (await edge.envoy.hosts(WEB)).filter(({ health }) => health === "HEALTHY").map(({ address }) => address);
  /** Names of the Pods that the catalog has. */
  const pods = async () =>
    (await edge.bridge.get<{ instances: { id: string }[] }>("/v1/services/shop/web")).instances.map(({ id }) => id);
  const held = async () => (await edge.bridge.get<{ total: number }>("/v1/protection")).total;
  const deploy = (replicas: number, image = "one") => putDeployment(cluster.api, ["shop", "web"], { replicas, node, image });

  before(async () => {
    cluster = (await startKubernetes({ clusters: ["c1"] }, scope)).cluster("c1");
    const nodes = await startNodes(cluster, { zones: ["a"] }, scope);
    node = nodes.names[0] ?? "";
    await cluster.api.apply(namespaceObject("shop"));
    await cluster.api.apply(serviceObject("shop", "web", { spec: { selector: { app: "web" } } }));
    await deploy(REPLICAS);
    edge = await startEdge(
      {
        registries: [{ kind: "kubernetes", name: "k8s", clusters: [{ name: "c1", kubeconfig: "c1.yaml" }] }],
        routes: [{ hosts: ["web.example.com"], service: "shop/web", port: "http" }],
        files: { "c1.yaml": cluster.kubeconfig("reader") },
      },
      scope,
    );
  });
  after(() => scope.disposeAsync());

  test("every ready Pod is a host, in the zone of its node", async () => {
    await eventually("all Pods are hosts", async () => assert.equal((await usable()).length, REPLICAS), { withinMs: 30_000 });
    // The slices' writer sees the node when it sees it; until then an endpoint has no zone.
    await eventually("all are in its zone", async () => {
      const { instances } = await edge.bridge.get<{ instances: { locality: { zone: string } }[] }>("/v1/services/shop/web");
      assert.deepEqual(new Set(instances.map(({ locality }) => locality.zone)), new Set(["a"]));
    });
  });

  test("a rolling update replaces all of them, and nothing is ever held or missing", async () => {
    const old = new Set(await pods());
    let fewest = REPLICAS;
    let mostHeld = 0;
    await deploy(REPLICAS, "two");
    await eventually(
      "all Pods are new ones",
      async () => {
        const now = await usable();
        fewest = Math.min(fewest, now.length);
        mostHeld = Math.max(mostHeld, await held());
        assert.equal(now.length, REPLICAS);
        const names = await pods();
        assert.ok(names.length === REPLICAS && names.every((name) => !old.has(name)), "addresses are used again, names are not");
      },
      { withinMs: 60_000 },
    );
    assert.equal(mostHeld, 0);
    assert.ok(fewest >= REPLICAS * 0.75 - 1, `no more than Kubernetes' own quarter was away: ${fewest} left`);
  });

  test("scaled down to one, the others drain and leave; nothing is held", async () => {
    await deploy(1, "two");
    await eventually("one is left", async () => assert.equal((await edge.envoy.hosts(WEB)).length, 1), { withinMs: 30_000 });
    assert.equal(await held(), 0);
    assert.equal(await edge.envoy.rejectedUpdates(), 0);
  });
});
