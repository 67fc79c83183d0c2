import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { NameSet } from "./name-set.ts";
import { resource } from "./stream/testing.ts";
import { createTable, createTables } from "./table.ts";
import { TYPE_URL } from "./types.ts";

const CDS = TYPE_URL.cluster;

test("equal content is no change, also after a removal in between", () => {
  const table = createTable();
  assert.equal(table.set(resource(CDS, "a", 1)), true);
  assert.equal(table.set(resource(CDS, "a", 1)), false);
  assert.equal(table.seq, 1);
  assert.equal(table.delete("a"), true);
  assert.equal(table.delete("a"), false);
  assert.equal(table.removed("a")?.name, "a");
  assert.equal(table.addedAt("a"), 0);
  assert.equal(table.set(resource(CDS, "a", 1)), true);
  assert.equal(table.addedAt("a"), 3);
  assert.equal(table.removed("a"), undefined);
});

test("the version is that of the content, whatever the order it came in", () => {
  const a = createTable();
  const b = createTable();
  a.set(resource(CDS, "x"));
  a.set(resource(CDS, "y"));
  b.set(resource(CDS, "y"));
  b.set(resource(CDS, "x", "old"));
  b.set(resource(CDS, "x"));
  assert.equal(a.version, b.version);
  b.set(resource(CDS, "x", "new"));
  assert.notEqual(a.version, b.version);
});

test("a type that is not served is an empty table", () => {
  const table = createTables().table("type.googleapis.com/envoy.unknown");
  assert.equal(table.size, 0);
  assert.deepEqual(table.all(), []);
});

test("property: what changed since a seq is what differs, through thousands of changes and compactions", () => {
  const step = fc.record({
    name: fc.integer({ min: 0, max: 15 }).map(String),
    content: fc.option(fc.nat(3), { nil: undefined }),
  });
  fc.assert(
    fc.property(fc.array(step, { minLength: 1000, maxLength: 3000, size: "max" }), fc.nat(3000), (steps, cut) => {
      const table = createTable();
      const at = new Map<string, string>();
      let since = 0;
      const last = new Map<string, number>();
      steps.forEach(({ name, content }, index) => {
        const changed = content === undefined ? table.delete(name) : table.set(resource(CDS, name, content));
        if (changed) last.set(name, table.seq);
        if (index === Math.min(cut, steps.length - 1)) {
          since = table.seq;
          for (const one of table.all()) at.set(one.name, one.version);
        }
      });
      const changed = [...table.changedSince(since)];
      assert.equal(new Set(changed).size, changed.length);
      assert.deepEqual(
        changed.sort(),
        [...last]
          .filter(([, seq]) => seq > since)
          .map(([name]) => name)
          .sort(),
      );
      const now = new Map(table.all().map((one) => [one.name, one.version]));
      for (const name of new Set([...at.keys(), ...now.keys()]))
        if (at.get(name) !== now.get(name)) assert.ok(changed.includes(name));
      assert.equal(table.size, now.size);
    }),
    { numRuns: 30 },
  );
});

test("names keep their numbers until those that are long gone are forgotten; sets of names notice nothing", () => {
  const table = createTable();
  const wanted = new NameSet(table);
  for (const name of ["first", "gone 1", "never there", "last"]) wanted.add(name);
  table.set(resource(CDS, "first"));
  const { index } = table;
  const one = resource(CDS, "gone");
  for (let n = 0; n < 110_000; n++) {
    table.set({ ...one, name: `gone ${n}` });
    table.delete(`gone ${n}`);
  }
  table.set(resource(CDS, "last"));
  for (let version = 0; table.index === index && version < 300_000; version++) table.set(resource(CDS, "last", version));
  assert.notEqual(table.index, index);
  assert.ok(table.index.size < 110_000, `${table.index.size} numbers`);
  assert.deepEqual([...wanted].sort(), ["first", "gone 1", "last", "never there"]);
  for (const name of ["first", "last"]) assert.equal(table.index.nameOf(table.index.idOf(name) ?? -1), name);
});
