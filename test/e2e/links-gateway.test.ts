/**
 * Links and remote proxies through the gateway between networks: of a bridge nothing but its gateway's port is reached, and the server
 * name (SNI) of the connection says that it is for the bridge. The gateway opens no TLS.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Echo, startHttpBackend } from "../support/backend.ts";
import { bootstrapOf, createWorkspace, meshbridge, startBridge } from "../support/bridge.ts";
import { issue, selfSigned } from "../support/certificate.ts";
import { startEnvoy } from "../support/envoy.ts";
import { eventually } from "../support/eventually.ts";
import { askJson } from "../support/http.ts";
import { freePorts } from "../support/ports.ts";
import { requireServers } from "../support/require-server.ts";

const { skip } = requireServers("envoy");
/** The bridge of b as a service of its own mesh. */
const BRIDGE = "bridge.mesh.mesh.local";

/** Bridge b on network nb with its gateway; who is on na reaches that gateway alone. */
async function primary(scope: AsyncDisposableStack) {
  const workspace = await createWorkspace(scope);
  const [gatewayPort = 0, outbound = 0] = await freePorts(2);
  const backend = await startHttpBackend(scope, { name: "local of a" });
  const server = issue({ names: [BRIDGE, "127.0.0.1"] });
  const [link, proxy] = [selfSigned("bridge.a.test"), selfSigned("proxies.test")];
  for (const [name, text] of Object.entries({
    ...{ "tls.crt": server.cert, "tls.key": server.key, "clients.crt": link.cert + proxy.cert },
    ...{ "proxy.crt": proxy.cert, "proxy.key": proxy.key },
  }))
    await workspace.write(name, text);
  const service = (namespace: string, name: string, port: object, instance: object) => ({
    ...{ namespace, name, ports: [port], instances: [instance] },
  });
  await workspace.write("services.yaml", {
    services: [
      service(
        "mesh",
        "bridge",
        { name: "xds", port: 18000, protocol: "TLS" },
        { address: "127.0.0.1", ports: { xds: workspace.xdsPort } },
      ),
      service("shop", "web", { name: "http", port: 80 }, { address: "10.9.0.2", ports: { http: 8080 } }),
      service(...(["shop", "here", { name: "http", port: 80 }] as const), {
        address: backend.address,
        ports: { http: backend.port },
        network: "na",
        cluster: "a",
      }),
    ],
  });
  await workspace.configure({
    mesh: { cluster: "b", network: "nb" },
    xds: {
      listen: `127.0.0.1:${workspace.xdsPort}`,
      tls: { certFile: "tls.crt", keyFile: "tls.key", clientCaFile: "clients.crt" },
    },
    registries: [{ kind: "file", name: "local", path: "./services.yaml" }],
    networks: [{ name: "nb", gateways: [{ address: "127.0.0.1", port: gatewayPort }] }, { name: "na" }],
    // To the network of those who connect; to no peer, whom it is of no use to.
    exports: [
      { match: "mesh/bridge", to: ["na"] },
      { match: "shop/*", to: ["*"] },
    ],
    links: { peers: [{ name: "a", identities: ["DNS:bridge.a.test"] }] },
    gateways: [
      { name: "ew", kind: "eastWest", listeners: [{ name: "sni", address: "127.0.0.1", port: gatewayPort, protocol: "TLS" }] },
    ],
    sidecar: { outbound: { port: outbound } },
  });
  const bridge = await startBridge(workspace, scope);
  const tls = [
    "--tls-ca",
    workspace.path("tls.crt"),
    "--tls-cert",
    workspace.path("proxy.crt"),
    "--tls-key",
    workspace.path("proxy.key"),
  ];
  const bootstrap = await bootstrapOf(workspace, ["--role", "eastWest", "--name", "ew", ...tls]);
  const gateway = await startEnvoy({ bootstrap, title: "gateway b" }, scope);
  await eventually("the gateway listens", async () => assert.equal((await gateway.listeners()).length, 1));
  return { workspace, bridge, gateway, gatewayPort, outbound, tls, link, server };
}

const connections = async (gateway: Awaited<ReturnType<typeof primary>>["gateway"]) =>
  (await gateway.stats("tcp\\.east_west\\.downstream_cx_total")).get("tcp.east_west.downstream_cx_total") ?? 0;

