/**
 * What takes time: registries that are away, and two clusters whose sidecars crash again and again, into one Consul and one
 * ZooKeeper. `MESHBRIDGE_LONG=1` makes it an outage of 60 s and ten minutes of crashes; otherwise both are seconds.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type Consul, startConsul } from "../support/consul.ts";
import { eventually, steadily } from "../support/eventually.ts";
import { requireServers } from "../support/require-server.ts";
import { type Sidecar, startSidecar, startWorkload, type Workload } from "../support/sidecar.ts";
import { startZooKeeper } from "../support/zookeeper.ts";
import { connectWriter, type ZooKeeperWriter } from "../support/zookeeper-writer.ts";

const { skip } = requireServers("consul", "zookeeper");
const LONG = process.env["MESHBRIDGE_LONG"] === "1";
const OUTAGE_MS = LONG ? 60_000 : 4000;
const CRASHES_MS = LONG ? 600_000 : 12_000;
/** Consul removes what is critical a minute after, and looks each half minute. */
const REAPED_MS = 120_000;
const FOREIGN_NODE = '{"name":"web","address":"10.0.0.9","port":1}';

const ownersIn = async (consul: Consul): Promise<readonly string[]> => {
  const rows =
    await consul.get<readonly { readonly Service: { readonly Meta: Readonly<Record<string, string>> | null } }[]>(
      "/v1/health/service/web?passing",
    );
  return rows.map(({ Service }) => Service.Meta?.["meshbridge-owner"] ?? "foreign").sort();
};

/** Nodes' names begin with the Pod's name and UID. */
const nodesIn = async (client: ZooKeeperWriter): Promise<readonly string[]> =>
  (await client.children("/services/web")).toSorted();

function targetsOf(consul: Consul, zookeeper: string) {
  return [
    { name: "consul", kind: "consul", address: consul.url, ttl: "10s" },
    { name: "zk", kind: "zookeeper", servers: [zookeeper], sessionTimeout: "10s", format: "spring" },
  ];
}

async function foreigners(consul: Consul, client: ZooKeeperWriter): Promise<void> {
  await consul.register({ ID: "web-foreign", Name: "web", Port: 1 });
  await client.put("/services/web/foreign", FOREIGN_NODE);
}

test("both registries are away, and come back empty: everything is back within 2 s, once; what others have is untouched", {
  skip,
  timeout: 200_000,
}, async (t) => {
  await using scope = new AsyncDisposableStack();
  const [consul, zk, workload] = await Promise.all([startConsul({}, scope), startZooKeeper({}, scope), startWorkload(scope)]);
  let client = await connectWriter({ address: zk.address }, scope);
  workload.ready = true;
  const pods = ["web-1", "web-2", "web-3"];
  const start = (pod: string) => startSidecar({ pod, workload, targets: targetsOf(consul, zk.address), drain: "100ms" }, scope);
  const sidecars = await Promise.all(pods.map(start));
  const all = async () => {
    const owners = await ownersIn(consul);
    assert.deepEqual(owners, [...pods.map((pod) => `east/default/${pod}/uid-of-${pod}`), "foreign"]);
    assert.equal((await nodesIn(client)).length, pods.length + 1);
  };
  await foreigners(consul, client);
  await eventually("all are there", all);
  await client.close();
  await Promise.all([consul.kill(), zk.kill()]);
  await zk.wipe();
  await sleep(OUTAGE_MS);
  for (const sidecar of sidecars) assert.equal((await sidecar.registrations()).offer, "offered");
  await Promise.all([consul.start(), zk.start()]);
  const answered = performance.now();
  client = await connectWriter({ address: zk.address }, scope);
  await foreigners(consul, client);
  await eventually("all are back", all, { withinMs: 2500 });
  t.diagnostic(`away for ${OUTAGE_MS} ms, back ${Math.round(performance.now() - answered)} ms after both answered`);
  await steadily("once each, and the others' stay", 3000, all);
  await Promise.all(sidecars.map(({ program }) => program.stop()));
  assert.deepEqual([await ownersIn(consul), await nodesIn(client)], [["foreign"], ["foreign"]]);
});

