/** The program as an operator meets it: start, look, stop; and what it says when it cannot start. */
import assert from "node:assert/strict";
import { chmod } from "node:fs/promises";
import { after, before, describe, test } from "node:test";
import { type Backend, startHttpBackend } from "../support/backend.ts";
import { createWorkspace, meshbridge, startBridge } from "../support/bridge.ts";
import { type Edge, startEdge } from "../support/edge.ts";
import { eventually } from "../support/eventually.ts";
import { requireServers } from "../support/require-server.ts";
import { hostOf, httpService, instanceOf, serviceFile } from "../support/service-file.ts";

const LOCAL = { kind: "file", name: "local", path: "./services.yaml" };
const { skip } = requireServers("envoy");

describe("a running bridge with a gateway", { skip }, () => {
  const scope = new AsyncDisposableStack();
  let backend: Backend;
  let edge: Edge;
  before(async () => {
    backend = await startHttpBackend(scope);
    const files = { "services.yaml": serviceFile(httpService("web", [instanceOf(backend)])) };
    edge = await startEdge({ registries: [LOCAL], files }, scope);
  });
  after(() => scope.disposeAsync());
  const run = (...args: string[]) => meshbridge([...args, "--admin", edge.workspace.adminUrl]);

  test("every verb that asks the bridge answers; JSON is for programs", async () => {
    await eventually("the proxy is SYNCED in all types", async () => {
      const { stdout } = await run("proxies", "-o", "json");
      const [proxy] = JSON.parse(stdout) as { types: { type: string; status: string }[] }[];
      assert.deepEqual(proxy?.types.map(({ type, status }) => `${type} ${status}`).sort(), [
        "CDS SYNCED",
        "EDS SYNCED",
        "LDS SYNCED",
        "RDS SYNCED",
      ]);
    });
    const [proxy] = JSON.parse((await run("proxies", "-o", "json")).stdout) as { id: string }[];
    const id = proxy?.id ?? "";
    const explained = await run("explain", "default/web", "--node", id);
    assert.match(
      explained.stdout,
      new RegExp(`${hostOf(backend)} +kept +0 +1 +healthy +local/default/web +its registry names it`),
    );
    assert.match(explained.stdout, new RegExp(`${id}: acked`));
    assert.match((await run("dump", id, "endpoints", "-o", "yaml")).stdout, new RegExp(`portValue: ${backend.port}`));
    assert.match((await run("services")).stdout, /default\/web +http:\d+\/HTTP +1\/1/);
    assert.match((await run("registries")).stdout, /local +file +live/);
    const checked = await run("check", "-c", edge.workspace.configPath);
    assert.equal(checked.code, 0, checked.stdout);
  });

  test("the API documents itself, follows what happens, and changes the log level", async () => {
    const openapi = await edge.bridge.get<{ paths: object }>("/openapi.json");
    for (const path of [
      "/v1/services",
      "/v1/services/{namespace}/{name}",
      "/v1/registries",
      "/v1/proxies",
      "/v1/explain",
      "/v1/events",
    ])
      assert.ok(path in openapi.paths, path);
    assert.equal((await edge.bridge.ask("/docs/")).status, 200);
    const headers = { "content-type": "application/json" };
    assert.equal((await edge.bridge.ask("/v1/log-level", { method: "PUT", headers, body: '{"level":"debug"}' })).status, 200);
    assert.deepEqual(await edge.bridge.get("/v1/log-level"), { level: "debug" });
    assert.match((await edge.bridge.ask("/readyz?verbose")).body, /\[\+\] registry local: live/);
    assert.match((await edge.bridge.ask("/metrics")).body, /^meshbridge_registry_up\{registry="local"\} 1$/m);
  });

  test("SIGTERM: not ready first, streams ended, exit 0 within 10 s; Envoy keeps serving", async () => {
    const started = performance.now();
    const status = await edge.bridge.stop();
    assert.deepEqual(status, { code: 0, signal: null });
    assert.ok(performance.now() - started < 10_000);
    assert.match(edge.bridge.program.stderr(), /stopped/);
    assert.equal((await fetch(edge.url, { headers: { host: "web.example.com" } }).catch(() => undefined)) === undefined, false);
  });
});

