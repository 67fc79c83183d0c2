/**
 * What a real API server does to whoever follows it: forgets old versions (410), is restored from an older snapshot, is
 * without its store, takes rights away, and knows accounts with no more rights than the bridge asks for.
 */
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import { kubernetes as adapter } from "../../adapters/kubernetes/index.ts";
import { rbacManifests } from "../../adapters/kubernetes/rbac.ts";
import type { KubernetesSettings } from "../../adapters/kubernetes/schema.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { silentLog } from "../../src/kernel/log.ts";
import { type Recorder, record } from "../../src/registry/contract-recorder.ts";
import { registrySettings } from "../../src/registry/testing.ts";
import { eventually } from "../support/eventually.ts";
import { type FaultProxy, startFaultProxy } from "../support/fault-proxy.ts";
import { type Cluster, type Kubernetes, startKubernetes } from "../support/kubernetes.ts";
import type { KubernetesObject } from "../support/kubernetes-api.ts";
import { namespaceObject, putService } from "../support/kubernetes-objects.ts";
import { allowReader, denyReader } from "../support/kubernetes-rights.ts";
import { requireServers } from "../support/require-server.ts";
import { tempDir } from "../support/temp.ts";

const { skip } = requireServers("kubernetes", "etcd");

describe("following a real API server", { skip }, () => {
  const scope = new AsyncDisposableStack();
  let kubernetes: Kubernetes;
  let cluster: Cluster;
  before(async () => {
    // Without the watch cache every watch is served from etcd, so that a compaction is felt at once.
    kubernetes = await startKubernetes({ clusters: ["eu"], watchCache: false }, scope);
    cluster = kubernetes.cluster("eu");
  });
  after(() => scope.disposeAsync());
  beforeEach(() => put(["10.1.0.1", "10.1.0.2"]));

  const put = (addresses: readonly string[]) =>
    putService(cluster.api, ["shop", "web"], { endpoints: addresses.map((address) => ({ address })) });

  interface Run {
    readonly seen: Recorder;
    readonly proxy: FaultProxy;
    untilWeb(...addresses: readonly string[]): Promise<void>;
  }
  /** The adapter, synced. */
  const follow = async (own: AsyncDisposableStack, settings: KubernetesSettings = {}, token?: string): Promise<Run> => {
    const proxy = await startFaultProxy(cluster.port, own);
    const kubeconfig = join(await tempDir(own, "kubeconfig"), "eu.yaml");
    const changes = { server: `https://${proxy.address}`, ...(token !== undefined && { token }) };
    await writeFile(kubeconfig, cluster.kubeconfig("reader", changes));
    const context = { name: "k8s", settings: registrySettings(), baseDir: "/", log: silentLog, clock: systemClock };
    const config = { clusters: [{ name: "eu", kubeconfig }], ...settings };
    const seen = record((signal) => adapter.watch(config, { ...context, signal, random: () => 0.3 }));
    own.defer(async () => void (await seen.abort()));
    await seen.until(() => seen.synced > 0, "synced");
    const untilWeb = (...addresses: readonly string[]) => {
      const wanted = addresses.map((address) => `${address}:80`).join();
      return seen.until(() => seen.endpoints("web")?.join() === wanted, wanted);
    };
    return { seen, proxy, untilWeb };
  };

  test("410 after a compaction: listed again, and what left meanwhile leaves", async () => {
    await using own = new AsyncDisposableStack();
    const { seen, proxy, untilWeb } = await follow(own);
    await untilWeb("10.1.0.1", "10.1.0.2");
    await proxy.set({ kind: "refuse" });
    await seen.until(() => seen.degraded.length > 0, "degraded");
    await put(["10.1.0.2", "10.1.0.3"]);
    await kubernetes.etcd.compact();
    await proxy.set({ kind: "pass" });
    const from = performance.now();
    await untilWeb("10.1.0.2", "10.1.0.3");
    assert.ok(performance.now() - from < 5000);
    assert.deepEqual(seen.losses, ["web 10.1.0.1:80"]);
    assert.equal(seen.evidenceOf("web"), "authoritative");
  });

  test("restored from an older snapshot: what is missing then is in doubt", { timeout: 120_000 }, async () => {
    await using own = new AsyncDisposableStack();
    await put(["10.1.0.1"]);
    const copy = await kubernetes.etcd.snapshot();
    await put(["10.1.0.1", "10.1.0.2"]);
    for (let turn = 0; turn < 30; turn++) await cluster.api.apply(namespaceObject("shop", { turn: String(turn) }));
    const { seen, untilWeb } = await follow(own);
    await untilWeb("10.1.0.1", "10.1.0.2");
    await kubernetes.kill();
    await kubernetes.etcd.restore(copy);
    await kubernetes.start();
    await untilWeb("10.1.0.1");
    assert.equal(seen.evidenceOf("web"), "suspect");
    await put(["10.1.0.1", "10.1.0.2"]);
    await untilWeb("10.1.0.1", "10.1.0.2");
  });

  test("etcd is gone, the API server is there: nothing leaves, and it is current within five seconds of its return", async () => {
    await using own = new AsyncDisposableStack();
    const { seen, untilWeb } = await follow(own);
    await untilWeb("10.1.0.1", "10.1.0.2");
    await kubernetes.etcd.kill();
    try {
      // The API server answers from its cache for as long as it likes; how soon it gives up is not ours.
      await seen.until(() => seen.degraded.length > 0, "degraded", 60_000);
    } finally {
      await kubernetes.etcd.start();
    }
    await put(["10.1.0.1", "10.1.0.2", "10.1.0.3"]);
    const from = performance.now();
    await untilWeb("10.1.0.1", "10.1.0.2", "10.1.0.3");
    assert.ok(performance.now() - from < 5000, `${Math.round(performance.now() - from)} ms`);
    assert.deepEqual(seen.losses, []);
  });

  test("rights taken away: nothing leaves; given back, current within five seconds", async () => {
    await using own = new AsyncDisposableStack();
    const { seen, proxy, untilWeb } = await follow(own);
    await untilWeb("10.1.0.1", "10.1.0.2");
    await denyReader(cluster.api);
    own.defer(() => allowReader(cluster.api));
    // An open watch goes on until it ends: rights are looked at when it is opened.
    proxy.resetAll();
    await seen.until(() => seen.degraded.some(({ error }) => /with 403/.test(error.message)), "403");
    await put(["10.1.0.1", "10.1.0.2", "10.1.0.3"]);
    await allowReader(cluster.api);
    const from = performance.now();
    await untilWeb("10.1.0.1", "10.1.0.2", "10.1.0.3");
    assert.ok(performance.now() - from < 5000);
    assert.deepEqual(seen.losses, []);
  });

  const scopes: readonly (readonly [string, KubernetesSettings])[] = [
    ["the whole cluster", {}],
    ["named namespaces", { namespaces: ["shop"] }],
  ];
  for (const [what, settings] of scopes)
    test(`the rights printed for ${what} suffice, and allow nothing else`, async () => {
      await using own = new AsyncDisposableStack();
      const name = what.replaceAll(" ", "-");
      await cluster.api.apply(namespaceObject("meshbridge-system"));
      const account = { namespace: "meshbridge-system", name };
      for (const manifest of rbacManifests(settings, { account, home: false }))
        await cluster.api.apply(manifest as KubernetesObject);
      const token = await tokenFor(name);
      const { untilWeb } = await follow(own, settings, token);
      await untilWeb("10.1.0.1", "10.1.0.2");
      const user = `system:serviceaccount:meshbridge-system:${name}`;
      // The authorizer reads its rules from a cache, which follows what was written a moment later.
      await eventually("the rights count", async () => assert.equal(await may(user, "list", "services", "shop"), true));
      assert.equal(await may(user, "list", "secrets", "shop"), false);
      assert.equal(await may(user, "create", "services", "shop"), false);
      assert.equal(await may(user, "list", "services", "kube-system"), settings.namespaces === undefined);
    });

  const tokenFor = async (name: string): Promise<string> => {
    const path = `/api/v1/namespaces/meshbridge-system/serviceaccounts/${name}/token`;
    const request = { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec: { expirationSeconds: 3600 } };
    return (await cluster.api.send<{ status: { token: string } }>("POST", path, request)).status.token;
  };
  const may = async (user: string, verb: string, resource: string, namespace: string): Promise<boolean> => {
    const review = {
      apiVersion: "authorization.k8s.io/v1",
      kind: "SubjectAccessReview",
      // The support's own grant to all accounts goes by group: what is asked here is the user alone.
      spec: { user, groups: [], resourceAttributes: { verb, resource, namespace } },
    };
    const path = "/apis/authorization.k8s.io/v1/subjectaccessreviews";
    return (await cluster.api.send<{ status: { allowed: boolean } }>("POST", path, review)).status.allowed;
  };
});
