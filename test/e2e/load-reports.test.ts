/** Load reports (LRS) of a real Envoy: what it says of its requests is what was requested. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLog } from "../../src/kernel/log.ts";
import { createLoads } from "../../src/xds/load/loads.ts";
import { loadService } from "../../src/xds/server/load-service.ts";
import { startHttpBackend } from "../support/backend.ts";
import { type Envoy, editBootstrap, startEnvoy } from "../support/envoy.ts";
import { eventually } from "../support/eventually.ts";
import { ask } from "../support/http.ts";
import { freePort } from "../support/ports.ts";
import { requireServers } from "../support/require-server.ts";
import { serviceAt, startXdsRig } from "../support/xds-rig.ts";

const { skip } = requireServers("envoy");
const INTERVAL_SECONDS = 1;
const REQUESTS = 20;
const CLUSTER = "default/web/http";

test("H1 Envoy: load reports over three intervals add up to the requests that were made", { skip }, async () => {
  await using scope = new AsyncDisposableStack();
  const loads = createLoads();
  const backend = await startHttpBackend(scope);
  const port = await freePort();
  const rig = await startXdsRig(`sidecar: { outbound: { port: ${port} } }\n`, scope, {
    services: [loadService(loads, silentLog, undefined, INTERVAL_SECONDS)],
  });
  rig.set(serviceAt("web", backend));
  const bootstrap = editBootstrap(JSON.stringify(rig.bootstrap({ role: "sidecar" })), (all) => {
    const service = { envoy_grpc: { cluster_name: "xds" } };
    const source = { api_type: "GRPC", transport_api_version: "V3", grpc_services: [service] };
    all["cluster_manager"] = { load_stats_config: source };
  });
  const envoy = await startEnvoy({ bootstrap, title: "sidecar with load reports" }, scope);
  await eventually("it has the cluster", async () => assert.ok((await envoy.clusters()).has(CLUSTER)));
  await reportsOnceMore(envoy);

  const get = () => ask(`http://127.0.0.1:${port}/`, { headers: { host: "web.default" } });
  await eventually("it serves", async () => assert.equal((await get()).status, 200));
  const reported = () => loads.all().filter(({ cluster }) => cluster === CLUSTER);
  const sum = (kind: "issued" | "succeeded" | "failed" | "inProgress") => reported().reduce((total, one) => total + one[kind], 0);
  for (let interval = 0; interval < 3; interval++) {
    for (let n = 0; n < REQUESTS; n++) assert.equal((await get()).status, 200);
    await eventually("the report of the interval", () => assert.equal(sum("issued"), backend.served), { withinMs: 5000 });
  }
  assert.ok(backend.served > 3 * REQUESTS);
  assert.deepEqual([sum("succeeded"), sum("failed"), sum("inProgress")], [backend.served, 0, 0]);
});

/**
 * Envoy counts for a cluster from the first report on that follows its coming, and sets what was counted before to 0
 * (load_stats_reporter_impl.cc, `startLoadReportPeriod`): requests made earlier are in no report.
 */
async function reportsOnceMore(envoy: Envoy): Promise<void> {
  const name = "load_reporter.responses";
  const sent = async () => (await envoy.stats(`^${name.replace(".", "\\.")}$`)).get(name) ?? 0;
  const before = await sent();
  await eventually("a report", async () => assert.ok((await sent()) > before), { withinMs: 5000 });
}