test("a port that is taken: which one, for what, and what to do; exit 2", async () => {
  await using scope = new AsyncDisposableStack();
  const workspace = await createWorkspace(scope);
  await workspace.configure({ registries: [] });
  await startBridge(workspace, scope);
  for (const [setting, purpose] of [
    ["--xds-listen", "the xDS port"],
    ["--admin-listen", "the admin API"],
  ] as const) {
    const taken = setting === "--xds-listen" ? workspace.xdsPort : workspace.adminPort;
    const other = setting === "--xds-listen" ? ["--admin-listen", "127.0.0.1:0"] : ["--xds-listen", "127.0.0.1:0"];
    const { code, stderr } = await meshbridge(["serve", "-c", workspace.configPath, setting, `127.0.0.1:${taken}`, ...other]);
    assert.equal(code, 2);
    assert.match(stderr, new RegExp(`MB_LISTEN_FAILED: cannot listen on 127\\.0\\.0\\.1:${taken} for ${purpose}: .*EADDRINUSE`));
    assert.match(stderr, /next: choose another address in the configuration, or stop what uses it/);
  }
});

test("a configuration that cannot be used: every problem with its place; exit 2", async () => {
  await using scope = new AsyncDisposableStack();
  const workspace = await createWorkspace(scope);
  await workspace.write("meshbridge.yaml", "xds: { listen: 0.0.0.0:18000 }\nregistries:\n  - { kind: consull, name: c }\n");
  const { code, stderr } = await meshbridge(["serve", "-c", workspace.configPath]);
  assert.equal(code, 2);
  assert.match(stderr, /meshbridge\.yaml:1:\d+ +xds\.listen/);
  assert.match(stderr, /meshbridge\.yaml:3:\d+ .*consull.*consul/);
});

test("a registry whose file is not there holds nobody up for longer than the bound, and is named by /readyz", async () => {
  await using scope = new AsyncDisposableStack();
  const workspace = await createWorkspace(scope);
  await workspace.write("services.yaml", serviceFile(httpService("web", [])));
  await workspace.configure({
    xds: { listen: `127.0.0.1:${workspace.xdsPort}`, syncTimeout: "2s" },
    registries: [LOCAL, { kind: "file", name: "lost", path: "./not-there.yaml" }],
  });
  const bridge = await startBridge(workspace, scope, { until: "alive" });
  const early = await bridge.ask("/readyz");
  assert.equal(early.status, 503);
  assert.match(early.body, /\[-\] registry lost: .*not-there\.yaml/);
  const waited = await eventually("it is ready without the lost one", async () =>
    assert.equal((await bridge.ask("/readyz")).status, 200),
  );
  assert.ok(waited < 4000, `${waited} ms`);
  assert.equal((await bridge.get<{ sync: string }>("/v1/overview")).sync, "partial");
  await workspace.write("not-there.yaml", serviceFile(httpService("api", [])));
  await eventually("it is complete", async () =>
    assert.equal((await bridge.get<{ sync: string }>("/v1/overview")).sync, "complete"),
  );
});

test("a state folder that cannot be written costs a warning, nothing else", async () => {
  await using scope = new AsyncDisposableStack();
  const workspace = await createWorkspace(scope);
  await workspace.write("services.yaml", serviceFile(httpService("web", [])));
  await workspace.write("state", "a file where a folder should be");
  await chmod(workspace.path("state"), 0o400);
  await workspace.configure({ registries: [LOCAL] });
  const bridge = await startBridge(workspace, scope);
  await eventually("the warning is there", () => assert.match(bridge.program.stderr(), /saved state could not be written/));
  assert.deepEqual(await bridge.stop(), { code: 0, signal: null });
});
