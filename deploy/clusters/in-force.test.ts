import assert from "node:assert/strict";
import { test } from "node:test";
import type { MeshbridgeError } from "../../src/kernel/errors.ts";
import { fakeClock } from "../../src/kernel/fake-clock.ts";
import { startMembers } from "../engine/testing.ts";
import { grantsOf, untilInForce } from "./in-force.ts";
import { rightsOf } from "./rights.ts";

const GRANTS = [
  { group: "", resource: "configmaps", verb: "create" },
  { group: "", resource: "pods/status", verb: "patch" },
];

test("one grant for each resource that the account is given", async (t) => {
  const { clients } = await startMembers(t, ["eu-1"]);
  const discovery = await clients.get("eu-1")?.discover(AbortSignal.timeout(2000));
  assert.ok(discovery !== undefined && "value" in discovery);
  const account = { namespace: "meshbridge-system", name: "meshbridge-deploy" };
  const kinds = [{ group: "apps", kind: "Deployment" }];
  const { objects } = rightsOf({ account, kinds, discovery: discovery.value, room: false, gates: true });
  assert.deepEqual(
    grantsOf(objects).map(({ group, resource, verb }) => `${verb} ${group}/${resource}`),
    ["get /pods", "patch /pods/status", "create apps/deployments", "list apps/replicasets"],
  );
});

test("waits while a right is not in force, and no longer", async (t) => {
  const { clients, servers } = await startMembers(t, ["eu-1"]);
  const [client, server] = [clients.get("eu-1"), servers.get("eu-1")];
  assert.ok(client !== undefined && server !== undefined);
  const { signal } = new AbortController();
  let slept = 0;
  const clock = { ...fakeClock(), sleep: async () => void (++slept === 3 && server.forbid([])) };
  server.forbid(["pods"]);
  await untilInForce({ client, grants: GRANTS, clock, random: () => 0.5, signal });
  assert.equal(slept, 3);
});

test("what is never in force is told, with the right that is missing", async (t) => {
  const { clients, servers } = await startMembers(t, ["eu-1"]);
  const client = clients.get("eu-1");
  assert.ok(client !== undefined);
  servers.get("eu-1")?.forbid(["configmaps"]);
  const { signal } = new AbortController();
  let now = 0;
  const sleep = async (ms: number) => {
    now += ms * 100;
  };
  const clock = { ...fakeClock(), monotonic: () => now, sleep };
  await assert.rejects(untilInForce({ client, grants: GRANTS, clock, random: () => 0.5, signal }), (error: MeshbridgeError) => {
    assert.equal(error.code, "MB_CLUSTER_REFUSED");
    assert.match(error.message, /not in force after 15 s: cannot create configmaps of group ""/);
    return true;
  });
});
