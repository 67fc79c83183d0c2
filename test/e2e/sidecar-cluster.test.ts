/** The cluster scope against real registries: Kubernetes into Consul and ZooKeeper, Consul into Kubernetes, take-overs, a ring. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { type Consul, startConsul, TTL_CHECK } from "../support/consul.ts";
import { eventually, steadily } from "../support/eventually.ts";
import { type Cluster, startKubernetes } from "../support/kubernetes.ts";
import { serviceObject, sliceObject } from "../support/kubernetes-objects.ts";
import { requireServers } from "../support/require-server.ts";
import { type SyncProcess, startSync } from "../support/sidecar-cluster.ts";
import { replaceFile, tempDir } from "../support/temp.ts";
import { startZooKeeper } from "../support/zookeeper.ts";
import { connectWriter, type ZooKeeperWriter } from "../support/zookeeper-writer.ts";

const { skip } = requireServers("zookeeper", "consul", "etcd", "kubernetes");
const ring = requireServers("zookeeper", "consul");

interface Row {
  readonly Service: { readonly Address: string; readonly Port: number };
}

async function inConsul(consul: Consul, service: string): Promise<readonly string[]> {
  const rows = await consul.get<readonly Row[]>(`/v1/health/service/${service}?passing`);
  return rows.map(({ Service: { Address, Port } }) => `${Address}:${Port}`).sort();
}

async function inZooKeeper(client: ZooKeeperWriter, path: string): Promise<number> {
  return (await client.children(path)).length;
}

interface Slice {
  readonly metadata: { readonly labels: Readonly<Record<string, string>> };
  readonly endpoints: readonly { readonly addresses: readonly string[] }[];
}

async function imported(cluster: Cluster, service: string): Promise<readonly string[]> {
  const path = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices?labelSelector=meshbridge.io/imported";
  const { items } = await cluster.api.send<{ readonly items: readonly Slice[] }>("GET", path);
  const mine = items.filter(({ metadata }) => metadata.labels["kubernetes.io/service-name"] === service);
  return mine.flatMap(({ endpoints }) => endpoints.flatMap(({ addresses }) => addresses)).sort();
}

/** As much of a mesh's CRD as the API server needs to take and keep a ServiceEntry. */
const SERVICE_ENTRIES = {
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: "serviceentries.networking.istio.io" },
  spec: {
    group: "networking.istio.io",
    names: { kind: "ServiceEntry", listKind: "ServiceEntryList", plural: "serviceentries", singular: "serviceentry" },
    scope: "Namespaced",
    versions: [
      {
        ...{ name: "v1", served: true, storage: true },
        schema: {
          openAPIV3Schema: {
            type: "object",
            properties: { spec: { type: "object", "x-kubernetes-preserve-unknown-fields": true } },
          },
        },
      },
    ],
  },
};

/** `HOST ADDRESS:PORT …` of all ServiceEntries. */
async function entries(cluster: Cluster): Promise<readonly string[]> {
  interface Entry {
    readonly spec: {
      readonly hosts: readonly string[];
      readonly endpoints: readonly { readonly address: string; readonly ports: { readonly main: number } }[];
    };
  }
  const path = "/apis/networking.istio.io/v1/namespaces/default/serviceentries";
  const { items } = await cluster.api.send<{ readonly items: readonly Entry[] }>("GET", path);
  return items.map(({ spec: { hosts, endpoints } }) =>
    [...hosts, ...endpoints.map(({ address, ports }) => `${address}:${ports.main}`)].join(" "),
  );
}

