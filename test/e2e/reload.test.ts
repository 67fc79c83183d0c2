/** A changed configuration takes effect without a restart, and only what changed is touched; a bad one changes nothing. */
import assert from "node:assert/strict";
import { mkdir, rename, symlink, writeFile } from "node:fs/promises";
import { after, before, describe, test } from "node:test";
import { stringify } from "yaml";
import { type Backend, type Echo, startHttpBackend } from "../support/backend.ts";
import { startBridge } from "../support/bridge.ts";
import { assertHosts, type Edge, startEdge, startGatewayEnvoy, WEB_HOST, WEB_ROUTE } from "../support/edge.ts";
import { clusterStat, watchStat } from "../support/envoy.ts";
import { eventually, steadily } from "../support/eventually.ts";
import { ask } from "../support/http.ts";
import { startLoad } from "../support/load.ts";
import { clusterOf } from "../support/names.ts";
import { requireServers } from "../support/require-server.ts";
import { hostOf, httpService, instanceOf, serviceFile } from "../support/service-file.ts";

const WEB = clusterOf("default/web", "http");
const { skip } = requireServers("envoy");

interface ConfigStatus {
  readonly reload: { readonly ok: boolean; readonly error?: { readonly message: string } };
}

describe("a running bridge whose configuration changes", { skip }, () => {
  const scope = new AsyncDisposableStack();
  let one: Backend;
  let two: Backend;
  let edge: Edge;
  const hosts = () => edge.envoy.hosts(WEB);
  const first = { kind: "file", name: "first", path: "./first.yaml" };
  const second = { kind: "file", name: "second", path: "./second.yaml" };
  const answersOn = async (host: string) => (await ask(edge.url, { headers: { host } })).status;
  const gateways = (...routes: readonly object[]) => {
    const [gateway] = edge.config["gateways"] as readonly object[];
    return [{ ...gateway, routes }];
  };

  before(async () => {
    [one, two] = (await Promise.all([1, 2].map(() => startHttpBackend(scope)))) as [Backend, Backend];
    const files = {
      "first.yaml": serviceFile(httpService("web", [instanceOf(one)])),
      "second.yaml": serviceFile(httpService("web", [instanceOf(two)])),
    };
    edge = await startEdge({ registries: [first], files }, scope);
    await eventually("it answers", async () => assert.equal(await answersOn(WEB_HOST), 200));
  });
  after(() => scope.disposeAsync());

  test("a route is added under load, and no request fails", async () => {
    await using own = new AsyncDisposableStack();
    const load = startLoad({ url: edge.url, host: WEB_HOST }, own);
    assert.equal(await answersOn("new.example.com"), 404);
    await edge.workspace.configure({
      ...edge.config,
      gateways: gateways(WEB_ROUTE, { ...WEB_ROUTE, hosts: ["new.example.com"] }),
    });
    await eventually("the new route answers", async () => assert.equal(await answersOn("new.example.com"), 200));
    assert.deepEqual((await load.stop()).failures, []);
  });

  test("a registry is added and taken away; the other's instance never leaves", async () => {
    await using own = new AsyncDisposableStack();
    const members = watchStat(edge.envoy, clusterStat(WEB, "membership_total"), own);
    await edge.workspace.configure({ ...edge.config, registries: [first, second] });
    await eventually("both instances are there", async () => assertHosts(await hosts(), [hostOf(one), hostOf(two)]));
    await edge.workspace.configure({ ...edge.config, registries: [first] });
    await eventually("one is left", async () => assertHosts(await hosts(), [hostOf(one)]));
    await eventually("the membership was sampled", () => assert.ok(members.samples > 0));
    assert.equal(members.min, 1);
  });

  test("changed settings of a registry take over without a gap", async () => {
    await using own = new AsyncDisposableStack();
    const members = watchStat(edge.envoy, clusterStat(WEB, "membership_total"), own);
    const moved = { ...first, locality: { region: "eu", zone: "b" } };
    await edge.workspace.configure({ ...edge.config, registries: [moved] });
    await eventually("the new locality is there", async () =>
      assert.deepEqual(
        (await hosts()).map(({ locality }) => locality),
        ["eu/b/"],
      ),
    );
    await eventually("the membership was sampled", () => assert.ok(members.samples > 0));
    assert.equal(members.min, 1);
  });

  test("a bad file changes nothing and is told by the API; the next good one counts", async () => {
    await edge.workspace.write("meshbridge.yaml", "registries:\n  - { kind: file, nmae: first, path: ./first.yaml }\n");
    await eventually("it is told", async () => {
      const { reload } = await edge.bridge.get<ConfigStatus>("/v1/config");
      assert.equal(reload.ok, false);
      assert.match(reload.error?.message ?? "", /meshbridge\.yaml:2:\d+.*nmae/s);
    });
    await steadily("it serves as before", 1000, async () => {
      assert.equal(await answersOn(WEB_HOST), 200);
      assertHosts(await hosts(), [hostOf(one)]);
    });
    assert.match((await edge.bridge.ask("/metrics")).body, /^meshbridge_config_last_reload_success(\{\})? 0$/m);
    await edge.workspace.configure({ ...edge.config, registries: [first, second] });
    await eventually("the good one counts", async () => assertHosts(await hosts(), [hostOf(one), hostOf(two)]));
    assert.equal((await edge.bridge.get<ConfigStatus>("/v1/config")).reload.ok, true);
    assert.equal(await edge.envoy.rejectedUpdates(), 0);
  });
});

