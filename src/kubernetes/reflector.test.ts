import assert from "node:assert/strict";
import { test } from "node:test";
import { fakeClock } from "../kernel/fake-clock.ts";
import { fail } from "../model/errors.ts";
import { OPENED, WatchFailed } from "./api.ts";
import { objectKey } from "./object-key.ts";
import { type Delta, reflect } from "./reflector.ts";
import { createModelApi, type ModelObject } from "./testing.ts";

const PATH = "/api/v1/services";
const object = (name: string, value = 1): ModelObject => ({ metadata: { namespace: "shop", name }, value });

/** A reflector over a model server; `seen` is what its deltas come to. */
function rig({ names: there = [], pageSize, since }: { names?: readonly string[]; pageSize?: number; since?: string } = {}) {
  const clock = fakeClock();
  const api = createModelApi(pageSize, clock);
  for (const name of there) api.put(PATH, object(name));
  const stop = new AbortController();
  const seen = new Map<string, unknown>();
  const deltas: Delta<unknown>[] = [];
  const keep = (raw: unknown) => ({ key: objectKey(raw), value: (raw as ModelObject)["value"] });
  const options = { api, path: PATH, query: {}, keep, clock, random: () => 0.5, signal: stop.signal, since };
  const run = (async () => {
    for await (const delta of reflect(options)) {
      deltas.push(delta);
      if (delta.type !== "listed" && delta.type !== "changed") continue;
      for (const [key, value] of delta.changes) {
        if (value === undefined) seen.delete(key);
        else seen.set(key, value);
      }
    }
  })().catch((error: unknown) => {
    if (!stop.signal.aborted) throw error;
  });
  const types = () => deltas.splice(0).map((delta) => (delta.type === "listed" ? `listed ${delta.evidence.kind}` : delta.type));
  const names = () => [...seen.keys()].map((key) => key.split("/")[1]).sort();
  const end = async () => {
    stop.abort(new Error("end"));
    await clock.advance(0);
    await run;
  };
  return { api, clock, types, names, end };
}

test("lists in pages, then watches; adds, changes and removals come one by one, equal ones not at all", async () => {
  const { api, clock, types, names, end } = rig({ names: ["a", "b", "c"], pageSize: 2 });
  await clock.advance(0);
  assert.deepEqual([types(), names(), api.counts], [["listed authoritative"], ["a", "b", "c"], { lists: 2, watches: 1 }]);
  api.put(PATH, object("d"));
  api.put(PATH, object("a", 2));
  api.put(PATH, object("a", 2));
  api.remove(PATH, "shop", "b");
  await clock.advance(0);
  assert.deepEqual(
    [types(), names()],
    [
      ["changed", "changed", "changed"],
      ["a", "c", "d"],
    ],
  );
  await end();
  assert.equal(api.openWatches, 0);
});

test("a watch that breaks is resumed where it was, after a backoff, and nothing is listed again", async () => {
  const { api, clock, types, names, end } = rig({ names: ["a"] });
  await clock.advance(0);
  types();
  api.breakWatches();
  api.put(PATH, object("b"));
  await clock.advance(399);
  assert.deepEqual([types(), names()], [["failed"], ["a"]]);
  await clock.advance(1);
  assert.deepEqual([types(), names(), api.counts.lists], [["current", "changed"], ["a", "b"], 1]);
  await end();
});

test("410: listed again at once, and the list is a difference that removes what is gone", async () => {
  const { api, clock, types, names, end } = rig({ names: ["a", "b"] });
  await clock.advance(0);
  types();
  api.breakWatches();
  api.remove(PATH, "shop", "a");
  api.put(PATH, object("c"));
  api.compact();
  await clock.advance(400);
  assert.deepEqual(
    [types(), names()],
    [
      ["failed", "listed authoritative"],
      ["b", "c"],
    ],
  );
  await end();
});

test("a page that expired begins the list anew", async () => {
  const { api, clock, names, end } = rig({ names: ["a", "b", "c"], pageSize: 1 });
  const get = api.get.bind(api);
  let asked = 0;
  api.get = (path, query, limits) => {
    // The first page was asked for before this stands in the way.
    if (++asked === 1) {
      api.put(PATH, object("d"));
      api.compact();
    }
    return get(path, query, limits);
  };
  await clock.advance(0);
  assert.deepEqual(names(), ["a", "b", "c", "d"]);
  await end();
});

test("restored from an older backup: what is missing is in doubt", async () => {
  const { api, clock, types, names, end } = rig({ names: ["a"] });
  const restore = api.backup();
  api.put(PATH, object("b"));
  await clock.advance(0);
  types();
  restore();
  await clock.advance(400);
  assert.deepEqual([types(), names()], [["failed", "listed suspect"], ["a"]]);
  await end();
});

