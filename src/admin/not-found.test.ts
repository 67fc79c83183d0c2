import assert from "node:assert/strict";
import { test } from "node:test";
import { nearNames } from "./not-found.ts";

const KNOWN = ["default/web", "default/web-admin", "shop/cart", "shop/checkout", "__proto__", "x".repeat(151)];

const CASES: readonly (readonly [name: string, near: readonly string[]])[] = [
  ["default/wbe", ["default/web"]],
  ["web", ["default/web", "default/web-admin"]],
  ["shop/chekout", ["shop/checkout"]],
  ["payments/ledger-of-all", []],
  ["x".repeat(150), []],
  ["x".repeat(10_000), []],
];

for (const [name, near] of CASES) {
  test(`names near ${name.slice(0, 30)}`, () => assert.deepEqual(nearNames(name, KNOWN), near));
}

test("at most three names are near", () => {
  const many = Array.from({ length: 50 }, (_, index) => `default/web-${index}`);
  assert.deepEqual(nearNames("web", many), ["default/web-0", "default/web-1", "default/web-10"]);
});
