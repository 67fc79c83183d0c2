import assert from "node:assert/strict";
import { test } from "node:test";
import { didYouMean, orList, type Path, pathText, quoted } from "./text.ts";

for (const [path, want] of [
  [[], "(top)"],
  [["xds", "listen"], "xds.listen"],
  [["registries", 0, "name"], "registries[0].name"],
  [[2, "a"], "[2].a"],
  [["a", "b c", "d"], 'a["b c"].d'],
  [["a\nb"], '["a\u{FFFD}b"]'],
] as readonly (readonly [Path, string])[])
  test(`the path ${JSON.stringify(path)} reads ${want}`, () => {
    assert.equal(pathText(path), want);
  });

test("foreign text is cut and made visible", () => {
  assert.equal(quoted("a\u0000b\u202Ec\nd"), '"a\u{FFFD}b\u{FFFD}c\u{FFFD}d"');
  assert.equal(quoted("\ud800"), '"\u{FFFD}"');
  assert.equal(quoted("x".repeat(1_000_000)).length, 63);
});

for (const [word, want] of [
  ["listn", '; did you mean "listen"?'],
  ["LISTEN", '; did you mean "listen"?'],
  ["datacentres", '; did you mean "datacenters"?'],
  ["zz", ""],
  ["", ""],
  ["x".repeat(100_000), ""],
] as const)
  test(`for ${quoted(word)} it suggests ${want || "nothing"}`, () => {
    assert.equal(didYouMean(word, ["listen", "datacenters", "tls"]), want);
  });

test("lists of words", () => {
  assert.equal(orList([]), "");
  assert.equal(orList(["a"]), "a");
  assert.equal(orList(["a", "b"]), "a or b");
  assert.equal(orList(["a", "b", "c"]), "a, b or c");
});