test("a list older than what an earlier connection saw is in doubt", async () => {
  const { clock, types, end } = rig({ names: ["a"], since: "1000" });
  await clock.advance(0);
  assert.deepEqual(types(), ["listed suspect"]);
  await end();
});

test("refused: failures with growing waits, what is known stays, and it goes on by itself", async () => {
  const { api, clock, types, names, end } = rig({ names: ["a"] });
  await clock.advance(0);
  types();
  await clock.advance(10_000);
  assert.deepEqual(types(), ["current"], "a quiet cluster that answers is current");
  api.refuseWith({ status: 403, reason: "forbidden" });
  await clock.advance(60_000);
  const failures = types();
  assert.ok(failures.length > 20 && failures.every((type) => type === "failed"), failures.join());
  assert.deepEqual(names(), ["a"]);
  api.refuseWith(undefined);
  api.put(PATH, object("b"));
  await clock.advance(5000);
  assert.deepEqual(
    [types(), names()],
    [["listed authoritative"], ["a", "b"]],
    "current within five seconds, by a list: after so long it may be another server",
  );
  await end();
});

test("accepted and never answered: noticed within 20 s of silence, and current 13 s after its return", async () => {
  const { api, clock, types, names, end } = rig({ names: ["a"] });
  await clock.advance(0);
  types();
  api.hang(true);
  await clock.advance(20_000);
  assert.deepEqual(types(), ["failed"]);
  await clock.advance(100_000);
  api.hang(false);
  api.breakWatches();
  api.put(PATH, object("b"));
  await clock.advance(13_000);
  assert.deepEqual(names(), ["a", "b"]);
  await end();
});

test("a watch that something between has lost is renewed, although the server answers", async () => {
  const { api, clock, names, end } = rig({ names: ["a"] });
  await clock.advance(0);
  api.bookmark();
  await clock.advance(0);
  api.loseWatches();
  api.put(PATH, object("b"));
  await clock.advance(80_000);
  assert.deepEqual(names(), ["a"]);
  await clock.advance(10_000);
  assert.deepEqual([names(), api.counts], [["a", "b"], { lists: 10, watches: 2 }], "nine probes, no list");
  await end();
});

test("a server that loses every version at once is not listed again and again without a pause", async () => {
  const { api, clock, end } = rig({ names: ["a"] });
  api.watch = () => {
    throw new WatchFailed({ error: fail("MB_REGISTRY_REFUSED", { statusCode: 410 }), status: 410, retryAfterMs: undefined });
  };
  await clock.advance(60_000);
  assert.ok(api.counts.lists > 20 && api.counts.lists < 40, String(api.counts.lists));
  await end();
});

test("a server that asks to be left alone is", async () => {
  const { api, clock, types, end } = rig();
  const busy = { error: fail("MB_REGISTRY_REFUSED", { statusCode: 429 }), status: 429, retryAfterMs: 20_000 };
  let asked = 0;
  api.get = async () => {
    asked++;
    return busy;
  };
  await clock.advance(59_000);
  assert.deepEqual([types(), asked], [["listed authoritative", "failed", "failed", "failed"], 3]);
  await end();
});

test("restored while nobody watched, and past the version known: an object gone back tells", async () => {
  const { api, clock, types, names, end } = rig({ names: ["a"] });
  const restore = api.backup();
  api.put(PATH, object("a", 2));
  api.put(PATH, object("b"));
  await clock.advance(0);
  types();
  api.refuseWith({ status: undefined, reason: "down" });
  await clock.advance(20_000);
  types();
  restore();
  for (let turn = 0; turn < 20; turn++) api.put("/api/v1/configmaps", object("other", turn));
  api.refuseWith(undefined);
  await clock.advance(5000);
  assert.deepEqual([types(), names()], [["listed suspect"], ["a"]]);
  await end();
});

test("a watch that the server fails from one version again and again: listed", async () => {
  const { api, clock, types, names, end } = rig({ names: ["a"] });
  const { watch } = api;
  const version = "2";
  // As kube-apiserver does after a compaction just above the version: 500, for ever.
  api.watch = async function* (path, query, signal) {
    yield OPENED;
    if (query["resourceVersion"] !== version) yield* watch(path, query, signal);
    else yield { type: "ERROR", object: { kind: "Status", code: 500, message: "etcd event received with PrevKv=nil" } };
  };
  await clock.advance(0);
  api.put(PATH, object("b"));
  await clock.advance(5000);
  assert.ok(types().includes("listed authoritative"));
  assert.deepEqual(names(), ["a", "b"]);
  await end();
});
