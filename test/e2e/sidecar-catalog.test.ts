/** Registering without an agent: in the catalog of another datacentre, kept alive by sessions, swept by those that live. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Consul, startConsul } from "../support/consul.ts";
import { eventually, steadily } from "../support/eventually.ts";
import { requireServers } from "../support/require-server.ts";
import { startSidecar, startWorkload } from "../support/sidecar.ts";

const { skip } = requireServers("consul");

const count = async (consul: Consul, path: string, wanted: number) =>
  assert.equal((await consul.get<readonly unknown[]>(path)).length, wanted, path);

test("catalog: visible in the datacentre named; SIGTERM: gone; emptied: back; SIGKILL: critical, and then removed by another", {
  skip,
}, async (t) => {
  await using scope = new AsyncDisposableStack();
  const [near, far] = await Promise.all([startConsul({ datacentre: "dc1" }, scope), startConsul({ datacentre: "dc2" }, scope)]);
  await near.put(`/v1/agent/join/${far.wanAddress}?wan=1`);
  await eventually("dc1 can ask dc2", () => near.get("/v1/catalog/services?dc=dc2"));
  const workload = await startWorkload(scope);
  const target = { name: "consul", kind: "consul", address: near.url, mode: "catalog", datacenter: "dc2", ttl: "10s" };
  const start = (pod: string) =>
    startSidecar({ pod, workload, targets: [{ ...target, deregisterAfter: "2s" }], drain: "100ms" }, scope);
  const [first, second, third] = await Promise.all([start("web-1"), start("web-2"), start("web-3")]);
  const passing = (wanted: number) => count(far, "/v1/health/service/web?passing", wanted);
  const registered = (wanted: number) => count(far, "/v1/catalog/service/web", wanted);

  workload.ready = true;
  t.diagnostic(`ready to visible: ${await eventually("all are visible", () => passing(3), { withinMs: 2000 })} ms`);
  await count(near, "/v1/catalog/service/web", 0);
  const exit = third.program.stop();
  t.diagnostic(`SIGTERM to gone: ${await eventually("it is not passing", () => passing(2), { withinMs: 1000 })} ms`);
  assert.deepEqual(await exit, { code: 0, signal: null });
  await registered(2);
  assert.equal((await far.get<readonly unknown[]>("/v1/session/list")).length, 2, "it has ended its session");

  await far.kill();
  await far.wipe();
  await far.start();
  await near.put(`/v1/agent/join/${far.wanAddress}?wan=1`);
  await eventually("dc1 can ask dc2 again", () => near.get("/v1/catalog/services?dc=dc2"));
  t.diagnostic(`empty restart to back: ${await eventually("both are back", () => passing(2), { withinMs: 3000 })} ms`);
  await steadily("they stay", 1000, () => registered(2));

  await second.program.kill();
  const critical = await eventually("the dead one is critical", () => passing(1), { withinMs: 50_000 });
  t.diagnostic(`SIGKILL to critical, session of 10 s: ${critical} ms`);
  await eventually("it is removed", () => registered(1), { withinMs: 20_000 });
  assert.equal((await first.registrations()).targets[0]?.settled, true);
});
