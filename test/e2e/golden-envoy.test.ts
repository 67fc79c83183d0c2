/**
 * Whatever the translators make, a real Envoy takes: every golden input of an Envoy role is served to one over xDS, and
 * none of its updates is refused. This is what keeps the golden files honest.
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { systemClock } from "../../src/kernel/clock.ts";
import { silentLog } from "../../src/kernel/log.ts";
import { envoyBootstrap } from "../../src/xds/bootstrap.ts";
import { createProxies } from "../../src/xds/proxies.ts";
import { createXdsServer } from "../../src/xds/server/server.ts";
import { SILENT_METRICS } from "../../src/xds/server/testing.ts";
import { TYPE_URL } from "../../src/xds/types.ts";
import type { View } from "../../src/xds/view.ts";
import { readWorld } from "../golden/world.ts";
import { type Envoy, startEnvoy } from "../support/envoy.ts";
import { eventually } from "../support/eventually.ts";
import { requireServers } from "../support/require-server.ts";
import { createJudge } from "../support/xds-rig.ts";

const IN = new URL("../golden/in/", import.meta.url);
const { skip } = requireServers("envoy");

const worlds = readdirSync(IN)
  .filter((file) => file.endsWith(".yaml"))
  .map((file) => ({ name: file.replace(/\.yaml$/, ""), ...readWorld(readFileSync(new URL(file, IN), "utf8"), file) }))
  .filter(({ client }) => client.role !== "grpc");

/** A server on a free port that serves one view to whoever comes. */
async function serve(view: View, scope: AsyncDisposableStack): Promise<number> {
  view.tables.complete = true;
  const handle = { key: "golden", tables: view.tables, ready: true, subscribe: () => () => undefined, release: () => undefined };
  const judge = createJudge();
  scope.defer(() => judge.assertLegal());
  const server = createXdsServer({
    views: { acquire: () => handle },
    proxies: createProxies(systemClock, () => undefined),
    defaults: { cluster: "c1", network: "default", namespace: "default" },
    epoch: "golden",
    clock: systemClock,
    log: silentLog,
    metrics: SILENT_METRICS,
    recorder: judge.recorder,
  });
  scope.defer(() => server.drain(500));
  const address = { kind: "tcp" as const, host: "127.0.0.1", port: 0 };
  return await server.listen({ address, tls: undefined, insecure: false }, new AbortController().signal);
}

async function counted(envoy: Envoy, stat: string): Promise<number> {
  return (await envoy.stats(`^${stat.replaceAll(".", "\\.")}$`)).get(stat) ?? 0;
}

for (const [index, { name, client, view }] of worlds.entries()) {
  const variant = index % 2 === 0 || client.role === "eastWest" || client.onDemand === true ? "delta" : "sotw";
  test(`Envoy takes the golden ${name} (${variant})`, { skip }, async () => {
    await using scope = new AsyncDisposableStack();
    const port = await serve(view, scope);
    const bootstrap = envoyBootstrap({
      ...client,
      name: client.gateway,
      nodeId: name,
      hostname: "golden",
      xds: { host: "127.0.0.1", port },
      variant,
      adminPort: 0,
      tls: undefined,
    });
    const envoy = await startEnvoy({ bootstrap: JSON.stringify(bootstrap), title: name }, scope);
    const listeners = view.tables.table(TYPE_URL.listener).size;
    await eventually("Envoy has its clusters and listeners", async () => {
      // Who asks on demand asks for clusters only when somebody connects.
      const asks = client.role !== "eastWest" && client.onDemand !== true;
      if (asks) assert.ok((await counted(envoy, "cluster_manager.cds.update_success")) > 0);
      assert.ok((await counted(envoy, "listener_manager.lds.update_success")) > 0);
      assert.equal((await envoy.listeners()).length, listeners);
      assert.equal((await envoy.clusters()).size, asks ? view.tables.table(TYPE_URL.cluster).size : 0);
    });
    assert.equal(await envoy.rejectedUpdates(), 0);
    assert.equal(await counted(envoy, "cluster_manager.warming_clusters"), 0);
    assert.equal(await counted(envoy, "listener_manager.total_listeners_warming"), 0);
  });
}
