import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createSnapshotMap } from "./snapshot-map.ts";

const key = fc.integer({ min: 0, max: 40 }).map((n) => `key-${n}`);
const step = fc.oneof(
  fc.record({ type: fc.constant("set" as const), key, value: fc.nat(5) }),
  fc.record({ type: fc.constant("delete" as const), key }),
  fc.constant({ type: "snapshot" as const }),
);

test("property: it holds what a map would, and a snapshot what the map held then", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const [map, model] = [createSnapshotMap<number>(), new Map<string, number>()];
      const taken: [ReadonlyMap<string, number>, Map<string, number>][] = [];
      for (const one of steps) {
        if (one.type === "set") {
          map.set(one.key, one.value);
          model.set(one.key, one.value);
        } else if (one.type === "delete") {
          map.delete(one.key);
          model.delete(one.key);
        } else taken.push([map.snapshot(), new Map(model)]);
        assert.equal(map.size, model.size);
      }
      taken.push([map.snapshot(), model]);
      for (const [snapshot, then] of taken) {
        assert.equal(snapshot.size, then.size);
        assert.deepEqual(new Map(snapshot), then);
        assert.deepEqual([...snapshot.keys()].sort(), [...then.keys()].sort());
        assert.deepEqual([...snapshot.values()].sort(), [...then.values()].sort());
        for (const name of then.keys()) assert.equal(snapshot.get(name), then.get(name));
        assert.deepEqual([snapshot.has("none"), snapshot.get("none")], [false, undefined]);
      }
    }),
  );
});

test("until something changes it is the same snapshot, and each iteration of it has the same order", () => {
  const map = createSnapshotMap<number>();
  for (let n = 0; n < 1000; n++) map.set(`service-${n}`, n);
  const snapshot = map.snapshot();
  assert.equal(map.snapshot(), snapshot);
  const order = [...snapshot.keys()];
  map.set("service-1", -1);
  assert.notEqual(map.snapshot(), snapshot);
  assert.deepEqual([...snapshot.keys()], order);
  assert.deepEqual([snapshot.get("service-1"), map.get("service-1")], [1, -1]);
  const visited: string[] = [];
  snapshot.forEach((_, name) => {
    visited.push(name);
  });
  assert.deepEqual(visited, order);
});
