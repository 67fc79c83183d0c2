/**
 * The instruments themselves, against real servers alone: an instrument that cannot see a failure would let every
 * other test here pass.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { connect } from "node:tls";
import { startHttpBackend, startTlsBackend } from "../support/backend.ts";
import { makeReadToken, startConsul, TTL_CHECK } from "../support/consul.ts";
import { isLive, startEnvoy, watchStat } from "../support/envoy.ts";
import { eventually } from "../support/eventually.ts";
import { ask } from "../support/http.ts";
import { startLoad } from "../support/load.ts";
import { freePort } from "../support/ports.ts";
import { requireServers } from "../support/require-server.ts";

const envoyOnly = requireServers("envoy");
const consulOnly = requireServers("consul");

test("load through Envoy counts every answer that is not 200, and none that is", { skip: envoyOnly.skip }, async () => {
  await using scope = new AsyncDisposableStack();
  const backend = await startHttpBackend(scope);
  const port = await freePort();
  const envoy = await startEnvoy({ bootstrap: staticProxy(port, backend.port) }, scope);
  assert.equal(await isLive(envoy), true);
  const members = watchStat(envoy, "cluster.web.membership_total", scope);
  const load = startLoad({ url: `http://127.0.0.1:${port}/`, host: "web" }, scope);
  await eventually("20 requests are through", () => assert.ok(backend.served >= 20));
  assert.deepEqual(load.result.failures, []);
  await backend.close();
  await eventually("failures are counted", () => assert.match(load.result.failures[0] ?? "", /HTTP 503/));
  const { sent, failures } = await load.stop();
  assert.ok(sent > failures.length, "those before the end of the backend did not fail");
  assert.deepEqual([members.min, members.max], [1, 1]);
});

test("an Envoy that stands still does not answer, and goes on after", { skip: envoyOnly.skip }, async () => {
  await using scope = new AsyncDisposableStack();
  const backend = await startHttpBackend(scope);
  const port = await freePort();
  const envoy = await startEnvoy({ bootstrap: staticProxy(port, backend.port) }, scope);
  envoy.program.pause();
  await assert.rejects(ask(`http://127.0.0.1:${port}/`, { withinMs: 500 }), /abort|timeout/i);
  envoy.program.resume();
  await eventually("it answers", async () => assert.equal((await ask(`http://127.0.0.1:${port}/`)).status, 200));
  assert.deepEqual(await envoy.program.stop(), { code: 0, signal: null });
});

test("Consul: what is registered, critical and in maintenance is what its catalog shows", { skip: consulOnly.skip }, async () => {
  await using scope = new AsyncDisposableStack();
  const consul = await startConsul({}, scope);
  await consul.register({ ID: "web-1", Name: "web", Address: "127.0.0.1", Port: 9001, Check: TTL_CHECK });
  const checks = async () => {
    const rows =
      await consul.get<readonly { Checks: readonly { CheckID: string; Status: string }[] }[]>("/v1/health/service/web");
    return Object.fromEntries(rows.flatMap(({ Checks }) => Checks.map(({ CheckID, Status }) => [CheckID, Status])));
  };
  await eventually("it passes", async () => assert.equal((await checks())["service:web-1"], "passing"));
  await consul.setHealth("web-1", "critical");
  await eventually("it is critical", async () => assert.equal((await checks())["service:web-1"], "critical"));
  await consul.setMaintenance("web-1", true);
  await eventually("it is in maintenance", async () => assert.equal((await checks())["_service_maintenance:web-1"], "critical"));
  await consul.deregister("web-1");
  await eventually("it is gone", async () => assert.deepEqual(await checks(), {}));
});

test("Consul in server mode keeps its catalog over a kill; revoked rights filter, a deleted token is refused", {
  skip: consulOnly.skip,
}, async () => {
  await using scope = new AsyncDisposableStack();
  const consul = await startConsul({ mode: "server", acl: true }, scope);
  await consul.register({ ID: "web-1", Name: "web", Address: "127.0.0.1", Port: 9001 });
  const token = await makeReadToken(consul);
  const read = () => ask(`${consul.url}/v1/health/service/web`, { headers: { "x-consul-token": token.secret } });
  const rows = async () => (JSON.parse((await read()).body) as unknown[]).length;
  await eventually("it is read", async () => assert.equal(await rows(), 1));
  await consul.kill();
  await consul.start();
  await eventually("it is still there", async () => assert.equal(await rows(), 1));
  await token.takeRights();
  await eventually("it is filtered", async () =>
    assert.equal((await read()).headers["x-consul-results-filtered-by-acls"], "true"),
  );
  assert.equal(await rows(), 0);
  await token.deleteToken();
  await eventually("it is refused", async () => assert.equal((await read()).status, 403));
});

test("the made-up certificate is one that TLS clients accept for its name", async () => {
  await using scope = new AsyncDisposableStack();
  const backend = await startTlsBackend(scope, { host: "db.example.com", name: "db" });
  const socket = connect({ port: backend.port, host: backend.address, servername: "db.example.com", rejectUnauthorized: false });
  await once(socket, "secureConnect");
  assert.equal(socket.getPeerX509Certificate()?.checkHost("db.example.com"), "db.example.com");
  socket.destroy();
});

/** A whole bootstrap without a management server: one listener, one cluster `web` with one host. */
function staticProxy(listenPort: number, backendPort: number): string {
  const at = (port: number) => ({ address: { socket_address: { address: "127.0.0.1", port_value: port } } });
  const manager = {
    "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
    stat_prefix: "in",
    route_config: {
      virtual_hosts: [{ name: "all", domains: ["*"], routes: [{ match: { prefix: "/" }, route: { cluster: "web" } }] }],
    },
    http_filters: [
      { name: "router", typed_config: { "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router" } },
    ],
  };
  const endpoints = [{ lb_endpoints: [{ endpoint: at(backendPort) }] }];
  return JSON.stringify({
    static_resources: {
      listeners: [{ name: "in", ...at(listenPort), filter_chains: [{ filters: [{ name: "http", typed_config: manager }] }] }],
      clusters: [{ name: "web", connect_timeout: "1s", load_assignment: { cluster_name: "web", endpoints } }],
    },
  });
}