test("a link through the gateway's port, made, listed, checked and removed by the command line", { skip }, async () => {
  await using scope = new AsyncDisposableStack();
  const b = await primary(scope);
  const workspace = await createWorkspace(scope);
  for (const [name, text] of Object.entries({ "ca.pem": b.server.cert, "cert.pem": b.link.cert, "key.pem": b.link.key }))
    await workspace.write(name, text);
  const link = (...words: string[]) => meshbridge(["link", ...words], { cwd: workspace.dir });
  const made = await link(
    ...["create", "--peer", "b", "--server", `127.0.0.1:${b.gatewayPort}`, "--server-name", BRIDGE],
    ...["--ca", "ca.pem", "--cert", "cert.pem", "--key", "key.pem", "--out", "link.yaml"],
  );
  assert.equal(made.code, 0, made.stderr);
  const checked = await link("check", "--file", "link.yaml", "--cluster", "a");
  assert.equal(checked.code, 0, checked.stdout + checked.stderr);

  const staleness = { degradeAfter: "2s", lastAfter: "1h", removeAfter: "2h" };
  await workspace.configure({
    mesh: { cluster: "a", network: "na" },
    registries: [{ kind: "meshbridge", name: "to-b", linkFile: "./link.yaml", staleness }],
  });
  const a = await startBridge(workspace, scope);
  const webHealth = async () => {
    const { instances } = await a.get<{ instances: { health: { registry: string; client: string | null } }[] }>(
      "/v1/services/shop/web",
    );
    return instances.map(({ health }) => health);
  };
  await eventually("a has what b exports", async () => assert.equal((await webHealth()).length, 1));
  assert.ok((await connections(b.gateway)) > 0, "it went through the gateway");
  const { items } = await a.get<{ items: { id: string }[] }>("/v1/services");
  assert.ok(!items.some(({ id }) => id === "mesh/bridge"), "the bridge itself is no export to peers");
  assert.match((await link("list", "--admin", workspace.adminUrl)).stdout, /reads +b +to-b +live/);
  assert.match(
    (await meshbridge(["link", "list", "--admin", b.workspace.adminUrl])).stdout,
    /read by +a +127\.0\.0\.1:\d+ +live/,
  );

  const states = async () => (await a.get<{ reads: { state: string; staleness: string }[] }>("/v1/links")).reads[0];
  await b.gateway.program.kill();
  await eventually("the link is lost", async () => assert.equal((await states())?.state, "stale"), { withinMs: 15_000 });
  assert.equal((await webHealth()).length, 1, "nothing leaves");
  await eventually("its age counts", async () => assert.equal((await states())?.staleness, "degraded"));
  assert.equal((await link("check", "--file", "link.yaml", "--cluster", "a")).code, 1);

  const removed = await link("remove", "link.yaml");
  assert.equal(removed.code, 0, removed.stderr);
  await eventually("it is drained, then gone", async () => assert.equal((await a.ask("/v1/services/shop/web")).status, 404), {
    withinMs: 20_000,
  });
});

test("primary-remote: a proxy on another network is served by the bridge through the gateway", { skip }, async () => {
  await using scope = new AsyncDisposableStack();
  const b = await primary(scope);
  const bootstrap = await bootstrapOf(b.workspace, [
    ...["--role", "sidecar", "--name", "app", "--namespace", "shop", "--cluster", "a", "--network", "na"],
    ...["--xds", `127.0.0.1:${b.gatewayPort}`, "--xds-server-name", BRIDGE, ...b.tls],
  ]);
  const before = await connections(b.gateway);
  await startEnvoy({ bootstrap, title: "remote sidecar" }, scope);
  await eventually("the remote proxy reaches what is beside it", async () => {
    const echo = await askJson<Echo>(`http://127.0.0.1:${b.outbound}/`, { headers: { host: "here.shop.mesh.local" } });
    assert.equal(echo.name, "local of a");
  });
  assert.ok((await connections(b.gateway)) > before, "it went through the gateway");
  const { items } = await b.bridge.get<{ items: { role: string; client: { network: string } }[] }>("/v1/proxies");
  assert.ok(JSON.stringify(items).includes('"na"'), JSON.stringify(items));
});
