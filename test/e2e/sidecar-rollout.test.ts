/**
 * Deployments whose Pods are ready only when every registry has them: a rolling update under load through Envoy, which
 * knows of the Pods from Consul alone. The test plays the kubelet: it runs a backend and a sidecar for each Pod.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type Backend, startHttpBackend } from "../support/backend.ts";
import { type Consul, startConsul } from "../support/consul.ts";
import { type Edge, startEdge, WEB_HOST } from "../support/edge.ts";
import { eventually, steadily } from "../support/eventually.ts";
import { type Cluster, startKubernetes } from "../support/kubernetes.ts";
import { startNodes } from "../support/kubernetes-nodes.ts";
import { namespaceObject } from "../support/kubernetes-objects.ts";
import { startLoad } from "../support/load.ts";
import { clusterOf } from "../support/names.ts";
import { requireServers } from "../support/require-server.ts";
import { startSidecar } from "../support/sidecar.ts";
import { replaceFile, tempDir } from "../support/temp.ts";

/** Requests a second. */
const RATE = 30;
const REPLICAS = 2;
const WEB = clusterOf("default/web", "http");
const { skip } = requireServers("envoy", "consul", "etcd", "kubernetes", "kwok");

interface Pod {
  readonly metadata: { readonly name: string; readonly uid: string; readonly deletionTimestamp?: string };
  readonly spec: { readonly containers: readonly { readonly image: string }[] };
  readonly status: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

describe("a rolling update with the readiness gate", { skip }, () => {
  const scope = new AsyncDisposableStack();
  const backends = new Map<string, Backend>();
  const running: Promise<unknown>[] = [];
  let cluster: Cluster;
  let consul: Consul;
  let edge: Edge;
  let kubeconfig: string;
  let node: string;
  let playing = true;

  const pods = async () =>
    (await cluster.api.send<{ readonly items: readonly Pod[] }>("GET", "/api/v1/namespaces/shop/pods")).items;
  const isReady = ({ status: { conditions = [] } }: Pod) =>
    conditions.some(({ type, status }) => type === "Ready" && status === "True");
  const usable = async () => (await edge.envoy.hosts(WEB)).filter(({ health }) => health === "HEALTHY");
  const deploy = (image: string) =>
    cluster.api.apply({
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name: "web", namespace: "shop" },
      spec: {
        replicas: REPLICAS,
        strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
        selector: { matchLabels: { app: "web" } },
        template: {
          metadata: { labels: { app: "web" } },
          spec: {
            nodeName: node,
            containers: [{ name: "main", image }],
            readinessGates: [{ conditionType: "meshbridge.io/registered" }],
          },
        },
      },
    });
  /** One Pod: KWOK deletes it without grace, which its sidecar sees by itself; the workload ends after the sidecar. */
  const runPod = async ({ metadata: { name, uid }, spec }: Pod, backend: Backend) => {
    // Pods of this image have a registry that nobody answers for.
    const address = spec.containers[0]?.image === "nowhere" ? "http://127.0.0.1:9" : consul.url;
    const sidecar = await startSidecar(
      {
        pod: name,
        workload: { port: backend.port, ready: true },
        targets: [{ name: "consul", kind: "consul", address }],
        env: { POD_NAMESPACE: "shop", POD_UID: uid },
        more: { readiness: undefined, kubernetes: { kubeconfig } },
      },
      scope,
    );
    for (let left = false; playing && !left; ) {
      await new Promise((resolve) => setTimeout(resolve, 200));
      const { leaving, offer } = await sidecar.registrations();
      left = leaving && offer === "absent";
    }
    await sidecar.program.stop();
    await backend.close();
  };
  const playKubelet = async () => {
    while (playing) {
      for (const pod of await pods()) {
        if (backends.has(pod.metadata.uid)) continue;
        const backend = await startHttpBackend(scope, { name: pod.metadata.name });
        backends.set(pod.metadata.uid, backend);
        // Of a Pod that is gone before its sidecar is up, nothing is left to be run.
        running.push(runPod(pod, backend).catch((error) => (playing ? assert.fail(String(error)) : undefined)));
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  };
  before(async () => {
    cluster = (await startKubernetes({ clusters: ["c1"] }, scope)).cluster("c1");
    node = (await startNodes(cluster, { zones: ["a"] }, scope)).names[0] ?? "";
    consul = await startConsul({}, scope);
    const dir = await tempDir(scope, "kubeconfig");
    kubeconfig = `${dir}/kubeconfig`;
    await replaceFile(kubeconfig, cluster.kubeconfig("admin"));
    await cluster.api.apply(namespaceObject("shop"));
    running.push(playKubelet());
    await deploy("one");
    edge = await startEdge(
      { registries: [{ kind: "consul", name: "consul", address: consul.url, addresses: { allow: ["127.0.0.0/8"] } }] },
      scope,
    );
  });
  after(async () => {
    playing = false;
    await Promise.allSettled(running);
    await scope.disposeAsync();
  });

  test("Pods are ready when Consul has them, and Envoy has them then", async () => {
    await eventually("all are ready", async () => assert.equal((await pods()).filter(isReady).length, REPLICAS), {
      withinMs: 60_000,
    });
    await eventually("Envoy has all", async () => assert.equal((await usable()).length, REPLICAS));
  });

  test("rolling over all Pods fails no request", async (t) => {
    const old = new Set((await pods()).map(({ metadata }) => metadata.uid));
    const load = startLoad({ url: edge.url, host: WEB_HOST, rate: RATE }, scope);
    await deploy("two");
    const rolled = await eventually(
      "all Pods are new ones, and ready",
      async () => {
        const now = await pods();
        assert.ok(now.length === REPLICAS && now.every((pod) => isReady(pod) && !old.has(pod.metadata.uid)));
        assert.equal((await usable()).length, REPLICAS);
      },
      { withinMs: 90_000 },
    );
    const { sent, failures } = await load.stop();
    t.diagnostic(`rolled in ${rolled} ms, ${sent} requests, ${failures.length} failed`);
    assert.deepEqual(failures, []);
    assert.ok(sent >= (RATE * rolled) / 2000, "half of what was to be sent was sent");
  });

  test("registration withheld: the rollout waits, and the Pods of before serve on", async () => {
    const before = new Set((await pods()).map(({ metadata }) => metadata.uid));
    const load = startLoad({ url: edge.url, host: WEB_HOST, rate: RATE }, scope);
    await deploy("nowhere");
    await eventually("a new Pod is there", async () => assert.equal((await pods()).length, REPLICAS + 1), { withinMs: 20_000 });
    await steadily("it is not ready, and none of before leaves", 6000, async () => {
      const now = await pods();
      assert.equal(now.length, REPLICAS + 1);
      assert.ok(now.every((pod) => isReady(pod) === before.has(pod.metadata.uid)));
    });
    assert.deepEqual((await load.stop()).failures, []);
    assert.equal((await usable()).length, REPLICAS);
  });
});
