/** A real Envoy at the end, and the token taken and given back. */
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { type Consul, startConsul } from "../support/consul.ts";
import { startEdge } from "../support/edge.ts";
import { eventually, steadily } from "../support/eventually.ts";
import { clusterOf } from "../support/names.ts";
import { requireServers } from "../support/require-server.ts";
import { startSidecar, startWorkload } from "../support/sidecar.ts";
import { tempDir } from "../support/temp.ts";

const { skip } = requireServers("envoy", "consul");
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
