import assert from "node:assert/strict";
import { test } from "node:test";
import type { Group } from "../model/group.ts";
import { UNKNOWN_LOCALITY } from "../model/locality.ts";
import { createCatalogStore } from "./store.ts";
import type { CatalogChange } from "./types.ts";

const rules = { registries: ["r"], ruleOf: () => ({ mode: "merge" as const, order: [] }) };
const group = (name: string, scope = name, labels = {}): Group => ({
  source: { registry: "r", scope },
  service: { namespace: "default", name },
  ports: [],
  labels,
  instances: [],
});
const change = (...groups: Group[]) => new Map(groups.map((g) => [`${g.source.registry}/${g.source.scope}`, g]));

test("the version grows with real changes only", () => {
  const store = createCatalogStore(rules);
  store.apply(change(group("web")));
  assert.equal(store.snapshot().version, 1);
  store.apply(change(group("web")));
  assert.equal(store.snapshot().version, 1);
  store.apply(new Map([["r/web", undefined]]));
  assert.equal(store.snapshot().version, 2);
  assert.equal(store.snapshot().services.size, 0);
});

test("a source that turns to another service leaves the first", () => {
  const store = createCatalogStore(rules);
  store.apply(change(group("web", "s")));
  store.apply(change(group("api", "s")));
  assert.deepEqual([...store.snapshot().services.keys()], ["default/api"]);
});

test("a snapshot is not altered by what comes after it", () => {
  const store = createCatalogStore(rules);
  store.apply(change(group("web")));
  const before = store.snapshot();
  store.apply(change(group("api")));
  assert.deepEqual([...before.services.keys()], ["default/web"]);
});

test("nobody is told while the sources are waited for; then of everything at once", async () => {
  const store = createCatalogStore(rules);
  const ending = new AbortController();
  const reader = store.subscribe(ending.signal)[Symbol.asyncIterator]();
  await reader.next();
  store.apply(change(group("a")));
  store.apply(change(group("b")));
  store.setSync("partial");
  const { value } = await reader.next();
  assert.deepEqual([...(value?.changed ?? [])].sort(), ["default/a", "default/b"]);
  assert.equal(value?.sync, "partial");
  ending.abort();
});

test("a slow reader gets the newest state once, with everything that changed", async () => {
  const store = createCatalogStore(rules);
  store.setSync("partial");
  store.apply(change(group("a")));
  const ending = new AbortController();
  const reader = store.subscribe(ending.signal)[Symbol.asyncIterator]();
  const next = async (): Promise<CatalogChange> => {
    const { value, done } = await reader.next();
    assert.equal(done, false);
    return value;
  };
  assert.deepEqual([...(await next()).changed], ["default/a"]);
  store.apply(change(group("b")));
  store.apply(change(group("c")));
  store.apply(new Map([["r/b", undefined]]));
  store.setSync("complete");
  const latest = await next();
  assert.deepEqual([...latest.changed].sort(), ["default/b", "default/c"]);
  assert.deepEqual([...latest.services.keys()].sort(), ["default/a", "default/c"]);
  assert.equal(latest.sync, "complete");
  assert.equal(latest.version, 4);
  ending.abort();
  assert.equal((await reader.next()).done, true);
});

test("other merge rules change only what they change", async () => {
  const store = createCatalogStore(rules);
  store.apply(change(group("web", "s1", { from: "s1" }), group("api")));
  store.configure({ registries: ["r"], ruleOf: () => ({ mode: "reject", order: [] }) });
  assert.equal(store.snapshot().version, 1);
});

test("ten thousand single changes with a reader attached are cheap: one notice, not ten thousand copies", async () => {
  const store = createCatalogStore(rules);
  store.setSync("complete");
  const ending = new AbortController();
  const reader = store.subscribe(ending.signal)[Symbol.asyncIterator]();
  await reader.next();
  for (let i = 0; i < 10_000; i++) store.apply(change(group(`s${i}`)));
  const { value } = await reader.next();
  assert.equal(value?.changed.size, 10_000);
  ending.abort();
});

const instance = (id: string, cluster: string) => ({
  ...({ id, address: `10.0.0.${id.charCodeAt(0)}`, ports: {}, cluster, network: "n", health: "healthy", weight: 1 } as const),
  ...{ labels: {}, locality: UNKNOWN_LOCALITY },
});
const drain = {
  service: "default/web",
  cluster: "eu-1",
  owner: "o",
  addresses: undefined,
  reason: "",
  since: 0,
  until: 9,
  force: false,
};

test("a drain keeps traffic from its instances, but not from the last that a service has, unless it is forced", () => {
  const store = createCatalogStore(rules);
  const web = { ...group("web"), instances: [instance("a", "eu-1"), instance("b", "us-1")] };
  store.apply(change(web));
  assert.deepEqual(store.drained(web), new Set());
  store.setDrains([drain]);
  assert.deepEqual(store.drained(web), new Set(["a"]));
  assert.deepEqual(store.drained({ ...web, source: { registry: "r", scope: "another" } }), new Set());
  store.setDrains([drain, { ...drain, cluster: "us-1" }]);
  assert.deepEqual(store.drained(web), new Set());
  store.setDrains([drain, { ...drain, cluster: "us-1", force: true }]);
  assert.deepEqual(store.drained(web), new Set(["b"]));
});

test("a drain is a change of its service alone, and its end is one too", () => {
  const store = createCatalogStore(rules);
  const withInstance = { ...group("web"), instances: [instance("a", "eu-1")] };
  store.apply(change(withInstance, group("api")));
  const { version } = store.snapshot();
  store.setDrains([drain]);
  assert.equal(store.snapshot().version, version + 1);
  assert.equal(store.snapshot().services.get("default/web")?.instances[0]?.drain?.owner, "o");
  store.apply(change(withInstance));
  assert.equal(store.snapshot().version, version + 1, "a source that repeats itself does not end it");
  store.setDrains([]);
  assert.equal(store.snapshot().version, version + 2);
  assert.equal(store.snapshot().services.get("default/web")?.instances[0]?.drain, undefined);
});
