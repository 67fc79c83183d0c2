import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { startMembers } from "../engine/testing.ts";
import type { Answer } from "./types.ts";

const CONFIG_MAP = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "a", namespace: "shop" }, data: { x: "1" } };
const KEY = { group: "", kind: "ConfigMap", namespace: "shop", name: "a" };

async function rig(t: TestContext) {
  const { clients, servers } = await startMembers(t, ["eu-1"]);
  const [client, server] = [clients.get("eu-1"), servers.get("eu-1")];
  assert.ok(client !== undefined && server !== undefined);
  return { server, client, signal: t.signal };
}

function reasonOf(answer: Answer<unknown>): string {
  return "error" in answer ? `${answer.status} ${answer.reason}` : "done";
}

test("applies, reads, lists and removes; preconditions and what is not served are refusals", async (t) => {
  const { server, client, signal } = await rig(t);
  const options = { fieldManager: "m", force: true };
  assert.equal(reasonOf(await client.apply(CONFIG_MAP, { ...options, dryRun: true }, signal)), "done");
  assert.equal(server.objects.size, 0);
  assert.equal(reasonOf(await client.apply(CONFIG_MAP, options, signal)), "done");
  const got = await client.get(KEY, signal);
  assert.deepEqual("value" in got && got.value["data"], { x: "1" });
  const list = await client.list({ group: "", kind: "ConfigMap" }, { namespace: "shop" }, signal);
  assert.deepEqual("value" in list && list.value.map(({ kind }) => kind), ["ConfigMap"]);
  assert.equal(reasonOf(await client.remove(KEY, { uid: "another" }, signal)), "409 Conflict");
  assert.equal(reasonOf(await client.remove(KEY, {}, signal)), "done");
  assert.equal(reasonOf(await client.remove(KEY, {}, signal)), "404 NotFound");
  assert.equal(reasonOf(await client.get({ ...KEY, group: "x.io", kind: "Web" }, signal)), "404 KindNotServed");
});

test("creates once, and replaces only what was seen", async (t) => {
  const { client, signal } = await rig(t);
  const options = { fieldManager: "m" };
  const made = await client.create(CONFIG_MAP, options, signal);
  assert.equal(reasonOf(made), "done");
  assert.equal(reasonOf(await client.create(CONFIG_MAP, options, signal)), "409 AlreadyExists");
  assert.equal(reasonOf(await client.replace(CONFIG_MAP, options, signal)), "409 Conflict");
  const seen = "value" in made ? made.value : {};
  assert.equal(reasonOf(await client.replace({ ...seen, data: { x: "2" } }, options, signal)), "done");
  assert.equal(reasonOf(await client.patch(KEY, { data: { x: null } }, options, signal)), "done");
  const got = await client.get(KEY, signal);
  assert.deepEqual("value" in got && got.value["data"], {});
});

test("a refusal and no answer name the cluster", async (t) => {
  const { server, client, signal } = await rig(t);
  await client.discover(signal);
  server.refuse(429, 1);
  const refused = await client.get(KEY, signal);
  assert.match("error" in refused ? refused.error.message : "", /^MB_CLUSTER_REFUSED: cluster eu-1 at http:.* with 429/);
  await server.close();
  const silent = await client.get(KEY, signal);
  assert.match("error" in silent ? silent.error.message : "", /^MB_CLUSTER_UNREACHABLE: cluster eu-1 did not answer/);
});

test("watches through a cut and a lost history", { timeout: 20_000 }, async (t) => {
  const { server, client } = await rig(t);
  const stop = new AbortController();
  t.after(() => stop.abort());
  const seen: string[] = [];
  const next = async (type: string) => {
    for (;;) {
      const { value: delta } = await deltas.next();
      if (delta?.type !== type) continue;
      if ("changes" in delta) seen.push([...delta.changes].map(([key, item]) => `${key}=${item}`).join());
      return;
    }
  };
  const keep = (object: object) => JSON.stringify((object as { data?: unknown }).data);
  const deltas = client.watch({ group: "", kind: "ConfigMap" }, { keep }, stop.signal);
  server.put("configmaps/shop/a", CONFIG_MAP);
  await next("listed");
  server.put("configmaps/shop/a", { ...CONFIG_MAP, data: { x: "2" } });
  await next("changed");
  server.compact();
  server.cutWatches();
  server.put("configmaps/shop/a", { ...CONFIG_MAP, data: { x: "3" } });
  await next("listed");
  stop.abort();
  assert.deepEqual(seen, ['shop/a={"x":"1"}', 'shop/a={"x":"2"}', 'shop/a={"x":"3"}']);
});
