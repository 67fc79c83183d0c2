/** Items of the xDS checklist that only a real Envoy can show and no other test has. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Cluster, Cluster_DiscoveryType } from "../../src/gen/envoy/config/cluster/v3/cluster.ts";
import { ClusterLoadAssignment } from "../../src/gen/envoy/config/endpoint/v3/endpoint.ts";
import { makeResource } from "../../src/xds/resource.ts";
import { createTables } from "../../src/xds/table.ts";
import { adsSource } from "../../src/xds/translate/common.ts";
import { TYPE_URL } from "../../src/xds/types.ts";
import type { ViewHandle } from "../../src/xds/view-provider.ts";
import { startEnvoy } from "../support/envoy.ts";
import { eventually } from "../support/eventually.ts";
import { requireServers } from "../support/require-server.ts";
import { startXdsRig } from "../support/xds-rig.ts";

const { skip } = requireServers("envoy");

/** A cluster whose endpoints are called otherwise than itself, as another one's may be. */
function clusterOf(name: string, serviceName: string) {
  const message = Cluster.fromPartial({
    name,
    clusterDiscoveryType: { $case: "type", value: Cluster_DiscoveryType.EDS },
    edsClusterConfig: { serviceName, edsConfig: adsSource() },
    connectTimeout: { seconds: 1, nanos: 0 },
  });
  const refs = [{ typeUrl: TYPE_URL.endpoint, name: serviceName }];
  return makeResource(TYPE_URL.cluster, name, Cluster.encode(message).finish(), refs);
}

for (const variant of ["delta", "sotw"] as const)
  test(`C4 Envoy ${variant}: a second cluster with the same endpoints is active at once (envoy#47302)`, { skip }, async () => {
    await using scope = new AsyncDisposableStack();
    const tables = createTables();
    tables.complete = true;
    const listeners = new Set<() => void>();
    const handle: ViewHandle = {
      ...{ key: "v", tables, ready: true, release: () => undefined },
      subscribe(onChange) {
        listeners.add(onChange);
        return () => listeners.delete(onChange);
      },
    };
    const endpoints = ClusterLoadAssignment.fromPartial({ clusterName: "shared" });
    tables
      .table(TYPE_URL.endpoint)
      .set(makeResource(TYPE_URL.endpoint, "shared", ClusterLoadAssignment.encode(endpoints).finish()));
    tables.table(TYPE_URL.cluster).set(clusterOf("first", "shared"));
    const rig = await startXdsRig("{}", scope, { views: { acquire: () => handle } });
    const bootstrap = JSON.stringify(rig.bootstrap({ role: "sidecar", variant }));
    const envoy = await startEnvoy({ bootstrap, title: `sidecar ${variant}` }, scope);
    const active = async (...names: string[]) => {
      assert.deepEqual([...(await envoy.clusters()).keys()].sort(), names);
      const warming = await envoy.stats("^cluster_manager.warming_clusters$");
      assert.equal(warming.get("cluster_manager.warming_clusters"), 0);
    };
    await eventually("the first is active", () => active("first"));
    tables.table(TYPE_URL.cluster).set(clusterOf("second", "shared"));
    const startedAt = performance.now();
    for (const listener of listeners) listener();
    await eventually("the second is active", () => active("first", "second"));
    assert.ok(performance.now() - startedAt < 5000, "Envoy gives up waiting for endpoints after 15 s");
  });