test("Kubernetes and Consul mirror each other; the acting replica is killed: another goes on, and nobody misses a record", {
  skip,
}, async (t) => {
  await using scope = new AsyncDisposableStack();
  const [kubernetes, consul, zk] = await Promise.all([
    startKubernetes({ clusters: ["east"] }, scope),
    startConsul({}, scope),
    startZooKeeper({}, scope),
  ]);
  const [client, cluster] = [await connectWriter({ address: zk.address }, scope), kubernetes.cluster("east")];
  const kubeconfig = join(await tempDir(scope, "sync"), "kubeconfig");
  await replaceFile(kubeconfig, cluster.kubeconfig("admin"));
  await cluster.api.apply(SERVICE_ENTRIES);
  await eventually("the CRD is served", () => entries(cluster));
  await cluster.api.apply(serviceObject("default", "web"));
  const addresses = (...last: readonly number[]) => last.map((each) => `10.0.0.${each}`);
  const slice = (...last: readonly number[]) =>
    cluster.api.apply(
      sliceObject("default", "web", {
        endpoints: addresses(...last).map((address) => ({ address })),
        ports: [{ name: "http", port: 8080 }],
      }),
    );
  await slice(1, 2);
  await consul.register({ ID: "db-1", Name: "com.acme.DB", Address: "10.1.0.1", Port: 5432, Check: TTL_CHECK });
  const targets = [
    { name: "consul", kind: "consul", address: consul.url, mode: "catalog" },
    { name: "zk", kind: "zookeeper", servers: [zk.address], format: "spring", path: "/sd", sessionTimeout: "60s" },
    { name: "east", kind: "kubernetes", kubeconfig },
    { name: "mesh", kind: "kubernetes", kubeconfig, serviceEntry: { hosts: ["{service}.consul.internal"] } },
  ];
  const config = {
    cluster: "east",
    // Shorter than is wise, so that the test is short.
    election: { kind: "kubernetes", kubeconfig, leaseDuration: "5s" },
    sources: [
      { name: "east", kind: "kubernetes", clusters: [{ name: "east", kubeconfig }], include: ["web", "com-acme-*"] },
      { name: "consul", kind: "consul", address: consul.url, namespace: "default" },
    ],
    targets,
    mirrors: [
      { from: "east", to: ["consul", "zk"] },
      { from: "consul", to: ["east"], services: ["*/com.acme.*", "*/web"] },
      { from: "consul", to: ["mesh"], services: ["*/com.acme.*"] },
    ],
  };
  const [first, second] = await Promise.all([startSync("sync-a", config, scope), startSync("sync-b", config, scope)]);
  const all = async (...wanted: readonly number[]) => {
    assert.deepEqual(
      await inConsul(consul, "web"),
      addresses(...wanted).map((each) => `${each}:8080`),
    );
    assert.equal(await inZooKeeper(client, "/sd/web"), wanted.length);
    assert.deepEqual(await imported(cluster, (await dbService()) ?? "none"), ["10.1.0.1"]);
  };
  const dbService = async () => {
    const { items } = await cluster.api.send<{ readonly items: readonly { readonly metadata: { readonly name: string } }[] }>(
      "GET",
      "/api/v1/namespaces/default/services?labelSelector=meshbridge.io/imported",
    );
    assert.ok(items.length <= 1, "web is not brought back to where it came from");
    return items[0]?.metadata.name;
  };
  const dbPorts = async () => {
    const path = `/api/v1/namespaces/default/services/${await dbService()}`;
    const { spec } = await cluster.api.send<{ spec: { ports: readonly { readonly port: number }[] } }>("GET", path);
    return spec.ports.map(({ port }) => port);
  };
  t.diagnostic(`both up to mirrored: ${await eventually("both ways are mirrored", () => all(1, 2), { withinMs: 10_000 })} ms`);
  await slice(1, 2, 3);
  t.diagnostic(`changed to mirrored: ${await eventually("the change is mirrored", () => all(1, 2, 3), { withinMs: 3000 })} ms`);
  await slice(2, 3);
  await eventually("what is gone is gone", () => all(2, 3), { withinMs: 3000 });

  const host = `${await dbService()}.consul.internal`;
  const entry = async (...endpoints: readonly string[]) =>
    assert.deepEqual(await entries(cluster), [[host, ...endpoints].join(" ")]);
  const entered = await eventually("a ServiceEntry says so too", () => entry("10.1.0.1:5432"), { withinMs: 10_000 });
  t.diagnostic(`mirrored to in the ServiceEntry: ${entered} ms`);
  await consul.register({ ID: "db-2", Name: "com.acme.DB", Address: "10.1.0.2", Port: 5432, Check: TTL_CHECK });
  const grown = await eventually("the ServiceEntry grows", () => entry("10.1.0.1:5432", "10.1.0.2:5432"), { withinMs: 3000 });
  t.diagnostic(`changed to in the ServiceEntry: ${grown} ms`);
  await consul.deregister("db-2");
  await consul.register({ ID: "db-1", Name: "com.acme.DB", Address: "10.1.0.1", Port: 5433, Check: TTL_CHECK });
  await eventually("it shrinks, and has the other port", () => entry("10.1.0.1:5433"), { withinMs: 10_000 });
  const settled = async () => {
    assert.deepEqual(await dbPorts(), [5433]);
    await all(2, 3);
  };
  await eventually("so has the Service, and the slice of before is gone", settled, { withinMs: 3000 });

  const epochs = async (syncs: readonly SyncProcess[]) => Promise.all(syncs.map((each) => each.epoch()));
  const [epoch] = (await epochs([first, second])).filter((each) => each !== undefined);
  assert.equal((await epochs([first, second])).filter((each) => each !== undefined).length, 1, "one acts");
  const [acting, other] = (await first.epoch()) === undefined ? [second, first] : [first, second];
  await acting.program.kill();
  const taken = eventually("the other acts", async () => assert.ok(((await other.epoch()) ?? 0) > (epoch ?? 0)), {
    withinMs: 30_000,
  });
  await Promise.all([steadily("nothing is missed meanwhile", 8000, () => all(2, 3), 500), taken]);
  t.diagnostic(`SIGKILL to the other acts: ${await taken} ms`);
  await slice(3);
  await eventually("it mirrors", () => all(3), { withinMs: 3000 });

  const third = await startSync("sync-c", config, scope);
  const stopped = other.program.stop();
  const handed = await eventually("the third acts", async () => assert.ok((await third.epoch()) !== undefined), {
    withinMs: 6000,
  });
  t.diagnostic(`SIGTERM to the third acts: ${handed} ms`);
  await steadily("nothing is missed over the hand-over", 6000, () => all(3), 250);
  assert.deepEqual(await stopped, { code: 0, signal: null });
});

