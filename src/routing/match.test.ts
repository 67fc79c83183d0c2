import assert from "node:assert/strict";
import { test } from "node:test";
import { isServicePattern, matchesService } from "./match.ts";

for (const [pattern, namespace, name, want] of [
  ["*", "default", "web", true],
  ["default/web", "default", "web", true],
  ["default/web", "default", "web2", false],
  ["default/web", "other", "web", false],
  ["default/*", "default", "web", true],
  ["default/*", "defaults", "web", false],
  ["*/web", "shop", "web", true],
  ["*/*", "shop", "web", true],
  ["shop-*/web-*-api", "shop-eu", "web-v1-api", true],
  ["shop-*/web-*-api", "shop-eu", "web-api", false],
  ["default/a*b*c", "default", "aXbYbZc", true],
  ["default/a*b*c", "default", "aXbYbZ", false],
  ["default/**", "default", "", true],
  ["web", "default", "web", false],
  ["", "default", "web", false],
  // A registry's name is never read as a pattern.
  ["default/web", "default", "*", false],
] as const)
  test(`${pattern || "an empty pattern"} ${want ? "matches" : "does not match"} ${namespace}/${name}`, () => {
    assert.equal(matchesService(pattern, { namespace, name }), want);
  });

test("a pattern of many stars stays fast on a name made for it", () => {
  const started = performance.now();
  assert.equal(matchesService(`default/${"a*".repeat(60)}b`, { namespace: "default", name: "a".repeat(2000) }), false);
  assert.ok(performance.now() - started < 1000);
});

for (const [text, want] of [
  ["*", true],
  ["default/*", true],
  ["*/web", true],
  ["web", false],
  ["a/b/c", false],
  ["/web", false],
  ["default/", false],
  ["default/we b", false],
] as const)
  test(`"${text}" is ${want ? "" : "not "}a pattern`, () => {
    assert.equal(isServicePattern(text), want);
  });
