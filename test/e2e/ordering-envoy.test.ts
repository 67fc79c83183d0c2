/** Order on the wire as a real Envoy lives it: what swaps, warms and starts must cost no request and no 15 s of waiting. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { CatalogService } from "../../src/catalog/types.ts";
import { configOf } from "../../src/config/testing.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { silentLog } from "../../src/kernel/log.ts";
import { locality } from "../../src/model/locality.ts";
import { envoyBootstrap } from "../../src/xds/bootstrap.ts";
import { createProxies } from "../../src/xds/proxies.ts";
import { createXdsServer, type XdsServer } from "../../src/xds/server/server.ts";
import { SILENT_METRICS } from "../../src/xds/server/testing.ts";
import { createViews } from "../../src/xds/views.ts";
import { type Backend, startHttpBackend } from "../support/backend.ts";
import { type Envoy, isLive, startEnvoy } from "../support/envoy.ts";
import { eventually } from "../support/eventually.ts";
import { startLoad } from "../support/load.ts";
import { freePorts } from "../support/ports.ts";
import { requireServers } from "../support/require-server.ts";
import { createJudge } from "../support/xds-rig.ts";

const { skip } = requireServers("envoy");
const HOST = "web.example.com";
/** Of a server that goes while a cluster warms. */
const ROUNDS = process.env["MESHBRIDGE_LONG"] === "1" ? 100 : 15;

function serviceOf(name: string, { address, port }: Pick<Backend, "address" | "port">): CatalogService {
  const instance = {
    id: name,
    address,
    ports: { http: port },
    locality: locality(),
    cluster: "c1",
    network: "default",
    health: "healthy" as const,
    weight: 1,
    labels: {},
    source: { registry: "r", scope: name },
  };
  const ports = [{ name: "http", port: 80, protocol: "HTTP" as const, inferred: false }];
  return {
    id: `default/${name}`,
    key: { namespace: "default", name },
    ports,
    labels: {},
    instances: [instance],
    sources: [],
    conditions: [],
  };
}

/** Views and a server in this process, and one Envoy of the gateway `edge`. */
async function rig(variant: "delta" | "sotw", scope: AsyncDisposableStack) {
  const [xdsPort, httpPort] = (await freePorts(2)) as [number, number];
  const trafficTo = (service: string, policy = "{}") =>
    configOf(
      `gateways: [ { name: edge, listeners: [ { name: http, address: 127.0.0.1, port: ${httpPort} } ], routes: [ { hosts: [${HOST}], service: default/${service} } ] } ]\nservices: [ { match: "default/*", circuitBreaker: ${policy} } ]\n`,
    ).traffic;
  const views = createViews({ traffic: trafficTo("blue"), clock: systemClock, log: silentLog });
  scope.defer(() => views.close());
  const judge = createJudge();
  scope.defer(() => judge.assertLegal());
  let epoch = 0;
  const serve = async (): Promise<XdsServer> => {
    const server = createXdsServer({
      views,
      proxies: createProxies(systemClock, () => undefined),
      defaults: { cluster: "c1", network: "default", namespace: "default" },
      epoch: `e${epoch++}`,
      clock: systemClock,
      log: silentLog,
      metrics: SILENT_METRICS,
      recorder: judge.recorder,
    });
    const address = { kind: "tcp" as const, host: "127.0.0.1", port: xdsPort };
    await server.listen({ address, tls: undefined, insecure: false }, new AbortController().signal);
    return server;
  };
  let server = await serve();
  scope.defer(() => server.drain(300));
  let version = 0;
  const set = (...services: readonly CatalogService[]) =>
    views.update({
      version: ++version,
      services: new Map(services.map((one) => [one.id, one])),
      changed: new Set(["default/blue", "default/green"]),
      sync: "complete",
    });
  const start = (): Promise<Envoy> => {
    const bootstrap = envoyBootstrap({
      role: "gateway",
      name: "edge",
      nodeId: `edge-${variant}`,
      hostname: "test",
      cluster: "c1",
      network: "default",
      namespace: "default",
      locality: locality(),
      inbound: undefined,
      xds: { host: "127.0.0.1", port: xdsPort },
      variant,
      adminPort: 0,
      tls: undefined,
    });
    return startEnvoy({ bootstrap: JSON.stringify(bootstrap), title: `edge ${variant}` }, scope);
  };
  /** The server goes without a word, and another one takes its place, with what it can make anew. */
  const replaceServer = async () => {
    await server.drain(0);
    server = await serve();
  };
  return { views, trafficTo, set, start, replaceServer, url: `http://127.0.0.1:${httpPort}/` };
}

