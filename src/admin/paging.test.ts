import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { page } from "./paging.ts";

const identity = (text: string) => text;

function allPages(items: readonly string[], limit: number): string[] {
  const seen: string[] = [];
  let cursor: string | undefined;
  do {
    const { items: got, total, nextCursor } = page(items, identity, { limit, ...(cursor !== undefined && { cursor }) });
    assert.equal(total, items.length);
    assert.ok(got.length <= limit);
    seen.push(...got);
    cursor = nextCursor;
  } while (cursor !== undefined);
  return seen;
}

test("the pages together are all items once, in order, whatever the order they came in", () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.string()), fc.integer({ min: 1, max: 7 }), (items, limit) => {
      assert.deepEqual(allPages(items, limit), [...items].sort());
      assert.deepEqual(allPages([...items].reverse(), limit), [...items].sort());
    }),
  );
});

test("items that come and go between two pages cost no other item its place", () => {
  const first = page(["a", "c", "e", "g"], identity, { limit: 2 });
  assert.deepEqual(first.items, ["a", "c"]);
  const cursor = first.nextCursor ?? "";
  assert.deepEqual(page(["a", "b", "d", "e", "g"], identity, { limit: 9, cursor }).items, ["d", "e", "g"]);
  assert.deepEqual(page(["a"], identity, { cursor }).items, []);
});

test("without a limit a page has 100 items", () => {
  const items = Array.from({ length: 101 }, (_, index) => `item-${index}`);
  const { items: got, nextCursor } = page(items, identity, {});
  assert.equal(got.length, 100);
  assert.notEqual(nextCursor, undefined);
});

test("a cursor that no page gave is refused", () => {
  for (const cursor of ["", "x", "🙂", Buffer.from("x:y").toString("base64url")])
    assert.throws(() => page(["a"], identity, { cursor }), { code: "MB_BAD_REQUEST" });
});
