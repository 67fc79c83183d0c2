import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { propertyRuns } from "../../src/kernel/property-runs.ts";
import type { Connection } from "./connection.ts";
import type { Format } from "./formats/types.ts";
import { createMirror, type Mirror } from "./mirror.ts";
import { createRoot } from "./root.ts";
import { type ModelOptions, modelZooKeeper } from "./testing.ts";

/** `root/<unit>/<part>/…`: everything is read down to four levels, but for what is called `hidden`. */
const EVERYTHING: Format = {
  wants: (segments) =>
    segments.includes("hidden") || segments.length > 4 ? undefined : { children: segments.length < 4, data: true },
  unitsOf: ([unit]) => (unit === undefined ? [] : [unit]),
  units: (view) => view.children("/root"),
  read: () => [],
};

function setUp(options: ModelOptions = {}, paths: readonly string[] = ["/root"]) {
  const model = modelZooKeeper(options);
  const mirror = createMirror(paths.map((path) => createRoot(path, EVERYTHING)));
  const connect = () =>
    model.connect({
      ...{ host: "model", port: 1, session: undefined, signal: new AbortController().signal },
      onWatch: (event) => mirror.note(event),
    });
  const [root] = mirror.roots;
  if (root === undefined) throw new Error("there is no root");
  return { model, mirror, root, connect };
}

async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

/** Reads until nothing is noted any more. */
async function quiesce(mirror: Mirror, connection: Connection): Promise<void> {
  for (await settle(); mirror.dirty; await settle()) await mirror.update(connection);
}

/** What the mirror holds of the first root, by path. */
function dump(mirror: Mirror): Map<string, string> {
  const found = new Map<string, string>();
  const [root] = mirror.roots;
  const visit = (path: string) => {
    if (root?.view.stat(path) === undefined) return;
    found.set(path, new TextDecoder().decode(root.view.data(path) ?? new Uint8Array()));
    for (const child of root.view.children(path)) visit(`${path}/${child}`);
  };
  visit("/root");
  return found;
}

function truth(all: ReadonlyMap<string, string>): Map<string, string> {
  return new Map(
    [...all].filter(([path]) => /^\/root(\/|$)/.test(path) && !path.includes("hidden") && path.split("/").length <= 6),
  );
}

const sorted = (map: ReadonlyMap<string, string>) => [...map].sort(([a], [b]) => (a < b ? -1 : 1));

for (const recursive of [true, false])
  describe(recursive ? "with recursive watches" : "with one-shot watches", () => {
    test("reads everything wanted, and nothing else", async () => {
      const { model, mirror, connect } = setUp({ recursive });
      for (const path of ["/root/a/x/1", "/root/b", "/root/hidden/c", "/other/d"]) model.put(path, path);
      await mirror.resync(await connect());
      assert.deepEqual(sorted(dump(mirror)), sorted(truth(model.dump())));
      assert.equal(dump(mirror).has("/root/hidden"), false);
    });

    test("reads only what an event concerns, once for many events of one parent", async () => {
      const { model, mirror, root, connect } = setUp({ recursive });
      for (let at = 0; at < 50; at++) model.put(`/root/unit-${at}/x`, "1");
      const connection = await connect();
      await mirror.resync(connection);
      const before = model.requests.getChildren;
      for (let at = 0; at < 20; at++) model.put(`/root/unit-7/new-${at}`, "1");
      await quiesce(mirror, connection);
      assert.deepEqual([...root.takeUnits()], ["unit-7"]);
      assert.equal(model.requests.getChildren - before, 1 + 20, "the parent once, and each new node");
    });

    test("a root that is not there yet is found when it is created, without asking for it", async () => {
      const { model, mirror, connect } = setUp({ recursive });
      const connection = await connect();
      await mirror.resync(connection);
      const { getChildren } = model.requests;
      await settle();
      assert.equal(model.requests.getChildren, getChildren);
      model.put("/root/a/x", "1");
      await quiesce(mirror, connection);
      model.remove("/root");
      await quiesce(mirror, connection);
      assert.equal(dump(mirror).size, 0);
      model.put("/root/b", "2");
      await quiesce(mirror, connection);
      assert.deepEqual(sorted(dump(mirror)), sorted(truth(model.dump())));
    });

    test("a node that may not be read stays as it was known, and is found again later", async () => {
      const { model, mirror, connect } = setUp({ recursive });
      model.put("/root/a/x", "1");
      model.put("/root/b/x", "1");
      const connection = await connect();
      await mirror.resync(connection);
      model.forbidden.add("/root/a/x");
      model.put("/root/a/x", "2");
      model.put("/root/b/x", "2");
      await quiesce(mirror, connection);
      assert.deepEqual([dump(mirror).get("/root/a/x"), dump(mirror).get("/root/b/x"), mirror.trimmed], ["1", "2", true]);
      const next = await connect();
      await mirror.resync(next);
      assert.equal(dump(mirror).get("/root/a/x"), "1", "also over another connection");
      model.forbidden.clear();
      mirror.recheck();
      await quiesce(mirror, next);
      assert.deepEqual([dump(mirror).get("/root/a/x"), mirror.trimmed], ["2", false]);
    });

    test("the old view stands until the new one is whole", async () => {
      const { model, mirror, connect } = setUp({ recursive });
      for (let at = 0; at < 30; at++) model.put(`/root/unit-${at}/x`, "1");
      await mirror.resync(await connect());
      const before = sorted(dump(mirror));
      const connection = await connect();
      model.remove("/root/unit-3");
      const reading = mirror.resync(connection);
      for (let at = 0; at < 15; at++) await Promise.resolve();
      model.hung = true;
      await settle();
      assert.deepEqual(sorted(dump(mirror)), before);
      model.disconnect();
      await assert.rejects(reading, /connection reset/);
      assert.deepEqual(sorted(dump(mirror)), before);
    });

    test("never has more than 512 requests or so under way", async () => {
      const { model, mirror, connect } = setUp({ recursive });
      for (let at = 0; at < 3000; at++) model.put(`/root/unit/${at}`, "1");
      await mirror.resync(await connect());
      assert.ok(model.underWay.most > 512, `${model.underWay.most}`);
      assert.ok(model.underWay.most <= 1024, `${model.underWay.most}`);
    });

    test("after any history it is what the tree is", async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(step(), { maxLength: 60 }), async (steps) => {
          const { model, mirror, connect } = setUp({ recursive });
          let connection = await connect();
          await mirror.resync(connection);
          let updating: Promise<unknown> | undefined;
          const update = () => {
            // The connection's end is told by the next step that needs it.
            updating ??= mirror
              .update(connection)
              .catch(() => undefined)
              .finally(() => {
                updating = undefined;
              });
          };
          for (const act of steps) {
            if (act.type === "put") model.put(act.path, act.data);
            if (act.type === "remove") model.remove(act.path);
            // Not waited for: what follows happens while it is read.
            if (act.type === "update") update();
            if (act.type === "turns") for (let at = 0; at < act.count; at++) await Promise.resolve();
            if (act.type === "lose") {
              model.disconnect();
              await updating;
              connection = await connect();
              await mirror.resync(connection);
            }
          }
          await updating;
          await quiesce(mirror, connection);
          assert.deepEqual(sorted(dump(mirror)), sorted(truth(model.dump())));
        }),
        { numRuns: propertyRuns(300) },
      );
    });
  });

