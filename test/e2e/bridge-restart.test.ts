/** A bridge that dies and comes back costs nothing: no endpoint, no listener, no request. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Backend, startHttpBackend } from "../support/backend.ts";
import { startBridge } from "../support/bridge.ts";
import { startConsul } from "../support/consul.ts";
import { assertHosts, startEdge, startGatewayEnvoy, WEB_HOST } from "../support/edge.ts";
import { clusterStat, type Envoy, type StatWatch, watchStat } from "../support/envoy.ts";
import { eventually, steadily } from "../support/eventually.ts";
import { type Load, startLoad } from "../support/load.ts";
import { clusterOf } from "../support/names.ts";
import { requireServers } from "../support/require-server.ts";
import { hostOf, httpService, instanceOf, serviceFile } from "../support/service-file.ts";

const WEB = clusterOf("default/web", "http");
const DOWN_MS = 1500;
const { skip } = requireServers("envoy", "consul");

/** What a restart must not touch: how often Envoy added, changed or removed a listener or a cluster. */
const LIFECYCLE = "^(listener_manager\\.listener_(added|modified|removed)|cluster_manager\\.cluster_(added|modified|removed))$";

interface Watched {
  readonly envoy: Envoy;
  readonly members: StatWatch;
  readonly draining: StatWatch;
  readonly lifecycle: ReadonlyMap<string, number>;
}

async function watch(envoy: Envoy, scope: AsyncDisposableStack): Promise<Watched> {
  return {
    envoy,
    members: watchStat(envoy, clusterStat(WEB, "membership_total"), scope),
    draining: watchStat(envoy, "listener_manager.total_listeners_draining", scope),
    lifecycle: await envoy.stats(LIFECYCLE),
  };
}

async function assertUntouched({ envoy, members, draining, lifecycle }: Watched, count: number): Promise<void> {
  assert.ok(members.samples > 5, "the membership was watched");
  assert.deepEqual({ min: members.min, max: members.max }, { min: count, max: count }, "no endpoint left or came");
  assert.equal(draining.max, 0, "no listener was drained");
  assert.deepEqual(await envoy.stats(LIFECYCLE), lifecycle, "no listener and no cluster was touched");
  assert.equal(await envoy.rejectedUpdates(), 0);
}

function connected(envoy: Envoy): Promise<number> {
  return eventually(
    "Envoy is connected to the bridge",
    async () => assert.deepEqual([...(await envoy.stats("^control_plane.connected_state$")).values()], [1]),
    { withinMs: 20_000 },
  );
}

test("killed and started again under a delta and a SotW Envoy, with Consul there, gone and back", { skip }, async (t) => {
  await using scope = new AsyncDisposableStack();
  const consul = await startConsul({ mode: "server" }, scope);
  const backends = (await Promise.all([1, 2, 3].map(() => startHttpBackend(scope)))) as [Backend, Backend, Backend];
  const [fromFile, first, second] = backends;
  const register = (backend: Backend, id: string) =>
    consul.register({ ID: id, Name: "web", Address: backend.address, Port: backend.port });
  await register(first, "web-1");
  await register(second, "web-2");
  const registries = [
    { kind: "file", name: "local", path: "./services.yaml" },
    { kind: "consul", name: "consul-eu", address: consul.url, addresses: { allow: ["127.0.0.0/8"] } },
  ];
  const files = { "services.yaml": serviceFile(httpService("web", [instanceOf(fromFile)])) };
  const edge = await startEdge({ registries, files, variant: "delta" }, scope);
  const sotw = await startGatewayEnvoy(edge.workspace, { variant: "sotw", nodeId: "sotw" }, scope);
  let { bridge } = edge;
  const envoys = [edge.envoy, sotw];
  const everywhere = async (expected: readonly string[]) => {
    for (const envoy of envoys) assertHosts(await envoy.hosts(WEB), expected);
  };
  await eventually("both Envoys have all", () => everywhere(backends.map(hostOf)));

  const underLoad = async (body: () => Promise<void>) => {
    await using watching = new AsyncDisposableStack();
    const load: Load = startLoad({ url: edge.url, host: WEB_HOST }, watching);
    const watched = await Promise.all(envoys.map((envoy) => watch(envoy, watching)));
    await body();
    for (const one of watched) await assertUntouched(one, 3);
    const { sent, failures } = await load.stop();
    assert.ok(sent > 50, `only ${sent} requests were sent`);
    assert.deepEqual(failures, []);
  };
  const backAgain = async () => {
    bridge = await startBridge(edge.workspace, scope);
    for (const envoy of envoys) await connected(envoy);
    await eventually("both proxies are SYNCED", async () => {
      const { items } = await bridge.get<{ items: { types: { type: string; status: string }[] }[] }>("/v1/proxies");
      assert.equal(items.length, 2);
      const states = items.flatMap(({ types }) => types.filter(({ type }) => type === "CDS" || type === "EDS"));
      assert.deepEqual(new Set(states.map(({ status }) => status)), new Set(["SYNCED"]));
    });
  };

  await t.test("SIGKILL and start", () =>
    underLoad(async () => {
      await bridge.kill();
      await steadily("all stays while it is away", DOWN_MS, () => everywhere(backends.map(hostOf)));
      await backAgain();
      await steadily("all stays after it is back", DOWN_MS, () => everywhere(backends.map(hostOf)));
    }),
  );

  await t.test("SIGTERM and start", () =>
    underLoad(async () => {
      assert.deepEqual(await bridge.stop(), { code: 0, signal: null });
      await backAgain();
      await steadily("all stays after it is back", DOWN_MS, () => everywhere(backends.map(hostOf)));
    }),
  );

  await t.test("SIGKILL and start while Consul is down: the last known state is served", () =>
    underLoad(async () => {
      await bridge.kill();
      await consul.kill();
      await backAgain();
      await steadily("all stays", 2 * DOWN_MS, () => everywhere(backends.map(hostOf)));
      await consul.start();
      await eventually(
        "Consul is live",
        async () => {
          const { items } = await bridge.get<{ items: { state: string }[] }>("/v1/registries");
          assert.deepEqual(new Set(items.map(({ state }) => state)), new Set(["live"]));
        },
        { withinMs: 40_000 },
      );
      await steadily("all stays", DOWN_MS, () => everywhere(backends.map(hostOf)));
    }),
  );

  await t.test("what really went while the bridge was away is gone when it is back", async () => {
    await bridge.kill();
    await consul.deregister("web-2");
    await backAgain();
    await eventually("it is gone", () => everywhere([hostOf(fromFile), hostOf(first)]));
  });
});