const serves = (envoy: Envoy) =>
  eventually("the listener is there", async () => assert.equal((await envoy.listeners()).length, 1));

for (const variant of ["delta", "sotw"] as const) {
  test(`C1 Envoy ${variant}: 50 swaps of blue and green a second under load, no request fails`, { skip }, async () => {
    await using scope = new AsyncDisposableStack();
    const [blue, green] = (await Promise.all([1, 2].map(() => startHttpBackend(scope)))) as [Backend, Backend];
    const { views, trafficTo, set, start, url } = await rig(variant, scope);
    const services = { blue: serviceOf("blue", blue), green: serviceOf("green", green) };
    set(services.blue);
    const envoy = await start();
    await serves(envoy);
    const load = startLoad({ url, host: HOST, rate: 200 }, scope);
    const traffic = { blue: trafficTo("blue"), green: trafficTo("green") };
    for (let swap = 0; swap < 150; swap++) {
      const [next, old] = swap % 2 === 0 ? (["green", "blue"] as const) : (["blue", "green"] as const);
      set(services[next], services[old]);
      views.setTraffic(traffic[next]);
      set(services[next]);
      await sleep(20);
    }
    const { sent, failures } = await load.stop();
    assert.deepEqual(failures, [], `of ${sent}`);
    assert.ok(sent > 300, `${sent} requests`);
    assert.ok(blue.served > 20 && green.served > 20, `${blue.served} and ${green.served}`);
    assert.equal(await envoy.rejectedUpdates(), 0);
  });

  test(`C2 Envoy ${variant}: a changed circuit breaker alone is active at once`, { skip }, async () => {
    await using scope = new AsyncDisposableStack();
    const blue = await startHttpBackend(scope);
    const { views, trafficTo, set, start } = await rig(variant, scope);
    set(serviceOf("blue", blue));
    const envoy = await start();
    await serves(envoy);
    for (const limit of [1111, 2222, 3333]) {
      views.setTraffic(trafficTo("blue", `{ maxConnections: ${limit} }`));
      const startedAt = performance.now();
      await eventually("the cluster is active", async () => {
        const dump = JSON.stringify(await envoy.configDump());
        assert.match(dump, new RegExp(`"max_connections":${limit}`));
        assert.doesNotMatch(dump, /"dynamic_warming_clusters":\[\{/);
      });
      const ms = Math.round(performance.now() - startedAt);
      assert.ok(ms < 5000, `${ms} ms; Envoy gives up waiting for endpoints after 15 s`);
    }
  });

  test(`C3 Envoy ${variant}: the server goes while a cluster warms, again and again; every change arrives`, {
    skip,
  }, async () => {
    await using scope = new AsyncDisposableStack();
    const blue = await startHttpBackend(scope);
    const { views, trafficTo, set, start, replaceServer, url } = await rig(variant, scope);
    set(serviceOf("blue", blue));
    const envoy = await start();
    await serves(envoy);
    const load = startLoad({ url, host: HOST }, scope);
    for (let round = 1; round <= ROUNDS; round++) {
      views.setTraffic(trafficTo("blue", `{ maxConnections: ${round * 1000 + 7} }`));
      // Now after the cluster was written, now after its endpoints, now before both.
      await sleep(round % 3);
      await replaceServer();
      await eventually(
        `round ${round}`,
        async () => {
          const dump = JSON.stringify(await envoy.configDump());
          assert.match(dump, new RegExp(`"max_connections":${round * 1000 + 7}`));
          assert.doesNotMatch(dump, /"dynamic_warming_clusters":\[\{/);
        },
        { withinMs: 12_000 },
      );
    }
    const { sent, failures } = await load.stop();
    assert.deepEqual(failures, [], `of ${sent}`);
  });

  test(`B8 Envoy ${variant}: nothing to serve is an answer too; it is live without waiting`, { skip }, async () => {
    await using scope = new AsyncDisposableStack();
    const { views, set, start } = await rig(variant, scope);
    views.setTraffic(configOf("{}").traffic);
    set();
    const envoy = await start();
    const startedAt = performance.now();
    await eventually("it is live", async () => assert.equal(await isLive(envoy), true));
    const ms = Math.round(performance.now() - startedAt);
    assert.ok(ms < 5000, `${ms} ms; Envoy's own wait would be 15 s`);
  });
}