test("large data is fetched again only when its zxid says so", async () => {
  const { model, mirror, connect } = setUp();
  const large = "x".repeat(2000);
  for (let at = 0; at < 10; at++) model.put(`/root/unit/${at}`, large);
  await mirror.resync(await connect());
  const before = model.requests.getData;
  model.put("/root/unit/3", `${large}y`);
  await mirror.resync(await connect());
  assert.equal(model.requests.getData - before, 3, "the small data of the root and the unit, and what was written");
  assert.equal(dump(mirror).get("/root/unit/3"), `${large}y`);
  assert.equal(dump(mirror).get("/root/unit/4"), large);
});

test("a server that was put back in time is noticed", async () => {
  const { model, mirror, connect } = setUp();
  model.put("/root/a", "1");
  const restore = model.snapshot();
  model.put("/root/a", "2");
  assert.deepEqual(await mirror.resync(await connect()), { wentBack: false });
  assert.deepEqual(await mirror.resync(await connect()), { wentBack: false });
  restore();
  assert.deepEqual(await mirror.resync(await connect()), { wentBack: true });
});

test("roots that lie within each other are each kept", async () => {
  const { model, mirror, connect } = setUp({ recursive: false }, ["/root", "/root/a"]);
  model.put("/root/a/x", "1");
  const connection = await connect();
  await mirror.resync(connection);
  model.put("/root/a/x", "2");
  await quiesce(mirror, connection);
  const data = mirror.roots.map(({ view }) => new TextDecoder().decode(view.data("/root/a/x")));
  assert.deepEqual(data, ["2", "2"]);
});

type Step =
  | { readonly type: "put"; readonly path: string; readonly data: string }
  | { readonly type: "remove"; readonly path: string }
  | { readonly type: "turns"; readonly count: number }
  | { readonly type: "update" | "lose" };

function step(): fc.Arbitrary<Step> {
  const name = fc.constantFrom("a", "b", "hidden");
  const path = fc.array(name, { maxLength: 5 }).map((names) => ["/root", ...names].join("/"));
  return fc.oneof(
    { weight: 6, arbitrary: fc.record({ type: fc.constant("put" as const), path, data: fc.constantFrom("1", "2", "3") }) },
    { weight: 4, arbitrary: fc.record({ type: fc.constant("remove" as const), path }) },
    { weight: 4, arbitrary: fc.record({ type: fc.constant("turns" as const), count: fc.integer({ min: 1, max: 12 }) }) },
    { weight: 4, arbitrary: fc.constant({ type: "update" as const }) },
    { weight: 1, arbitrary: fc.constant({ type: "lose" as const }) },
  );
}
