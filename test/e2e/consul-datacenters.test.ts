/** Two real datacentres through one agent: both are read, and one in trouble touches nothing of the other. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { startHttpBackend } from "../support/backend.ts";
import { startConsul } from "../support/consul.ts";
import { assertHosts, startEdge } from "../support/edge.ts";
import { eventually, steadily } from "../support/eventually.ts";
import { clusterOf } from "../support/names.ts";
import { requireServers } from "../support/require-server.ts";
import { hostOf } from "../support/service-file.ts";

const WEB = clusterOf("default/web", "http");
const { skip } = requireServers("envoy", "consul");

test("two datacentres are one service; when one is cut off its instances stay, and the other's changes pass", {
  skip,
}, async () => {
  await using scope = new AsyncDisposableStack();
  const [near, far] = await Promise.all([startConsul({ datacentre: "dc1" }, scope), startConsul({ datacentre: "dc2" }, scope)]);
  await near.put(`/v1/agent/join/${far.wanAddress}?wan=1`);
  const [first, second, third] = await Promise.all([startHttpBackend(scope), startHttpBackend(scope), startHttpBackend(scope)]);
  await near.register({ ID: "web-near", Name: "web", Address: first.address, Port: first.port });
  await far.register({ ID: "web-far", Name: "web", Address: second.address, Port: second.port });
  await eventually("dc1 can ask dc2", () => near.get("/v1/catalog/services?dc=dc2"));
  const registry = {
    kind: "consul",
    name: "consul",
    address: near.url,
    datacenters: ["dc1", "dc2"],
    wait: "5s",
    addresses: { allow: ["127.0.0.0/8"] },
  };
  const edge = await startEdge({ registries: [registry] }, scope);
  const hosts = () => edge.envoy.hosts(WEB);
  await eventually("both are in Envoy", async () => assertHosts(await hosts(), [hostOf(first), hostOf(second)]));
  assert.deepEqual((await hosts()).map(({ locality }) => locality).sort(), ["dc1//", "dc2//"]);

  await far.kill();
  await eventually(
    "the registry is said to be stale, for dc2",
    async () => {
      const { items } = await edge.bridge.get<{ items: { state: string; lastError: { message: string } | null }[] }>(
        "/v1/registries",
      );
      assert.equal(items[0]?.state, "stale");
      assert.match(items[0]?.lastError?.message ?? "", /dc2/);
    },
    { withinMs: 30_000 },
  );
  await near.register({ ID: "web-near-2", Name: "web", Address: third.address, Port: third.port });
  const all = [first, second, third].map(hostOf);
  await eventually("a change of dc1 passes", async () => assertHosts(await hosts(), all), { withinMs: 1000 });
  await near.deregister("web-near");
  const left = [second, third].map(hostOf);
  await eventually("a removal in dc1 passes", async () => assertHosts(await hosts(), left), { withinMs: 1000 });
  await steadily("what dc2 said stays", 3000, async () => assertHosts(await hosts(), left));
  assert.equal(await edge.envoy.rejectedUpdates(), 0);
});
