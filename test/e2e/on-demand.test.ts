/** A sidecar that asks for virtual hosts (VHDS) and clusters (ODCDS) when a request needs them, and a real Envoy that does. */
import assert from "node:assert/strict";
import { connect } from "node:net";
import { test } from "node:test";
import { TYPE_URL } from "../../src/xds/types.ts";
import { startHttpBackend, startTcpBackend } from "../support/backend.ts";
import { type Envoy, isLive, startEnvoy } from "../support/envoy.ts";
import { eventually } from "../support/eventually.ts";
import { ask } from "../support/http.ts";
import { freePorts } from "../support/ports.ts";
import { requireServers } from "../support/require-server.ts";
import { serviceAt, startXdsRig, type XdsRig } from "../support/xds-rig.ts";

const { skip } = requireServers("envoy");
const HOST = "web.default.mesh.internal";

/** A sidecar on demand, ready to take requests. */
async function startSidecar(rig: XdsRig, scope: AsyncDisposableStack): Promise<Envoy> {
  const bootstrap = rig.bootstrap({ role: "sidecar", onDemand: true });
  const envoy = await startEnvoy({ bootstrap: JSON.stringify(bootstrap), title: "sidecar on demand" }, scope);
  await eventually("it takes connections", async () => assert.equal(await isLive(envoy), true));
  await eventually("the listener is there", async () =>
    assert.ok((await envoy.listeners()).includes("outbound/http"), "no listener"),
  );
  return envoy;
}

async function prepare(scope: AsyncDisposableStack, extra = "") {
  const [outbound = 0, tcpPort = 0] = await freePorts(2);
  const rig = await startXdsRig(`mesh: { domain: mesh.internal }\nsidecar: { outbound: { port: ${outbound} } }\n${extra}`, scope);
  const url = `http://127.0.0.1:${outbound}/`;
  const get = (host: string, more = {}) => ask(url, { headers: { host }, ...more });
  const requestsFor = (type: string) =>
    rig.judge.records.flatMap((record) => (record.kind === "request" && record.type === type ? (record.subscribe ?? []) : []));
  return { rig, get, tcpPort, requestsFor };
}

test("VHDS and ODCDS: the first request is resolved, nothing else is sent; the next one asks nothing", { skip }, async () => {
  await using scope = new AsyncDisposableStack();
  const backend = await startHttpBackend(scope);
  const { rig, get, requestsFor } = await prepare(scope);
  rig.set(serviceAt("web", backend), serviceAt("other", { address: "127.0.0.1", port: 1 }));
  const envoy = await startSidecar(rig, scope);
  assert.deepEqual([...(await envoy.clusters()).keys()], [], "no cluster before a request needs one");
  const first = await get(HOST);
  assert.equal(first.status, 200, first.body);
  assert.deepEqual([...(await envoy.clusters()).keys()], ["default/web/http"]);
  const asked = requestsFor(TYPE_URL.virtualHost).length;
  for (let n = 0; n < 5; n++) assert.equal((await get(HOST)).status, 200);
  assert.equal(requestsFor(TYPE_URL.virtualHost).length, asked, "what is there is not asked for again");
  // Another way to write the same host is a name of its own.
  assert.equal((await get(`${HOST}:80`)).status, 200);
  assert.equal((await get("web")).status, 200);
  const body = await get("web.default", { method: "POST", body: "x".repeat(10_000) });
  assert.equal(body.status, 200, "a first request with a body");
  assert.equal(await envoy.rejectedUpdates(), 0);
});

test("VHDS: an unknown host is a 404 at once and no loop; when it comes it is served, when it goes it is a 404", {
  skip,
}, async () => {
  await using scope = new AsyncDisposableStack();
  const backend = await startHttpBackend(scope);
  const { rig, get, requestsFor } = await prepare(scope);
  rig.set(serviceAt("other", backend));
  const envoy = await startSidecar(rig, scope);
  for (let n = 0; n < 5; n++) {
    const startedAt = performance.now();
    const reply = await get(HOST);
    assert.equal(reply.status, 404);
    assert.ok(performance.now() - startedAt < 3000, "without waiting for a timeout");
  }
  const asked = requestsFor(TYPE_URL.virtualHost).length;
  assert.ok(asked <= 6, `${asked} names asked for by 5 requests`);
  rig.set(serviceAt("other", backend), serviceAt("web", backend));
  await eventually("it is served", async () => assert.equal((await get(HOST)).status, 200));
  rig.set(serviceAt("other", backend));
  await eventually("it is gone", async () => assert.equal((await get(HOST)).status, 404));
  rig.set(serviceAt("other", backend), serviceAt("web", backend));
  await eventually("it is back", async () => assert.equal((await get(HOST)).status, 200));
  assert.equal(await envoy.rejectedUpdates(), 0);
});

test("on demand: the server is replaced; what is held goes on, and new hosts are resolved by the new one", { skip }, async () => {
  await using scope = new AsyncDisposableStack();
  const backend = await startHttpBackend(scope);
  const { rig, get } = await prepare(scope);
  rig.set(serviceAt("web", backend), serviceAt("api", backend));
  const envoy = await startSidecar(rig, scope);
  assert.equal((await get(HOST)).status, 200);
  assert.equal((await get("nobody")).status, 404);
  await rig.replaceServer();
  assert.equal((await get(HOST)).status, 200, "what is held needs no bridge");
  await eventually("a new host", async () => assert.equal((await get("api")).status, 200));
  const moved = await startHttpBackend(scope, { name: "moved" });
  rig.set(serviceAt("web", moved), serviceAt("api", backend));
  await eventually("the held cluster follows", async () => assert.match((await get(HOST)).body, /moved/));
  rig.set(serviceAt("api", backend));
  await eventually("the held host goes", async () => assert.equal((await get(HOST)).status, 404));
  assert.equal(await envoy.rejectedUpdates(), 0);
});

test("on demand: a TCP service's cluster comes with the first connection; a host split over clusters works", {
  skip,
}, async () => {
  await using scope = new AsyncDisposableStack();
  const [tcp, http] = await Promise.all([startTcpBackend(scope, { name: "tcp" }), startHttpBackend(scope)]);
  const { rig, get, tcpPort } = await prepare(scope, 'services: [ { match: "default/web", distribute: { c1: 60, c2: 40 } } ]\n');
  rig.set(serviceAt("db", { ...pick(tcp), protocol: "TCP", listed: tcpPort }), serviceAt("web", http));
  const envoy = await startSidecar(rig, scope);
  await eventually("the TCP listener is there", async () =>
    assert.ok((await envoy.listeners()).includes(`outbound/tcp/${tcpPort}`)),
  );
  assert.equal(await said(tcpPort), "tcp\n");
  for (let n = 0; n < 20; n++) assert.equal((await get(HOST)).status, 200);
  const clusters = [...(await envoy.clusters()).keys()].sort();
  assert.deepEqual(clusters, ["default/db/http", "default/web/http~c1", "default/web/http~c2"]);
});

const pick = ({ address, port }: { readonly address: string; readonly port: number }) => ({ address, port });

/** What a TCP server says before it closes. */
function said(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1");
    let text = "";
    socket.setTimeout(8000, () => socket.destroy(new Error("nothing was said in 8 s")));
    socket.on("data", (chunk) => {
      text += chunk;
    });
    socket.on("error", reject);
    socket.on("close", () => resolve(text));
    socket.write("hello\n");
  });
}
