/** A cluster is drained while requests run through a real Envoy: they go elsewhere, none fails, also over a restart. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Explanation } from "../../src/admin/explain.ts";
import type { AcksAnswer } from "../../src/admin/routes/acks.ts";
import type { DrainAnswer } from "../../src/admin/routes/drains.ts";
import { type Backend, startHttpBackend } from "../support/backend.ts";
import { meshbridge, startBridge } from "../support/bridge.ts";
import { assertHosts, startEdge, WEB_HOST } from "../support/edge.ts";
import { eventually } from "../support/eventually.ts";
import { startLoad } from "../support/load.ts";
import { clusterOf } from "../support/names.ts";
import { requireServers } from "../support/require-server.ts";
import { hostOf, httpService, instanceOf, serviceFile } from "../support/service-file.ts";

const WEB = clusterOf("default/web", "http");
const { skip } = requireServers("envoy");

test("drain, restart, undrain under load: no request fails, and each step is acknowledged and explained", { skip }, async () => {
  await using scope = new AsyncDisposableStack();
  const [eu, us] = (await Promise.all([1, 2].map(() => startHttpBackend(scope)))) as [Backend, Backend];
  const instances = [
    { ...instanceOf(eu), cluster: "eu-1" },
    { ...instanceOf(us), cluster: "us-1" },
  ];
  const files = { "services.yaml": serviceFile(httpService("web", instances)) };
  const edge = await startEdge({ registries: [{ kind: "file", name: "local", path: "./services.yaml" }], files }, scope);
  const { workspace, envoy } = edge;
  let { bridge } = edge;
  const cli = (...words: string[]) => meshbridge([...words, "--admin", workspace.adminUrl]);
  const shows = (...expected: string[]) =>
    eventually("Envoy shows the hosts", async () => assertHosts(await envoy.hosts(WEB), expected), { withinMs: 5000 });
  const acked = () =>
    eventually("every client has acknowledged", async () => {
      const { state, servedVersion, catalogVersion } = await bridge.get<AcksAnswer>("/v1/services/default/web/acks");
      assert.deepEqual([state, servedVersion], ["acked", catalogVersion]);
    });
  const healthy = (backend: Backend) => `${hostOf(backend)} HEALTHY weight 1`;
  const draining = `${hostOf(eu)} DRAINING weight 1`;
  await shows(healthy(eu), healthy(us));
  const load = startLoad({ url: edge.url, host: WEB_HOST, rate: 200 }, scope);

  assert.equal((await cli("drain", "default/web", "--cluster", "eu-1", "--ttl", "1h", "--reason", "upgrade")).code, 0);
  await acked();
  await shows(draining, healthy(us));
  const servedBefore = eu.served;
  const explained = await bridge.get<Explanation>("/v1/explain?service=default/web");
  const first = explained.instances.find(({ drain }) => drain !== null);
  assert.match(first?.reason ?? "", /drained by operator \(upgrade\) until/);
  assert.match((await bridge.ask("/metrics")).body, /meshbridge_catalog_drained_instances 1/);
  const refused = await cli("drain", "default/web", "--cluster", "us-1");
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /MB_DRAIN_LAST/);

  await bridge.kill();
  bridge = await startBridge(workspace, scope);
  const { items } = await bridge.get<{ items: DrainAnswer[] }>("/v1/drains");
  assert.deepEqual(
    items.map(({ cluster, durable }) => [cluster, durable]),
    [["eu-1", true]],
  );
  await acked();
  await shows(draining, healthy(us));
  assert.equal(eu.served, servedBefore, "not one request has reached the drained instance since the acknowledgement");

  assert.equal((await cli("undrain", "default/web", "--cluster", "eu-1")).code, 0);
  await shows(healthy(eu), healthy(us));
  await eventually("it gets requests again", async () => assert.ok(eu.served > servedBefore));
  const { sent, failures } = await load.stop();
  assert.ok(sent > 100);
  assert.deepEqual(failures, []);
});
