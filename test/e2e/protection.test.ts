/**
 * Mass removal on a real Consul, seen in a real Envoy: what leaves all at once is held as DEGRADED and goes by the
 * operator's word; deploys of any size, and one of two, leave at once.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { meshbridge } from "../support/bridge.ts";
import { type Consul, startConsul } from "../support/consul.ts";
import { assertHosts, type Edge, startEdge, WEB_ROUTE } from "../support/edge.ts";
import { eventually } from "../support/eventually.ts";
import { clusterOf } from "../support/names.ts";
import { requireServers } from "../support/require-server.ts";

const WEB = clusterOf("default/web", "http");
const PAIR = clusterOf("default/pair", "http");
const { skip } = requireServers("envoy", "consul");
const PAIR_ROUTE = { hosts: ["pair.example.com"], service: "default/pair", port: "http" };
const BASE_PORT = 20_000;

const register = (consul: Consul, index: number) =>
  consul.register({ ID: `web-${index}`, Name: "web", Address: "127.0.0.1", Port: BASE_PORT + index });
const host = (index: number) => `127.0.0.1:${BASE_PORT + index}`;
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => from + index);

describe("removal protection on a real Consul", { skip }, () => {
  const scope = new AsyncDisposableStack();
  let consul: Consul;
  let edge: Edge;
  const shows = (expected: readonly string[], withinMs = 5000) =>
    eventually("Envoy shows the hosts", async () => assertHosts(await edge.envoy.hosts(WEB), expected), { withinMs });
  const held = async () => (await edge.bridge.get<{ total: number }>("/v1/protection")).total;

  before(async () => {
    consul = await startConsul({}, scope);
    for (const index of range(0, 10)) await register(consul, index);
    const registry = { kind: "consul", name: "consul-eu", address: consul.url, addresses: { allow: ["127.0.0.0/8"] } };
    edge = await startEdge({ registries: [registry], routes: [WEB_ROUTE, PAIR_ROUTE] }, scope);
    await shows(range(0, 10).map(host));
  });
  after(() => scope.disposeAsync());

  test("a rolling deploy of all ten, two at a time, replaces every host and holds none", async () => {
    for (const first of range(0, 5).map((step) => step * 2)) {
      await Promise.all([register(consul, first + 10), register(consul, first + 11)]);
      await shows([...range(first, first + 12).map(host)]);
      await Promise.all([consul.deregister(`web-${first}`), consul.deregister(`web-${first + 1}`)]);
      await shows([...range(first + 2, first + 12).map(host)], 1000);
    }
    assert.equal(await held(), 0);
  });

  test("six of ten leave at once: all stay, the six as DEGRADED, and API and explain say why", async () => {
    await Promise.all(range(10, 16).map((index) => consul.deregister(`web-${index}`)));
    const expected = range(10, 20).map((index) => `${host(index)} ${index < 16 ? "DEGRADED" : "HEALTHY"} weight 1`);
    await shows(expected);
    assert.equal(await held(), 6);
    const { items } = await edge.bridge.get<{ items: { state: string; suspectReason: string }[] }>("/v1/registries");
    assert.deepEqual([items[0]?.state, items[0]?.suspectReason], ["suspect", "mass-drop"]);
    const explained = await meshbridge(["explain", "default/web", "--admin", edge.workspace.adminUrl]);
    assert.match(explained.stdout, /too many instances left at once/);
    const metrics = await edge.bridge.ask("/metrics");
    assert.match(metrics.body, /catalog_held_instances\{registry="consul-eu",reason="mass-drop"\} 6/);
  });

  test("one that registers again is as before, and the operator's release lets the others go within a second", async () => {
    await register(consul, 10);
    await shows(
      [10, ...range(16, 20)]
        .map((index) => `${host(index)} HEALTHY weight 1`)
        .concat(range(11, 16).map((index) => `${host(index)} DEGRADED weight 1`)),
    );
    const released = await meshbridge(["protection", "release", "consul-eu", "--admin", edge.workspace.adminUrl]);
    assert.equal(released.stdout, "5 released\n");
    await shows([10, ...range(16, 20)].map(host), 1000);
    assert.equal(await held(), 0);
    assert.equal(await edge.envoy.rejectedUpdates(), 0);
  });

  test("of two instances one leaves at once, and then the last", async () => {
    const pair = (expected: readonly string[], withinMs = 1000) =>
      eventually("Envoy shows the pair", async () => assertHosts(await edge.envoy.hosts(PAIR), expected), { withinMs });
    for (const port of [1, 2]) await consul.register({ ID: `pair-${port}`, Name: "pair", Address: "127.0.0.1", Port: port });
    await pair(["127.0.0.1:1", "127.0.0.1:2"], 5000);
    await consul.deregister("pair-1");
    await pair(["127.0.0.1:2"]);
    await consul.deregister("pair-2");
    await pair([]);
  });
});
