/** A file's services reach a real Envoy that was started with the printed bootstrap: HTTP, TCP and TLS. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type Backend, type Echo, startHttpBackend, startTcpBackend, startTlsBackend } from "../support/backend.ts";
import { bootstrapOf, createWorkspace, startBridge } from "../support/bridge.ts";
import { assertHosts, type Edge, startEdge, WEB_HOST, WEB_ROUTE } from "../support/edge.ts";
import { isLive, startEnvoy } from "../support/envoy.ts";
import { eventually } from "../support/eventually.ts";
import { type Ask, ask } from "../support/http.ts";
import { clusterOf } from "../support/names.ts";
import { freePort, freePorts } from "../support/ports.ts";
import { requireServers } from "../support/require-server.ts";
import { type FileInstance, hostOf, httpService, instanceOf, serviceFile } from "../support/service-file.ts";
import { readTcp, readTls } from "../support/sockets.ts";

const AT_ONCE = { withinMs: 1000 };
const WEB = clusterOf("default/web", "http");
const { skip } = requireServers("envoy");

test("Envoy runs the printed YAML bootstrap exactly as it is, and answers", { skip }, async () => {
  await using scope = new AsyncDisposableStack();
  const backend = await startHttpBackend(scope);
  const workspace = await createWorkspace(scope);
  const [port, adminPort] = (await freePorts(2)) as [number, number];
  await workspace.write("services.yaml", serviceFile(httpService("web", [instanceOf(backend)])));
  await workspace.configure({
    registries: [{ kind: "file", name: "local", path: "./services.yaml" }],
    gateways: [
      { name: "edge", listeners: [{ name: "http", address: "127.0.0.1", port, protocol: "HTTP" }], routes: [WEB_ROUTE] },
    ],
  });
  await startBridge(workspace, scope);
  const args = ["--role", "gateway", "--name", "edge", "--admin-port", String(adminPort)];
  const envoy = await startEnvoy({ bootstrap: await bootstrapOf(workspace, args, "yaml"), adminPort }, scope);
  await eventually("it is live", async () => assert.equal(await isLive(envoy), true));
  await eventually("it answers", async () => {
    const reply = await ask(`http://127.0.0.1:${port}/`, { headers: { host: WEB_HOST } });
    assert.equal((JSON.parse(reply.body) as Echo).port, backend.port);
  });
  assert.equal(await envoy.rejectedUpdates(), 0);
  assert.equal(envoy.program.stderr(), "", "Envoy has nothing to warn of");
});

describe("a gateway fed by a file", { skip }, () => {
  const scope = new AsyncDisposableStack();
  let first: Backend;
  let second: Backend;
  let canary: Backend;
  let edge: Edge;
  let tcpPort: number;
  let tlsPort: number;
  const shown = (backend: Backend, rest: string) => `${hostOf(backend)} ${rest}`;
  const hosts = () => edge.envoy.hosts(WEB);
  const via = (host: string, path = "/", options: Ask = {}) =>
    ask(edge.url + path, { ...options, headers: { host, ...options.headers } });
  const answered = async (host: string, path = "/", options: Ask = {}) => {
    const reply = await via(host, path, options);
    assert.equal(reply.status, 200, reply.body);
    return JSON.parse(reply.body) as Echo;
  };
  let others: ReturnType<typeof httpService>[];
  const write = (...instances: readonly FileInstance[]) =>
    edge.workspace.write("services.yaml", serviceFile(httpService("web", instances), ...others));

  before(async () => {
    [first, second, canary] = (await Promise.all([1, 2, 3].map(() => startHttpBackend(scope)))) as [Backend, Backend, Backend];
    const tcp = await startTcpBackend(scope, { name: "database" });
    const tls = await startTlsBackend(scope, { host: "vault.example.com", name: "vault" });
    tcpPort = await freePort();
    tlsPort = await freePort();
    const plain = (name: string, backend: Backend, protocol: string) => ({
      name,
      namespace: "default",
      ports: [{ name: "main", port: 5000, protocol }],
      instances: [instanceOf(backend, {}, "main")],
    });
    others = [
      httpService("canary", [instanceOf(canary)]),
      httpService("empty", []),
      plain("db", tcp, "TCP"),
      plain("vault", tls, "TLS"),
    ];
    edge = await startEdge(
      {
        registries: [{ kind: "file", name: "local", path: "./services.yaml" }],
        files: { "services.yaml": serviceFile(httpService("web", [instanceOf(first), instanceOf(second)]), ...others) },
        listeners: [
          { name: "tcp", address: "127.0.0.1", port: tcpPort, protocol: "TCP" },
          { name: "tls", address: "127.0.0.1", port: tlsPort, protocol: "TLS" },
        ],
        routes: [
          { hosts: [WEB_HOST], headers: [{ name: "x-canary", exact: "yes" }], service: "default/canary" },
          { hosts: [WEB_HOST], prefix: "/canary/", prefixRewrite: "/", service: "default/canary" },
          { hosts: [WEB_HOST], path: "/exact", service: "default/canary" },
          WEB_ROUTE,
          {
            hosts: ["split.example.com"],
            services: [
              { service: "default/web", weight: 3 },
              { service: "default/canary", weight: 1 },
            ],
            timeout: "2s",
            retries: { attempts: 2 },
          },
          { hosts: ["missing.example.com"], service: "default/not-there" },
          { hosts: ["empty.example.com"], service: "default/empty" },
          { listeners: "tcp", service: "default/db" },
          { listeners: "tls", hosts: ["vault.example.com"], service: "default/vault" },
        ],
      },
      scope,
    );
    await eventually("the gateway answers", () => answered(WEB_HOST));
  });
  after(() => scope.disposeAsync());

  test("requests reach every instance of the service", async () => {
    const ports = new Set<number>();
    await eventually("both have answered", async () => {
      ports.add((await answered(WEB_HOST)).port);
      assert.deepEqual(ports, new Set([...ports, first.port, second.port]));
    });
  });

  test("an unknown host is 404; a service that is not there, or has no instance, is 503", async () => {
    assert.equal((await via("nobody.example.com")).status, 404);
    assert.equal((await via("missing.example.com")).status, 503);
    assert.equal((await via("empty.example.com")).status, 503);
  });

  test("headers, prefixes and whole paths choose the service, and a prefix is rewritten", async () => {
    assert.equal((await answered(WEB_HOST, "/", { headers: { "x-canary": "yes" } })).port, canary.port);
    assert.notEqual((await answered(WEB_HOST, "/", { headers: { "x-canary": "no" } })).port, canary.port);
    const rewritten = await answered(WEB_HOST, "/canary/deep?q=1");
    assert.deepEqual([rewritten.port, rewritten.path], [canary.port, "/deep?q=1"]);
    assert.equal((await answered(WEB_HOST, "/exact")).port, canary.port);
    assert.notEqual((await answered(WEB_HOST, "/exact/not")).port, canary.port);
  });

  test("weighted services share the requests about 3 to 1", async () => {
    let toCanary = 0;
    for (let i = 0; i < 200; i++) if ((await answered("split.example.com")).port === canary.port) toCanary++;
    // Expected 50; the chance to be outside of 20–90 by luck is below one in a million.
    assert.ok(toCanary > 20 && toCanary < 90, `${toCanary} of 200 went to the service of weight 1`);
  });

  test("TCP goes through, and TLS passes unopened by its SNI", async () => {
    assert.equal(await readTcp(tcpPort), "database\n");
    assert.equal(await readTls(tlsPort, "vault.example.com"), "vault\n");
    await assert.rejects(readTls(tlsPort, "other.example.com"), "a name that nothing is configured for is not let through");
  });

  test("a removed, an added and a re-weighted instance are in Envoy within a second", async () => {
    await write(instanceOf(first));
    await eventually("it is gone", async () => assertHosts(await hosts(), [hostOf(first)]), AT_ONCE);
    await write(instanceOf(first), instanceOf(second, { weight: 5 }));
    const added = [shown(first, "HEALTHY weight 1"), shown(second, "HEALTHY weight 5")];
    await eventually("it is back", async () => assertHosts(await hosts(), added), AT_ONCE);
    await write(instanceOf(first, { weight: 9 }), instanceOf(second, { weight: 2, health: "draining" }));
    const changed = [shown(first, "HEALTHY weight 9"), shown(second, "DRAINING weight 2")];
    await eventually("weights and health are new", async () => assertHosts(await hosts(), changed), AT_ONCE);
  });

  test("no update was refused, by Envoy's count and by the bridge's", async () => {
    assert.equal(await edge.envoy.rejectedUpdates(), 0);
    const { items } = await edge.bridge.get<{ items: { types: { nacks: number; status: string }[] }[] }>("/v1/proxies");
    for (const { nacks, status } of items.flatMap(({ types }) => types)) assert.deepEqual([nacks, status], [0, "SYNCED"]);
  });
});
