/** `meshbridge sidecar gc` against a real Consul and a real ZooKeeper: what lives stays, what a dead Pod left goes. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { stringify } from "yaml";
import { startConsul } from "../support/consul.ts";
import { eventually } from "../support/eventually.ts";
import { askJson } from "../support/http.ts";
import { runProgram } from "../support/process.ts";
import { requireServers } from "../support/require-server.ts";
import { startSidecar, startWorkload } from "../support/sidecar.ts";
import { replaceFile, tempDir } from "../support/temp.ts";
import { startZooKeeper } from "../support/zookeeper.ts";
import { connectWriter } from "../support/zookeeper-writer.ts";

const { skip } = requireServers("zookeeper", "consul");
const MESHBRIDGE = fileURLToPath(new URL("../../src/bin/meshbridge.ts", import.meta.url));

/** `meshbridge sidecar gc` for the cluster east. */
async function gcOf(targets: readonly object[], scope: AsyncDisposableStack) {
  const path = join(await tempDir(scope, "gc"), "sidecar.yaml");
  const file = { cluster: "east", kubernetes: {}, services: [{ name: "web", port: 80 }], targets };
  await replaceFile(path, stringify(file, { aliasDuplicateObjects: false }));
  return async (...more: readonly string[]) => {
    const args = [MESHBRIDGE, "sidecar", "gc", "-c", path, "--owner", "east", "-o", "json", ...more];
    const { code, stdout, stderr } = await runProgram({ title: "gc", command: process.execPath, args, cwd: "/" });
    assert.equal(stderr, "");
    return { code, outcomes: (JSON.parse(stdout) as Found).records.map((one) => `${one.target} ${one.outcome}`) };
  };
}

interface Found {
  readonly records: readonly { readonly target: string; readonly outcome: string; readonly why: string }[];
}

test("gc keeps what lives, says what it would do, and removes what a dead Pod left", { skip }, async () => {
  await using scope = new AsyncDisposableStack();
  const [consul, zk, workload] = [await startConsul({}, scope), await startZooKeeper({}, scope), await startWorkload(scope)];
  const client = await connectWriter({ address: zk.address }, scope);
  workload.ready = true;
  const targets = [
    { name: "consul", kind: "consul", address: consul.url, ttl: "2s", deregisterAfter: "10m" },
    { name: "zk", kind: "zookeeper", servers: [zk.address], format: "json", path: "/sd", sessionTimeout: "2s" },
  ];
  const sidecar = await startSidecar({ pod: "web-1", workload, targets }, scope);
  const gc = await gcOf(targets, scope);
  const inConsul = async () => ((await askJson(`${consul.url}/v1/catalog/service/web`)) as readonly unknown[]).length;
  await eventually("it is registered", async () => assert.equal(await inConsul(), 1));
  assert.deepEqual(await gc(), { code: 1, outcomes: ["consul kept", "zk kept"] });

  const [node] = await client.children("/sd/web");
  await sidecar.program.kill();
  await eventually("its session is over", async () => assert.equal((await client.children("/sd/web")).length, 0));
  // As a tree that was copied with what was ephemeral in it.
  const marks = { "meshbridge-owner": "east/default/web-1/uid-of-web-1", "meshbridge-epoch": "1", "meshbridge-origin": "east" };
  await client.put(`/sd/web/${node}`, JSON.stringify({ host: "127.0.0.1", port: 1, meshbridge: marks }));
  await eventually("its check is critical", async () => {
    const rows: readonly unknown[] = await askJson(`${consul.url}/v1/health/service/web?passing`);
    assert.equal(rows.length, 0);
  });
  assert.deepEqual(await gc("--dry-run"), { code: 0, outcomes: ["consul would be removed", "zk would be removed"] });
  assert.equal(await inConsul(), 1);
  assert.deepEqual(await gc(), { code: 0, outcomes: ["consul removed", "zk removed"] });
  assert.equal(await inConsul(), 0);
  assert.equal((await client.children("/sd/web")).length, 0);
});

test("gc of a catalog: who has a session stays, and so does what is another's; what a dead Pod left goes", {
  skip,
}, async () => {
  await using scope = new AsyncDisposableStack();
  const [consul, workload] = [await startConsul({}, scope), await startWorkload(scope)];
  workload.ready = true;
  // None of those that live sweeps within the test.
  const targets = [{ name: "consul", kind: "consul", address: consul.url, mode: "catalog", ttl: "10s", deregisterAfter: "10m" }];
  const start = (pod: string, cluster: string) => startSidecar({ pod, workload, targets, cluster }, scope);
  const [, second] = await Promise.all([start("web-1", "east"), start("web-2", "east"), start("web-3", "west")]);
  const owners = async () => {
    interface Row {
      readonly ServiceMeta: Readonly<Record<string, string>>;
    }
    const rows = await consul.get<readonly Row[]>("/v1/catalog/service/web");
    return rows.map(({ ServiceMeta }) => ServiceMeta["meshbridge-owner"]?.split("/uid")[0]).sort();
  };
  const all = ["east/default/web-1", "east/default/web-2", "west/default/web-3"];
  await eventually("all are registered", async () => assert.deepEqual(await owners(), all));
  const gc = await gcOf(targets, scope);
  assert.deepEqual(await gc(), { code: 1, outcomes: ["consul kept", "consul kept"] });

  await second.program.kill();
  assert.deepEqual(await gc(), { code: 1, outcomes: ["consul kept", "consul kept"] }, "its session is not over yet");
  const sessions = await consul.get<readonly { readonly ID: string; readonly Name: string }[]>("/v1/session/list");
  const dead = sessions.find(({ Name }) => Name.startsWith("east/default/web-2/"));
  assert.ok(dead);
  // As Consul does by itself, 10 to 20 s after the last sign of life.
  await consul.put(`/v1/session/destroy/${dead.ID}`);
  assert.deepEqual(await gc("--dry-run"), { code: 1, outcomes: ["consul kept", "consul would be removed"] });
  assert.deepEqual(await owners(), all);
  assert.deepEqual(await gc(), { code: 1, outcomes: ["consul kept", "consul removed"] });
  assert.deepEqual(await owners(), ["east/default/web-1", "west/default/web-3"]);
});
