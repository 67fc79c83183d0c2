/** The adapter contract against a real API server, and what only a real one can show. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { kubernetes } from "../../adapters/kubernetes/index.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { silentLog } from "../../src/kernel/log.ts";
import { record } from "../../src/registry/contract-recorder.ts";
import { adapterContract, type ContractInstance } from "../../src/registry/contract-suite.ts";
import { registrySettings } from "../../src/registry/testing.ts";
import { type FaultProxy, startFaultProxy } from "../support/fault-proxy.ts";
import { type Cluster, type Kubernetes, startKubernetes } from "../support/kubernetes.ts";
import { namespaceObject, putService, serviceObject, sliceObject } from "../support/kubernetes-objects.ts";
import { requireServers } from "../support/require-server.ts";
import { tempDir } from "../support/temp.ts";

const { skip } = requireServers("kubernetes", "etcd");

/** One control plane for the whole file; each test has a namespace of its own. */
const scope = new AsyncDisposableStack();
let running: Promise<Kubernetes> | undefined;
async function theCluster(): Promise<Cluster> {
  running ??= startKubernetes({ clusters: ["eu"] }, scope);
  return (await running).cluster("eu");
}
after(() => scope.disposeAsync());

interface Access {
  readonly cluster: Cluster;
  readonly namespace: string;
  readonly proxy: FaultProxy;
  readonly kubeconfig: string;
}

/** Through a proxy of its own, with no more rights than are documented. */
async function access(own: AsyncDisposableStack): Promise<Access> {
  const cluster = await theCluster();
  const namespace = `t-${randomUUID().slice(0, 8)}`;
  await cluster.api.apply(namespaceObject(namespace));
  const proxy = await startFaultProxy(cluster.port, own);
  const kubeconfig = join(await tempDir(own, "kubeconfig"), "eu.yaml");
  await writeFile(kubeconfig, cluster.kubeconfig("reader", { server: `https://${proxy.address}` }));
  return { cluster, namespace, proxy, kubeconfig };
}

function watch({ namespace, kubeconfig }: Access, signal: AbortSignal) {
  const context = { name: "k8s", settings: registrySettings(), baseDir: "/", signal, log: silentLog, clock: systemClock };
  return kubernetes.watch({ clusters: [{ name: "eu", kubeconfig }], namespaces: [namespace] }, { ...context, random: () => 0.1 });
}

async function start() {
  const own = new AsyncDisposableStack();
  const rig = await access(own);
  const { namespace, cluster, proxy } = rig;
  const { api } = cluster;
  const written = new Map<string, readonly ContractInstance[]>();
  const sliceOf = (service: string, { address, port }: ContractInstance) =>
    sliceObject(namespace, service, {
      endpoints: [{ address }],
      ports: [{ name: "http", port }],
      suffix: `${address}-${port}`.replaceAll(".", "-"),
    });
  const keyOf = ({ address, port }: ContractInstance) => `${address}:${port}`;
  const putSlices = async (service: string, instances: readonly ContractInstance[]) => {
    const wanted = new Set(instances.map(keyOf));
    for (const instance of instances) await api.apply(sliceOf(service, instance));
    for (const instance of written.get(service) ?? [])
      if (!wanted.has(keyOf(instance))) await api.remove(sliceOf(service, instance));
    written.set(service, instances);
  };
  return {
    watch: (signal: AbortSignal) => watch(rig, signal),
    async put(service: string, instances: readonly ContractInstance[]) {
      if (!written.has(service)) await api.apply(serviceObject(namespace, service));
      await putSlices(service, instances);
    },
    async remove(service: string) {
      await api.remove(serviceObject(namespace, service));
      await putSlices(service, []);
      written.delete(service);
    },
    removeInstance: (service: string, instance: ContractInstance) =>
      putSlices(service, written.get(service)?.filter((one) => keyOf(one) !== keyOf(instance)) ?? []),
    breakRegistry: () => proxy.set({ kind: "refuse" }),
    heal: () => proxy.set({ kind: "pass" }),
    stop: () => own.disposeAsync(),
  };
}

if (skip === false) adapterContract("kubernetes", { start });

describe("kubernetes: a real API server", { skip }, () => {
  test("a change is seen within a second, and what is removed is gone within a second", async () => {
    await using own = new AsyncDisposableStack();
    const rig = await access(own);
    const { cluster, namespace } = rig;
    await putService(cluster.api, [namespace, "web"], { endpoints: [{ address: "10.1.0.1" }, { address: "10.1.0.2" }] });
    const seen = record((signal) => watch(rig, signal));
    own.defer(async () => void (await seen.abort()));
    await seen.until(() => seen.synced > 0, "synced");
    const within = async (what: string, change: Promise<void>, wanted: readonly string[]) => {
      await change;
      const from = performance.now();
      await seen.until(() => seen.endpoints("web")?.join() === wanted.join(), what);
      assert.ok(performance.now() - from < 1000, `${what} took ${Math.round(performance.now() - from)} ms`);
    };
    const slice = (...addresses: readonly string[]) =>
      sliceObject(namespace, "web", { endpoints: addresses.map((address) => ({ address })) });
    await within("a third", cluster.api.apply(slice("10.1.0.1", "10.1.0.2", "10.1.0.3")), [
      "10.1.0.1:80",
      "10.1.0.2:80",
      "10.1.0.3:80",
    ]);
    await within("two less", cluster.api.apply(slice("10.1.0.2")), ["10.1.0.2:80"]);
    assert.equal(seen.evidenceOf("web"), "authoritative");
  });

  test("a list of several pages is one set", async () => {
    await using own = new AsyncDisposableStack();
    const rig = await access(own);
    const { cluster, namespace } = rig;
    const names = Array.from({ length: 620 }, (_, index) => `s-${index}`);
    const body = (name: string) => serviceObject(namespace, name, { clusterIP: "None" });
    for (let at = 0; at < names.length; at += 20)
      await Promise.all(
        names.slice(at, at + 20).map((name) => cluster.api.send("POST", `/api/v1/namespaces/${namespace}/services`, body(name))),
      );
    const seen = record((signal) => watch(rig, signal));
    own.defer(async () => void (await seen.abort()));
    await seen.until(() => seen.synced > 0, "synced");
    assert.equal(seen.groups().length, names.length);
  });

  for (const [what, mode] of [
    ["reset in the midst of a body", { kind: "reset", afterBytes: 200 }],
    ["a black hole", { kind: "black-hole" }],
    ["half-closed", { kind: "half-close" }],
  ] as const)
    test(`${what}: nothing is lost, and it is current within five seconds of its end`, { timeout: 90_000 }, async () => {
      await using own = new AsyncDisposableStack();
      const rig = await access(own);
      const { cluster, namespace, proxy } = rig;
      await putService(cluster.api, [namespace, "web"], { endpoints: [{ address: "10.1.0.1" }] });
      const seen = record((signal) => watch(rig, signal));
      own.defer(async () => void (await seen.abort()));
      await seen.until(() => seen.synced > 0, "synced");
      await proxy.set(mode);
      await cluster.api.apply(sliceObject(namespace, "web", { endpoints: [{ address: "10.1.0.1" }, { address: "10.1.0.2" }] }));
      await seen.until(() => seen.degraded.length > 0, "degraded");
      await proxy.set({ kind: "pass" });
      const healed = performance.now();
      await seen.until(() => seen.endpoints("web")?.join() === "10.1.0.1:80,10.1.0.2:80", "the change");
      assert.ok(performance.now() - healed < 5000, `it took ${Math.round(performance.now() - healed)} ms`);
      assert.deepEqual(seen.losses, []);
    });
});
