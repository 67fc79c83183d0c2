import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "../json/value.ts";
import { keyOf } from "../plan/object-key.ts";
import { MANAGED_LABEL, marked } from "../plan/ownership.ts";
import type { PlannedAction } from "../plan/types.ts";
import { applyActions } from "./apply.ts";
import { startMembers } from "./testing.ts";

const configMap = (name: string): JsonObject =>
  marked({ apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace: "shop" }, data: { a: "1" } }, "shop/web", "r1");
const action = (
  cluster: string,
  verb: PlannedAction["verb"],
  name: string,
  more: Partial<PlannedAction> = {},
): PlannedAction => ({
  cluster,
  key: keyOf(configMap(name)),
  verb,
  reason: "Missing",
  message: "it is not there",
  diffs: [],
  ...(verb === "create" && { manifest: configMap(name), force: false }),
  ...more,
});

test("a cluster that does not answer costs the others nothing, and is asked once", async (t) => {
  const { clients, servers } = await startMembers(t, ["a", "b"]);
  await servers.get("a")?.close();
  const plan = [action("a", "create", "x"), action("b", "create", "x"), action("a", "create", "y"), action("b", "none", "z")];
  const outcomes = await applyActions(plan, clients, { workload: "shop/web" }, t.signal);
  assert.deepEqual(
    outcomes.map(({ result }) => result),
    ["unreachable", "done", "unreachable", "unchanged"],
  );
  assert.equal(servers.get("b")?.objects.size, 1);
});

test("deletes only the object that was seen, and says when it is another or gone", async (t) => {
  const { clients, servers } = await startMembers(t, ["a"]);
  const server = servers.get("a");
  server?.put("configmaps/shop/x", configMap("x"));
  const uid = server?.objects.get("configmaps/shop/x")?.["metadata"] as JsonObject;
  const plan = [
    action("a", "delete", "x"),
    action("a", "delete", "x", { uid: "another" }),
    action("a", "delete", "x", { uid: String(uid["uid"]) }),
    action("a", "delete", "x", { uid: String(uid["uid"]) }),
    action("a", "held", "x"),
  ];
  const outcomes = await applyActions(plan, clients, { workload: "shop/web" }, t.signal);
  assert.deepEqual(
    outcomes.map(({ result }) => result),
    ["refused", "conflict", "done", "unchanged", "waiting"],
  );
});

test("what is released keeps everything but our marks", async (t) => {
  const { clients, servers } = await startMembers(t, ["a"]);
  servers.get("a")?.put("configmaps/shop/x", configMap("x"));
  await applyActions([action("a", "release", "x", { reason: "Orphaned" })], clients, { workload: "shop/web" }, t.signal);
  const left = servers.get("a")?.objects.get("configmaps/shop/x");
  assert.deepEqual(left?.["data"], { a: "1" });
  assert.ok(!JSON.stringify(left).includes(MANAGED_LABEL) && !JSON.stringify(left).includes("used-by"));
});
