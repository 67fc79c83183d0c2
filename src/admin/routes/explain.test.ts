import assert from "node:assert/strict";
import { test } from "node:test";
import { ask } from "../testing/ask.ts";
import { testState } from "../testing/state.ts";

test("/v1/explain: a neutral client when no node is named, else the node's eyes", async () => {
  const neutral = await ask("/v1/explain?service=default/web");
  assert.equal(neutral.status, 200);
  assert.equal(neutral.body.node, null);
  assert.deepEqual(neutral.body.client.locality, { region: "", zone: "", subZone: "" });
  assert.equal(neutral.body.port, "http");
  const node = await ask("/v1/explain?service=default/web&node=gateway-edge-1");
  assert.equal(node.body.node, "gateway-edge-1");
  assert.deepEqual(node.body.client.locality, { region: "eu", zone: "a", subZone: "" });
  assert.deepEqual(
    node.body.instances.map(({ id, verdict, priority }: Record<string, unknown>) => [id, verdict, priority]),
    [
      ["web-1", "kept", 0],
      ["web-2", "held", 1],
      ["web-3", "excluded", null],
    ],
  );
  assert.deepEqual(
    node.body.proxies.map(({ id, status }: Record<string, unknown>) => [id, status]),
    [
      ["gateway-edge-1", "acked"],
      ["gateway-edge-1#2", "acked"],
    ],
  );
  assert.deepEqual(node.body.rejected, [
    { seenIn: "consul-eu/dc1/web", record: "web-9", reason: "port 70000 is not between 1 and 65535" },
  ]);
});

test("/v1/explain: the port by name or number, else the one that a route without a port takes", async () => {
  const policyOf = () => ({ ...testState().traffic().policyOf({ namespace: "default", name: "web" }), protocol: "TCP" as const });
  const traffic = () => ({ ...testState().traffic(), policyOf });
  for (const [query, port] of [
    ["&port=admin", "admin"],
    ["&port=80", "http"],
    ["", "http"],
  ]) {
    assert.equal((await ask(`/v1/explain?service=default/web${query}`)).body.port, port, query);
  }
  // A policy that makes every port TCP leaves none that is preferred: the first one counts.
  assert.equal((await ask("/v1/explain?service=default/web", { traffic })).body.port, "admin");
  const none = await ask("/v1/explain?service=default/web&port=grpc");
  assert.equal(none.status, 404);
  assert.equal(none.body.detail, "there is no port of default/web called grpc");
  assert.match(none.body.hint, /one of: admin, http$/);
});

test("/v1/explain: an unknown service or node is a 404 that helps", async () => {
  const service = await ask("/v1/explain?service=web");
  assert.equal(service.status, 404);
  assert.match(service.body.hint, /did you mean default\/web\?$/);
  assert.equal((await ask("/v1/explain?service=default/ghost")).body.code, "MB_SERVICE_REJECTED");
  const node = await ask("/v1/explain?service=default/web&node=gateway-edge-3");
  assert.equal(node.status, 404);
  assert.match(node.body.detail, /no connected proxy called gateway-edge-3/);
});
