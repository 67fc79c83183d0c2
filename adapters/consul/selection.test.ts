import assert from "node:assert/strict";
import { test } from "node:test";
import { matchesGlob } from "../../src/kernel/glob.ts";
import { isReadable, selectServices } from "./selection.ts";

for (const [pattern, name, expected] of [
  ["web", "web", true],
  ["web", "web2", false],
  ["*", "", true],
  ["*", "anything", true],
  ["web*", "web", true],
  ["web*", "web-1", true],
  ["*-canary", "web-canary", true],
  ["*-canary", "web-canary-2", false],
  ["a*a", "a", false],
  ["a*a", "aa", true],
  ["a*b*c", "a-b-b-c", true],
  ["a*b*c", "ac", false],
  ["*b*", "abc", true],
  ["a.c", "abc", false],
] as const)
  test(`pattern ${pattern} and ${name}`, () => assert.equal(matchesGlob(pattern, name), expected));

const catalog = new Map(
  Object.entries({ consul: [], web: ["a", "b"], "web-canary": ["a"], db: [] }).map(([name, tags]) => [
    name,
    new Set<string>(tags),
  ]),
);
for (const [name, settings, expected] of [
  ["nothing: all but Consul itself", {}, ["web", "web-canary", "db"]],
  ["include", { include: ["web*"] }, ["web", "web-canary"]],
  ["exclude", { exclude: ["*-canary", "db"] }, ["web"]],
  ["both", { include: ["web*"], exclude: ["web"] }, ["web-canary"]],
  ["tags", { tags: ["a", "b"] }, ["web"]],
  ["an empty include", { include: [] }, []],
] as const)
  test(`selected by ${name}`, () => {
    const { include, exclude, tags }: { include?: readonly string[]; exclude?: readonly string[]; tags?: readonly string[] } =
      settings;
    const selected = selectServices(catalog, {
      ...(include && { include: [...include] }),
      ...(exclude && { exclude: [...exclude] }),
      ...(tags && { tags: [...tags] }),
    });
    assert.deepEqual([...selected.keys()], expected);
  });

test("names that would be another path cannot be asked for", () => {
  for (const name of ["web", "a", "A.b_c-1", "x".repeat(253)]) assert.ok(isReadable(name), name);
  for (const name of ["", ".", "..", "a/b", "a b", "a?b", "a%2fb", "x".repeat(254), "a\n", "é"])
    assert.ok(!isReadable(name), name);
});
