import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { systemClock } from "../../src/kernel/clock.ts";
import type { JsonObject } from "../json/value.ts";
import { keyOf, keyText, type ObjectKey } from "../plan/object-key.ts";
import { marked } from "../plan/ownership.ts";
import { createLiveEngine } from "./live.ts";
import { startMembers } from "./testing.ts";

const configMap = (name: string, value = "1"): JsonObject =>
  marked({ apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace: "shop" }, data: { value } }, "shop/web", "r1");
const FOREIGN = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "theirs", namespace: "shop" } };
const REQUEST = { workload: "shop/web", keys: [keyOf(configMap("a")), keyOf(FOREIGN)], main: undefined, demand: undefined };

async function rig(t: TestContext, withinMs = 5000) {
  const members = await startMembers(t, ["a", "b"]);
  const stop = new AbortController();
  t.after(() => stop.abort());
  const told: string[] = [];
  const changed = (cluster: string, workloads: ReadonlySet<string>) => told.push(`${cluster} ${[...workloads].join()}`);
  const engine = createLiveEngine({ clients: members.clients, clock: systemClock, withinMs, signal: stop.signal, changed });
  const server = (name: string) => members.servers.get(name) ?? assert.fail(name);
  const observe = () => engine.observe(REQUEST, t.signal);
  return { engine, server, told, observe };
}

/** Looks again until it is so: watches come when they come. */
async function until(check: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await check())) await systemClock.sleep(10);
}

test("sees its own from the cache and what is somebody else's by asking; changes are told", { timeout: 20_000 }, async (t) => {
  const { engine, server, told, observe } = await rig(t);
  server("a").put("configmaps/shop/a", configMap("a"));
  server("a").put("configmaps/shop/theirs", FOREIGN);
  const first = await observe();
  assert.deepEqual([...(first.clusters.get("a")?.objects.keys() ?? [])].toSorted(), [
    "/ConfigMap/shop/a",
    "/ConfigMap/shop/theirs",
  ]);
  assert.deepEqual([first.clusters.get("b")?.synced, first.clusters.get("b")?.objects.size], [true, 0]);
  assert.equal(engine.tracked(), 1);
  const lists = server("a").counts["GET"];
  server("a").put("configmaps/shop/a", configMap("a", "2"));
  await until(() => told.length === 2);
  const again = await observe();
  const seen = again.clusters.get("a")?.objects.get(keyText(keyOf(configMap("a"))));
  assert.deepEqual(seen?.["data"], { value: "2" });
  assert.deepEqual(told, ["a shop/web", "a shop/web"]);
  assert.ok((server("a").counts["GET"] ?? 0) - (lists ?? 0) <= 1, "only what is not ours is asked for again");
});

test("through a lost history and cut watches nothing is taken for gone", { timeout: 20_000 }, async (t) => {
  const { server, observe } = await rig(t);
  server("a").put("configmaps/shop/a", configMap("a"));
  await observe();
  server("a").compact();
  server("a").cutWatches();
  server("a").refuse(500, 3);
  await until(async () => {
    const { clusters } = await observe();
    const seen = clusters.get("a");
    assert.ok(seen?.reachable === false || seen?.objects.has("/ConfigMap/shop/a"), "unreachable, or with what it had");
    return seen?.reachable === true;
  });
});

test("a cluster that hangs at the start is unreachable, and the other is seen all the same", { timeout: 20_000 }, async (t) => {
  const { server, observe } = await rig(t, 200);
  server("a").hang(true);
  const { clusters, problems } = await observe();
  assert.deepEqual([clusters.get("a")?.reachable, clusters.get("b")?.reachable], [false, true]);
  assert.match(problems[0]?.error.message ?? "", /MB_CLUSTER_UNREACHABLE: cluster a /);
  server("a").hang(false);
});

test("what is only looked for is kept as metadata, and read whole as soon as it is wanted", { timeout: 20_000 }, async (t) => {
  const { engine, server } = await rig(t);
  const map = configMap("a");
  server("a").put("configmaps/shop/a", map);
  const look = async (keys: readonly ObjectKey[]) => {
    const observation = await engine.observe({ ...REQUEST, keys }, t.signal);
    return observation.clusters.get("a")?.objects.get(keyText(keyOf(map)));
  };
  const found = await look([]);
  assert.deepEqual([found?.["kind"], found?.["data"]], ["ConfigMap", undefined]);
  assert.equal(engine.tracked(), 1);
  const whole = await look([keyOf(map)]);
  assert.deepEqual(whole?.["data"], { value: "1" });
  // Gone while the kind was listed anew: nothing of the first list may stay.
  assert.equal(engine.tracked(), 1);
  server("a").put("configmaps/shop/a", configMap("a", "2"));
  await until(async () => (await look([]))?.["data"] !== undefined && JSON.stringify((await look([]))?.["data"]).includes("2"));
});

test("a write that is not answered makes the cluster unreachable for the passes after it, until something is heard", {
  timeout: 60_000,
}, async (t) => {
  const { engine, server, observe } = await rig(t);
  await observe();
  server("a").hang(true);
  const manifest = configMap("a");
  const action = {
    cluster: "a",
    key: keyOf(manifest),
    verb: "create",
    reason: "Missing",
    message: "",
    diffs: [],
    manifest,
  } as const;
  const [outcome] = await engine.apply([action], { workload: "shop/web" }, t.signal);
  assert.equal(outcome?.result, "unreachable");
  const started = performance.now();
  const seen = await observe();
  assert.deepEqual([seen.clusters.get("a")?.reachable, seen.clusters.get("b")?.reachable], [false, true]);
  assert.ok(performance.now() - started < 1000, "nobody waits for it again");
  server("a").hang(false);
  server("a").cutWatches();
  await until(async () => (await observe()).clusters.get("a")?.reachable === true);
});
