import assert from "node:assert/strict";
import { test } from "node:test";
import { type Consul, startConsul } from "../support/consul.ts";
import { eventually, steadily } from "../support/eventually.ts";
import { requireServers } from "../support/require-server.ts";
import { startSidecar, startWorkload } from "../support/sidecar.ts";

const { skip } = requireServers("consul");

interface Row {
  readonly Service: { readonly ID: string; readonly Meta: Readonly<Record<string, string>>; readonly Port: number };
}

/** What clients that ask for healthy instances are given. */
async function passing(consul: Consul, service = "web"): Promise<readonly Row[]> {
  return consul.get<readonly Row[]>(`/v1/health/service/${service}?passing`);
}

async function counts(consul: Consul, wanted: number, service = "web"): Promise<void> {
  assert.equal((await passing(consul, service)).length, wanted);
}

const target = (consul: Consul, more = {}) => ({ name: "consul", kind: "consul", address: consul.url, ttl: "3s", ...more });

test("ready: visible within 2 s, never before; not ready and SIGTERM: gone within 1 s, and the end is reported", {
  skip,
}, async (t) => {
  await using scope = new AsyncDisposableStack();
  const consul = await startConsul({}, scope);
  const workload = await startWorkload(scope);
  const sidecar = await startSidecar({ pod: "web-1", workload, targets: [target(consul)] }, scope);

  await steadily("nothing is registered before it is ready", 1000, () => counts(consul, 0));
  workload.ready = true;
  t.diagnostic(`ready to visible: ${await eventually("it is visible", () => counts(consul, 1), { withinMs: 2000 })} ms`);
  const [row] = await passing(consul);
  assert.equal(row?.Service.Meta["meshbridge-owner"], "east/default/web-1/uid-of-web-1");
  await steadily("its TTL check is kept passing", 4000, () => counts(consul, 1));

  workload.ready = false;
  t.diagnostic(`not ready to gone: ${await eventually("it is gone", () => counts(consul, 0), { withinMs: 1000 })} ms`);
  workload.ready = true;
  await eventually("it is back", () => counts(consul, 1), { withinMs: 2000 });

  const stopped = performance.now();
  const exit = sidecar.program.stop();
  t.diagnostic(`SIGTERM to gone: ${await eventually("it is gone", () => counts(consul, 0), { withinMs: 1000 })} ms`);
  assert.deepEqual(await exit, { code: 0, signal: null });
  const took = performance.now() - stopped;
  assert.ok(took >= 1000 && took < 4000, `the drain time of 1 s was kept: ${took} ms`);
  assert.deepEqual(await consul.get("/v1/agent/services"), {}, "it was removed in the end");
  assert.match(sidecar.program.stderr(), /"complete":true/);
});

test("POST /drain takes it out and answers when it is removed; it does not come back", { skip }, async () => {
  await using scope = new AsyncDisposableStack();
  const consul = await startConsul({}, scope);
  const workload = await startWorkload(scope);
  workload.ready = true;
  const sidecar = await startSidecar({ pod: "web-1", workload, targets: [target(consul)], drain: "500ms" }, scope);
  await eventually("it is visible", () => counts(consul, 1));
  const { complete, tookMs } = await sidecar.drain();
  assert.ok(complete && tookMs >= 500, `${complete} after ${tookMs} ms`);
  assert.deepEqual(await consul.get("/v1/agent/services"), {});
  await steadily("it stays out though the workload is ready", 1000, () => counts(consul, 0));
});

test("SIGKILL: gone when the TTL is over; a restarted sidecar takes over what was there, without a dip", { skip }, async (t) => {
  await using scope = new AsyncDisposableStack();
  const consul = await startConsul({}, scope);
  const workload = await startWorkload(scope);
  workload.ready = true;
  const options = { pod: "web-1", workload, targets: [target(consul)] };
  const first = await startSidecar(options, scope);
  await eventually("it is visible", () => counts(consul, 1));
  await first.program.kill();
  const again = await startSidecar(options, scope);
  await steadily("it stays visible over the restart", 4000, () => counts(consul, 1));
  await again.program.kill();
  t.diagnostic(`SIGKILL to gone, TTL 3 s: ${await eventually("it is gone", () => counts(consul, 0), { withinMs: 8000 })} ms`);
});

test("Consul restarted empty: back within 2 s after it answers, and what others registered is untouched", { skip }, async (t) => {
  await using scope = new AsyncDisposableStack();
  const consul = await startConsul({}, scope);
  const workload = await startWorkload(scope);
  workload.ready = true;
  const sidecar = await startSidecar({ pod: "web-1", workload, targets: [target(consul)] }, scope);
  await eventually("it is visible", () => counts(consul, 1));
  await consul.kill();
  await eventually("the sidecar says so", async () => {
    const { targets } = await sidecar.registrations();
    assert.equal(targets[0]?.connected, false);
    assert.equal(targets[0]?.error?.code, "MB_REGISTRY_UNREACHABLE");
  });
  await consul.start();
  await consul.register({ ID: "web-foreign", Name: "web", Port: 1 });
  t.diagnostic(`empty restart to back: ${await eventually("it is back", () => counts(consul, 2), { withinMs: 2000 })} ms`);
  await consul.deregister((await sidecar.registrations()).targets[0]?.records[0]?.key ?? "");
  t.diagnostic(`removed by hand to back: ${await eventually("it is back", () => counts(consul, 2), { withinMs: 2000 })} ms`);
  await sidecar.program.stop();
  assert.deepEqual(Object.keys(await consul.get<object>("/v1/agent/services")), ["web-foreign"]);
});

test("a name that somebody else owns is left to him, and said so", { skip }, async () => {
  await using scope = new AsyncDisposableStack();
  const consul = await startConsul({}, scope);
  const workload = await startWorkload(scope);
  workload.ready = true;
  const id = `web-web-1-uid-of-web-1-${workload.port}`;
  await consul.register({ ID: id, Name: "web", Port: 4242 });
  const sidecar = await startSidecar({ pod: "web-1", workload, targets: [target(consul)], drain: "100ms" }, scope);
  await eventually("it says whose it is", async () => {
    const record = (await sidecar.registrations()).targets[0]?.records[0];
    assert.deepEqual([record?.state, record?.reason], ["withheld", "foreign"]);
  });
  await sidecar.program.stop();
  const [row] = await passing(consul);
  assert.equal(row?.Service.Port, 4242);
});
