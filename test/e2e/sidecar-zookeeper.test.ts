import assert from "node:assert/strict";
import { test } from "node:test";
import { startConsul } from "../support/consul.ts";
import { eventually, steadily } from "../support/eventually.ts";
import { requireServers } from "../support/require-server.ts";
import { startSidecar, startWorkload, type Workload } from "../support/sidecar.ts";
import { startZooKeeper, type ZooKeeper } from "../support/zookeeper.ts";
import { connectWriter, type ZooKeeperWriter } from "../support/zookeeper-writer.ts";

const { skip } = requireServers("zookeeper", "consul");

const target = ({ address }: ZooKeeper, more: object) => ({
  ...{ name: "zk", kind: "zookeeper", servers: [address], sessionTimeout: "3s" },
  ...more,
});

async function children(client: ZooKeeperWriter, path: string, wanted: number): Promise<void> {
  assert.equal((await client.children(path)).length, wanted, path);
}

async function setUp(scope: AsyncDisposableStack) {
  const zk = await startZooKeeper({}, scope);
  const client = await connectWriter({ address: zk.address }, scope);
  const workload = await startWorkload(scope);
  return { zk, client, workload };
}

test("ready: there within 2 s in every format; SIGTERM: gone within 1 s; SIGKILL: gone with the session", { skip }, async (t) => {
  await using scope = new AsyncDisposableStack();
  const { zk, client, workload } = await setUp(scope);
  const layouts = [
    ["spring", "/spring/com.acme.Web", { path: "/spring" }],
    ["curator", "/curator/com.acme.Web", { path: "/curator" }],
    ["dubbo", "/dubbo/com.acme.Web/providers", {}],
    ["dubbo-app", "/apps/com.acme.Web", { path: "/apps" }],
    ["serverset", "/sets/com.acme.Web", { path: "/sets" }],
    ["json", "/json/com.acme.Web", { path: "/json" }],
  ] as const;
  const targets = (sessionTimeout = "3s") =>
    layouts.map(([format, , more]) => target(zk, { name: format, format, sessionTimeout, ...more }));
  const all = async (wanted: number) => {
    for (const [, path] of layouts) await children(client, path, wanted);
  };
  const options = { pod: "web-1", workload, targets: targets(), service: { name: "com.acme.Web" }, drain: "300ms" };
  const sidecar = await startSidecar(options, scope);
  await steadily("nothing is there before it is ready", 500, () => all(0));
  workload.ready = true;
  t.diagnostic(`ready to there, six formats: ${await eventually("all are there", () => all(1), { withinMs: 2000 })} ms`);
  const exit = sidecar.program.stop();
  t.diagnostic(`SIGTERM to gone: ${await eventually("all are gone", () => all(0), { withinMs: 1000 })} ms`);
  assert.deepEqual(await exit, { code: 0, signal: null });

  // Longer than it takes until the next one is up, on a busy machine too.
  const second = await startSidecar({ ...options, targets: targets("60s") }, scope);
  await eventually("all are there", () => all(1));
  await second.program.kill();
  const third = await startSidecar(options, scope);
  await steadily("one each over a restart, though the session before goes on", 2000, () => all(1));
  await third.program.kill();
  // Which would not be, if one of them were still of the session before.
  t.diagnostic(`SIGKILL to gone, session of 3 s: ${await eventually("all are gone", () => all(0), { withinMs: 8000 })} ms`);
});

test("the session expires, nodes are removed by hand, the server comes back empty: back within 2 s", { skip }, async (t) => {
  await using scope = new AsyncDisposableStack();
  const { zk, client, workload } = await setUp(scope);
  workload.ready = true;
  const sidecar = await startSidecar({ pod: "web-1", workload, targets: [target(zk, { format: "spring" })] }, scope);
  const path = "/services/web";
  await eventually("it is there", () => children(client, path, 1));
  const [node] = await client.children(path);
  await client.remove(`${path}/${node}`);
  t.diagnostic(
    `removed by hand to back: ${await eventually("it is back", () => children(client, path, 1), { withinMs: 2000 })} ms`,
  );

  sidecar.program.pause();
  await eventually("its session has expired", () => children(client, path, 0), { withinMs: 10_000 });
  sidecar.program.resume();
  t.diagnostic(`expired to back: ${await eventually("it is back", () => children(client, path, 1), { withinMs: 2000 })} ms`);

  await zk.kill();
  await zk.wipe();
  await zk.start();
  const fresh = await connectWriter({ address: zk.address }, scope);
  t.diagnostic(`empty restart to back: ${await eventually("it is back", () => children(fresh, path, 1), { withinMs: 2000 })} ms`);
  await steadily("and it stays", 4000, () => children(fresh, path, 1));
});

test("Consul and ZooKeeper at once: one that is down holds up nothing; foreign nodes stay", { skip }, async () => {
  await using scope = new AsyncDisposableStack();
  const { zk, client, workload } = await setUp(scope);
  const consul = await startConsul({}, scope);
  workload.ready = true;
  const id = (one: Workload) => `/services/web/web-1-uid-of-web-1-${one.port}`;
  await client.put(id(workload), '{"name":"web","address":"10.0.0.9","port":1}');
  await consul.kill();
  const targets = [
    target(zk, { format: "spring" }),
    target(zk, { name: "sets", format: "serverset", path: "/sets" }),
    { name: "consul", kind: "consul", address: consul.url },
  ];
  const sidecar = await startSidecar({ pod: "web-1", workload, targets, drain: "100ms" }, scope);
  await eventually("the one is registered, the other withheld", async () => {
    const states = (await sidecar.registrations()).targets.map(({ records }) => records[0]?.reason ?? records[0]?.state);
    assert.deepEqual(states, ["foreign", "confirmed", undefined]);
  });
  const drained = await sidecar.drain();
  assert.equal(drained.complete, false, "Consul could not be told");
  await children(client, "/sets/web", 0);
  await children(client, "/services/web", 1);
});