test("a ring of two-way syncs over Consul, Consul and ZooKeeper: everything is everywhere, once, and goes everywhere", {
  skip: ring.skip,
}, async () => {
  await using scope = new AsyncDisposableStack();
  const [a, b, zk] = await Promise.all([startConsul({}, scope), startConsul({}, scope), startZooKeeper({}, scope)]);
  const client = await connectWriter({ address: zk.address }, scope);
  const source = {
    a: { name: "a", kind: "consul", address: a.url, namespace: "default", protection: false },
    b: { name: "b", kind: "consul", address: b.url, namespace: "default", protection: false },
    c: {
      name: "c",
      kind: "zookeeper",
      servers: [zk.address],
      namespace: "default",
      protection: false,
      paths: [{ path: "/sd", format: "services" }],
    },
  };
  const target = {
    a: { name: "a", kind: "consul", address: a.url, mode: "catalog" },
    b: { name: "b", kind: "consul", address: b.url, mode: "catalog" },
    c: { name: "c", kind: "zookeeper", servers: [zk.address], format: "spring", path: "/sd" },
  };
  const election = {
    a: { kind: "consul", address: a.url },
    b: { kind: "consul", address: b.url },
    c: { kind: "zookeeper", servers: [zk.address] },
  };
  const pair = (one: "a" | "b" | "c", two: "a" | "b" | "c") => {
    const mirror = (from: string, to: string) => ({ from, to: [to], imports: "forward", services: ["*/web"] });
    return startSync(
      `sync-${one}${two}`,
      {
        ...{
          cluster: `sync-${one}${two}`,
          election: election[one],
          sources: [source[one], source[two]],
          targets: [target[one], target[two]],
        },
        ...{ mirrors: [mirror(one, two), mirror(two, one)], handover: "100ms" },
      },
      scope,
    );
  };
  await a.register({ ID: "web-a", Name: "web", Address: "10.0.0.1", Port: 80, Check: TTL_CHECK });
  await b.register({ ID: "web-b", Name: "web", Address: "10.0.0.2", Port: 80, Check: TTL_CHECK });
  await Promise.all([pair("a", "b"), pair("b", "c"), pair("c", "a")]);
  const everywhere = async (...wanted: readonly string[]) => {
    assert.deepEqual(await inConsul(a, "web"), wanted);
    assert.deepEqual(await inConsul(b, "web"), wanted);
    assert.equal(await inZooKeeper(client, "/sd/web"), wanted.length);
  };
  await eventually("it converges", () => everywhere("10.0.0.1:80", "10.0.0.2:80"), { withinMs: 20_000 });
  await steadily("it does not grow", 5000, () => everywhere("10.0.0.1:80", "10.0.0.2:80"), 250);
  await a.deregister("web-a");
  await eventually("what is gone at home is gone everywhere", () => everywhere("10.0.0.2:80"), { withinMs: 15_000 });
  await steadily("and does not come back", 3000, () => everywhere("10.0.0.2:80"), 250);
});
