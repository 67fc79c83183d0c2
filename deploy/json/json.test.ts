import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parsePointer, pointersOverlap, pointerText } from "./pointer.ts";
import { canonicalText, type Json, jsonEqual, listAt, numberAt, ownValue, textAt, valueAt, withKey } from "./value.ts";

test("reads by path, only own properties", () => {
  const value = JSON.parse('{"a":[{"b":"c","n":3}],"__proto__":{"x":1}}') as Json;
  assert.equal(textAt(value, "a", 0, "b"), "c");
  assert.equal(textAt(value, "a", 0, "n"), undefined);
  assert.equal(numberAt(value, "a", "0", "n"), 3);
  assert.equal(valueAt(value, ["a", 1, "b"]), undefined);
  assert.equal(ownValue(value, "constructor"), undefined);
  assert.deepEqual(ownValue(value, "__proto__"), { x: 1 });
  assert.deepEqual(listAt(value, "a", 0, "b"), []);
});

test("sets a hostile key as an own property", () => {
  const copy = withKey({ a: 1 }, "__proto__", { evil: true });
  assert.deepEqual(Object.keys(copy), ["a", "__proto__"]);
  assert.equal(({} as Record<string, unknown>)["evil"], undefined);
});

test("equality and canonical text agree, whatever the order of keys", () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
      assert.equal(jsonEqual(a as Json, b as Json), canonicalText(a as Json) === canonicalText(b as Json));
    }),
  );
  assert.ok(jsonEqual({ a: 1, b: [2] }, { b: [2], a: 1 }));
  assert.ok(!jsonEqual({ a: null }, {}));
});

test("pointers", () => {
  assert.deepEqual(parsePointer(""), []);
  assert.deepEqual(parsePointer("/a~1b/m~0n/"), ["a/b", "m~n", ""]);
  assert.equal(parsePointer("a"), undefined);
  assert.equal(parsePointer("/a~2"), undefined);
  assert.equal(pointerText(["a/b", "m~n", 0]), "/a~1b/m~0n/0");
  assert.ok(pointersOverlap(["spec"], ["spec", "replicas"]));
  assert.ok(pointersOverlap(["a", 0], ["a", "0"]));
  assert.ok(!pointersOverlap(["spec", "a"], ["spec", "b"]));
});