test("a folder swapped by symlink, as a mounted ConfigMap is: configuration and services are read anew", { skip }, async () => {
  await using scope = new AsyncDisposableStack();
  const backends = (await Promise.all([1, 2].map(() => startHttpBackend(scope)))) as [Backend, Backend];
  const edge = await startEdge(
    { registries: [{ kind: "file", name: "f", path: "./services.yaml" }], files: { "services.yaml": "services: []\n" } },
    scope,
  );
  await edge.bridge.stop();
  // It would share the port of the Envoy to come, and answer with what it had before.
  await edge.envoy.program.stop();
  // ..data → ..v1; each file is a link through ..data, as the kubelet lays them out.
  const { workspace } = edge;
  const config = {
    xds: { listen: `127.0.0.1:${workspace.xdsPort}` },
    admin: { listen: `127.0.0.1:${workspace.adminPort}` },
    ...edge.config,
  };
  const layOut = async (version: string, backend: Backend) => {
    await mkdir(workspace.path(`..${version}`));
    await writeFile(workspace.path(`..${version}/meshbridge.yaml`), stringify(config));
    await writeFile(
      workspace.path(`..${version}/services.yaml`),
      stringify(serviceFile(httpService("web", [instanceOf(backend)]))),
    );
    await symlink(`..${version}`, workspace.path("..data_tmp"));
    await rename(workspace.path("..data_tmp"), workspace.path("..data"));
  };
  await layOut("v1", backends[0]);
  for (const name of ["meshbridge.yaml", "services.yaml"]) {
    await symlink(`..data/${name}`, workspace.path(`${name}.link`));
    await rename(workspace.path(`${name}.link`), workspace.path(name));
  }
  await startBridge(workspace, scope);
  const envoy = await startGatewayEnvoy(workspace, { variant: "delta", nodeId: "second" }, scope);
  await eventually("the first is served", async () => assertHosts(await envoy.hosts(WEB), [hostOf(backends[0])]));
  await layOut("v2", backends[1]);
  await eventually("the second is served", async () => assertHosts(await envoy.hosts(WEB), [hostOf(backends[1])]), {
    withinMs: 2000,
  });
  const reply = await ask(edge.url, { headers: { host: WEB_HOST } });
  assert.equal((JSON.parse(reply.body) as Echo).port, backends[1].port);
});
