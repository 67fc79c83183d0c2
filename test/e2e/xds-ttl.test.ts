/** Clusters with a time to live, in a real Envoy: kept while the bridge says so, gone when it no longer does. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { startEnvoy } from "../support/envoy.ts";
import { eventually, steadily } from "../support/eventually.ts";
import { requireServers } from "../support/require-server.ts";
import { serviceAt, startXdsRig } from "../support/xds-rig.ts";

const { skip } = requireServers("envoy");
const TTL_MS = 1500;

for (const variant of ["delta", "sotw"] as const)
  test(`E1 Envoy ${variant}: a cluster lives by heartbeats, and no longer`, { skip }, async () => {
    await using scope = new AsyncDisposableStack();
    const rig = await startXdsRig("{}", scope, { clusterTtlMs: TTL_MS });
    rig.set(serviceAt("web", { address: "127.0.0.1", port: 1 }));
    const bootstrap = JSON.stringify(rig.bootstrap({ role: "sidecar", variant }));
    const envoy = await startEnvoy({ bootstrap, title: `sidecar ${variant}` }, scope);
    const has = async () => assert.ok((await envoy.clusters()).has("default/web/http"));
    await eventually("it has the cluster", has);
    await steadily("it keeps it", 3 * TTL_MS, has);
    const beats = rig.judge.records.filter((record) => record.kind === "response" && record.kept !== undefined);
    assert.ok(beats.length >= 5, `${beats.length} heartbeats in three TTLs`);
    assert.equal(await envoy.rejectedUpdates(), 0);
    await rig.stopServer();
    await eventually("it lets go", async () => assert.equal((await envoy.clusters()).has("default/web/http"), false));
  });
