/** Consul's truth reaches a real Envoy: what is registered, critical, in maintenance and gone, each within a second. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type Backend, type Echo, startHttpBackend } from "../support/backend.ts";
import { type Consul, startConsul, TTL_CHECK } from "../support/consul.ts";
import { assertHosts, type Edge, startEdge, WEB_HOST } from "../support/edge.ts";
import { eventually } from "../support/eventually.ts";
import { ask } from "../support/http.ts";
import { clusterOf } from "../support/names.ts";
import { requireServers } from "../support/require-server.ts";
import { hostOf, httpService, instanceOf, serviceFile } from "../support/service-file.ts";

const AT_ONCE = { withinMs: 1000 };
const WEB = clusterOf("default/web", "http");
const { skip } = requireServers("envoy", "consul");

describe("a gateway fed by Consul and a file", { skip }, () => {
  const scope = new AsyncDisposableStack();
  let consul: Consul;
  let first: Backend;
  let second: Backend;
  let fromFile: Backend;
  let edge: Edge;
  const hosts = () => edge.envoy.hosts(WEB);
  const shown = (backend: Backend, rest: string) => `${hostOf(backend)} ${rest}`;
  const always = () => shown(fromFile, "HEALTHY weight 1");
  const register = (backend: Backend, id: string, weights = { Passing: 1, Warning: 1 }) =>
    consul.register({ ID: id, Name: "web", Address: backend.address, Port: backend.port, Weights: weights, Check: TTL_CHECK });

  before(async () => {
    consul = await startConsul({}, scope);
    [first, second, fromFile] = (await Promise.all([1, 2, 3].map(() => startHttpBackend(scope)))) as [Backend, Backend, Backend];
    await register(first, "web-1");
    edge = await startEdge(
      {
        registries: [
          { kind: "file", name: "local", path: "./services.yaml" },
          {
            kind: "consul",
            name: "consul-eu",
            address: consul.url,
            datacenters: ["dc1"],
            addresses: { allow: ["127.0.0.0/8"] },
            locality: { region: "eu" },
          },
        ],
        files: { "services.yaml": serviceFile(httpService("web", [instanceOf(fromFile)])) },
      },
      scope,
    );
    await eventually("both instances are there", async () => assertHosts(await hosts(), [hostOf(first), hostOf(fromFile)]));
  });
  after(() => scope.disposeAsync());

  test("one service of two registries is one cluster, and both are asked", async () => {
    assert.deepEqual(
      [...(await edge.envoy.clusters()).keys()].filter((name) => name.includes("web")),
      [WEB],
    );
    const ports = new Set<number>();
    await eventually("both backends have answered", async () => {
      const reply = await ask(edge.url, { headers: { host: WEB_HOST } });
      assert.equal(reply.status, 200);
      ports.add((JSON.parse(reply.body) as Echo).port);
      assert.deepEqual(ports, new Set([...ports, first.port, fromFile.port]));
    });
  });

  test("a registration arrives at once, with its weight", async () => {
    await register(second, "web-2", { Passing: 7, Warning: 2 });
    const expected = [shown(first, "HEALTHY weight 1"), shown(second, "HEALTHY weight 7"), always()];
    await eventually("it is in Envoy", async () => assertHosts(await hosts(), expected), AT_ONCE);
  });

  test("another weight arrives at once", async () => {
    await register(second, "web-2", { Passing: 3, Warning: 2 });
    const expected = [shown(first, "HEALTHY weight 1"), shown(second, "HEALTHY weight 3"), always()];
    await eventually("it is in Envoy", async () => assertHosts(await hosts(), expected), AT_ONCE);
  });

  test("critical, maintenance and recovery arrive at once, and take the traffic away and back", async () => {
    await consul.setHealth("web-2", "critical");
    const unhealthy = [shown(first, "HEALTHY weight 1"), shown(second, "UNHEALTHY weight 3"), always()];
    await eventually("it is unhealthy", async () => assertHosts(await hosts(), unhealthy), AT_ONCE);
    const before = second.served;
    for (let i = 0; i < 20; i++) assert.equal((await ask(edge.url, { headers: { host: WEB_HOST } })).status, 200);
    assert.equal(second.served, before, "an unhealthy instance gets nothing");
    await consul.setHealth("web-2", "passing");
    const healthy = [shown(first, "HEALTHY weight 1"), shown(second, "HEALTHY weight 3"), always()];
    await eventually("it is healthy", async () => assertHosts(await hosts(), healthy), AT_ONCE);
    await consul.setMaintenance("web-2", true);
    const draining = [shown(first, "HEALTHY weight 1"), shown(second, "DRAINING weight 3"), always()];
    await eventually("it drains", async () => assertHosts(await hosts(), draining), AT_ONCE);
    await consul.setMaintenance("web-2", false);
    await eventually("it is healthy", async () => assertHosts(await hosts(), healthy), AT_ONCE);
  });

  test("a deregistration leaves at once; the file's instance stays; nothing was refused", async () => {
    await consul.deregister("web-2");
    await eventually("it is gone", async () => assertHosts(await hosts(), [hostOf(first), hostOf(fromFile)]), AT_ONCE);
    await consul.deregister("web-1");
    await eventually("the other is gone too", async () => assertHosts(await hosts(), [hostOf(fromFile)]), AT_ONCE);
    assert.equal(await edge.envoy.rejectedUpdates(), 0);
  });
});
