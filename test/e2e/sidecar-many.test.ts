/** Several sidecars and clusters in one Consul and one ZooKeeper, the token taken and given back, and a real Envoy at the end. */
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { type Consul, startConsul } from "../support/consul.ts";
import { startEdge } from "../support/edge.ts";
import { eventually, steadily } from "../support/eventually.ts";
import { clusterOf } from "../support/names.ts";
import { requireServers } from "../support/require-server.ts";
import { type Sidecar, startSidecar, startWorkload } from "../support/sidecar.ts";
import { tempDir } from "../support/temp.ts";
import { startZooKeeper } from "../support/zookeeper.ts";
import { connectWriter } from "../support/zookeeper-writer.ts";

const { skip } = requireServers("envoy", "consul", "zookeeper");
const WEB = clusterOf("default/web", "http");

/** Owners of the services that the agent has. */
async function owners(consul: Consul): Promise<readonly string[]> {
  const services = await consul.get<Record<string, { Meta?: Record<string, string> }>>("/v1/agent/services");
  return Object.values(services).map(({ Meta }) => Meta?.["meshbridge-owner"] ?? "nobody");
}

test("ready: in a real Envoy within 3 s; SIGTERM: out of it before the workload ends", { skip }, async (t) => {
  await using scope = new AsyncDisposableStack();
  const consul = await startConsul({}, scope);
  const workload = await startWorkload(scope);
  const targets = [{ name: "consul", kind: "consul", address: consul.url }];
  const sidecar = await startSidecar({ pod: "web-1", workload, targets, drain: "2s" }, scope);
  const allow = { addresses: { allow: ["127.0.0.0/8"] }, protection: { enabled: false } };
  const edge = await startEdge({ registries: [{ kind: "consul", name: "consul", address: consul.url, ...allow }] }, scope);
  const usable = async (wanted: number) => {
    const hosts = await edge.envoy.hosts(WEB);
    assert.equal(hosts.filter(({ health }) => health === "HEALTHY").length, wanted);
  };
  workload.ready = true;
  t.diagnostic(`ready to Envoy: ${await eventually("Envoy has it", () => usable(1), { withinMs: 3000 })} ms`);
  const exit = sidecar.program.stop();
  t.diagnostic(`SIGTERM to out of Envoy: ${await eventually("Envoy has it no more", () => usable(0), { withinMs: 2000 })} ms`);
  assert.equal(sidecar.program.exit, undefined, "the sidecar, and with it the workload, still runs");
  assert.equal((await exit).code, 0);
});

test("the token is revoked and restored: nothing is lost meanwhile, and what is due goes through then", { skip }, async () => {
  await using scope = new AsyncDisposableStack();
  const consul = await startConsul({ acl: true }, scope);
  const dir = await tempDir(scope, "token");
  const tokenFile = join(dir, "token");
  await writeFile(tokenFile, consul.managementToken);
  const workload = await startWorkload(scope);
  workload.ready = true;
  const targets = [{ name: "consul", kind: "consul", address: consul.url, ttl: "6s", token: { fromFile: tokenFile } }];
  const sidecar = await startSidecar({ pod: "web-1", workload, targets }, scope);
  await eventually("it is registered", async () => assert.equal((await owners(consul)).length, 1));
  await writeFile(tokenFile, "00000000-0000-0000-0000-00000000dead");
  await eventually("the refusal is told, without the token", async () => {
    const { targets: states } = await sidecar.registrations();
    assert.equal(states[0]?.error?.code, "MB_REGISTRY_REFUSED");
    assert.doesNotMatch(JSON.stringify(states), /dead/);
  });
  await writeFile(tokenFile, consul.managementToken);
  await eventually("all is well again", async () => assert.equal((await sidecar.registrations()).targets[0]?.settled, true));
  await steadily("there is one, and it passes", 3000, async () => {
    const rows = await consul.get<readonly unknown[]>("/v1/health/service/web?passing");
    assert.equal(rows.length, 1);
  });
});

test("two clusters with equal names, killed and started again: no cross-delete, no orphan, no duplicate", { skip }, async (t) => {
  await using scope = new AsyncDisposableStack();
  const [consul, zk] = await Promise.all([startConsul({}, scope), startZooKeeper({}, scope)]);
  const client = await connectWriter({ address: zk.address }, scope);
  const workload = await startWorkload(scope);
  workload.ready = true;
  const targets = [
    { name: "consul", kind: "consul", address: consul.url, ttl: "3s" },
    { name: "zk", kind: "zookeeper", servers: [zk.address], sessionTimeout: "3s", format: "spring" },
  ];
  const start = (cluster: string, life: number) => {
    const env = { POD_UID: `${cluster}-${life}` };
    return startSidecar({ pod: "web-1", workload, targets, cluster, env, drain: "100ms" }, scope);
  };
  const clusters = new Map<string, Sidecar>();
  for (const cluster of ["east", "west"]) clusters.set(cluster, await start(cluster, 0));
  const passing = async () => {
    const rows = await consul.get<readonly { Service: { Meta: Record<string, string> } }[]>("/v1/health/service/web?passing");
    return rows.map(({ Service }) => Service.Meta["meshbridge-owner"] ?? "");
  };
  const both = async (life: string) => {
    const wanted = ["east/default/web-1/east-0", `west/default/web-1/west-${life}`];
    assert.deepEqual((await passing()).toSorted(), wanted);
    assert.equal((await client.children("/services/web")).length, 2);
  };
  await eventually("both are there", () => both("0"));
  // The one cluster dies and comes back again and again; the other is never touched.
  for (let life = 1; life <= 3; life++) {
    await clusters.get("west")?.program.kill();
    clusters.set("west", await start("west", life));
    await eventually("the new life is there, the old one left", () => both(String(life)), { withinMs: 10_000 });
    assert.ok((await passing()).includes("east/default/web-1/east-0"));
  }
  const { targets: states } = (await clusters.get("east")?.registrations()) ?? { targets: [] };
  t.diagnostic(`changes that the untouched cluster had to make: ${JSON.stringify(states.map(({ counts }) => counts))}`);
  assert.ok(states.every(({ counts }) => counts["put"] === 1 && counts["remove"] === 0));
  for (const sidecar of clusters.values()) await sidecar.program.stop();
  assert.deepEqual(await passing(), []);
  assert.deepEqual(await client.children("/services/web"), []);
});