test("two clusters with equal names and crashes: nobody's record is touched by another, and no orphan is left", {
  skip,
  timeout: CRASHES_MS + REAPED_MS + 120_000,
}, async (t) => {
  await using scope = new AsyncDisposableStack();
  const [consul, zk, workload] = await Promise.all([startConsul({}, scope), startZooKeeper({}, scope), startWorkload(scope)]);
  const client = await connectWriter({ address: zk.address }, scope);
  workload.ready = true;
  await foreigners(consul, client);
  const targets = targetsOf(consul, zk.address);
  const pods = await Promise.all(
    ["east", "west"].flatMap((cluster) => [1, 2].map((pod) => startPod({ cluster, pod, targets, workload }, scope))),
  );
  const living = new Set(pods);
  /** Whoever lives is in both registries, and so are the others' own. */
  const untouched = async () => {
    const before = [...living].map((pod) => ({ pod, crashes: pod.crashes() }));
    const [owners, nodes] = [await ownersIn(consul), await nodesIn(client)];
    assert.ok(owners.includes("foreign") && nodes.includes("foreign"));
    // Who lived before and after the look lived while it was taken.
    const alive = before.filter(({ pod, crashes }) => living.has(pod) && pod.crashes() === crashes);
    for (const { owner, uid } of alive.map(({ pod }) => pod)) {
      assert.equal(owners.filter((each) => each === owner()).length, 1, `${owner()} in Consul`);
      assert.equal(nodes.filter((each) => each.includes(uid())).length, 1, `${owner()} in ZooKeeper`);
    }
  };
  await eventually("all are there", untouched);
  const until = performance.now() + CRASHES_MS;
  let crashes = 0;
  const crashing = (async () => {
    while (performance.now() < until) {
      const victim = pods[crashes % pods.length] as Pod;
      living.delete(victim);
      // Every third comes back as another Pod, of which nothing but the registries' own leases take away what it left.
      await victim.crash(LONG && crashes % 3 === 2);
      crashes++;
      await eventually("it is back", () => untouchedBy(victim), { withinMs: 20_000 });
      living.add(victim);
      await sleep(LONG ? 3000 : 500);
    }
  })();
  const untouchedBy = async ({ owner }: Pod) => assert.ok((await ownersIn(consul)).includes(owner()));
  await Promise.all([steadily("nobody touches another's", CRASHES_MS, untouched, 250), crashing]);
  t.diagnostic(`${crashes} crashes in ${CRASHES_MS} ms`);
  await Promise.all(pods.map(({ stop }) => stop()));
  const left = async () => {
    assert.deepEqual(Object.keys(await consul.get<object>("/v1/agent/services")), ["web-foreign"]);
    assert.deepEqual(await nodesIn(client), ["foreign"]);
  };
  t.diagnostic(`the last orphan left after ${await eventually("no orphan is left", left, { withinMs: REAPED_MS })} ms`);
});

interface Pod {
  owner(): string;
  uid(): string;
  crashes(): number;
  /** SIGKILL, and started again; `anew`: as another Pod of the same name. */
  crash(anew: boolean): Promise<void>;
  stop(): Promise<unknown>;
}

interface PodOptions {
  readonly cluster: string;
  readonly pod: number;
  readonly targets: readonly object[];
  readonly workload: Workload;
}

async function startPod({ cluster, pod, targets, workload }: PodOptions, scope: AsyncDisposableStack): Promise<Pod> {
  let life = 0;
  let crashes = 0;
  const name = `web-${pod}`;
  const uid = () => `${cluster}-${pod}-${life}`;
  const start = (): Promise<Sidecar> =>
    startSidecar({ pod: name, workload, targets, cluster, env: { POD_UID: uid() }, drain: "100ms" }, scope);
  let sidecar = await start();
  return {
    uid,
    crashes: () => crashes,
    owner: () => `${cluster}/default/${name}/${uid()}`,
    async crash(anew) {
      crashes++;
      await sidecar.program.kill();
      if (anew) life++;
      sidecar = await start();
    },
    stop: () => sidecar.program.stop(),
  };
}
