import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { stringify } from "yaml";
import type { Path } from "./text.ts";
import { parseYaml } from "./yaml-document.ts";

function parsed(text: string) {
  const result = parseYaml(text);
  if ("problems" in result) throw new Error(JSON.stringify(result.problems));
  return result.document;
}

function problems(text: string): readonly string[] {
  const result = parseYaml(text);
  return "problems" in result ? result.problems.map(({ line, column, message }) => `${line}:${column} ${message}`) : [];
}

for (const [title, text, want] of [
  ["a duplicate key", "a: 1\nb: 2\na: 3\n", ['3:1 the key "a" is given twice']],
  ["a duplicate key in braces", "x: { a: 1, a: 2 }\n", ['1:12 the key "a" is given twice']],
  ["two documents", "a: 1\n---\nb: 2\n", ["2:1 only one document is allowed: remove the `---` between them"]],
  ["a foreign tag", "a: !!js/function x\n", ["1:4 tags are not allowed (Unresolved tag: tag:yaml.org,2002:js/function)"]],
  ["a private tag", "a: !secret x\n", ["1:4 tags are not allowed (Unresolved tag: !secret)"]],
  ["an unknown alias", "a: *nobody\n", ["1:1 not YAML: Unresolved alias (the anchor must be set before the alias): nobody"]],
] as const)
  test(`${title} is refused with its place`, () => {
    assert.deepEqual(problems(text), want);
  });

test("what is not YAML is refused with its place", () => {
  for (const text of ["a: [1, 2\n", "a: b: c\n", "\tx: 1\n", "a: 'open\n", "{a: 1}}\n"]) {
    const [first] = problems(text);
    assert.match(first ?? "", /^\d+:\d+ not YAML: /, text);
  }
});

test("an alias bomb is refused before it unfolds", () => {
  const levels = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"];
  for (let level = 1; level < 12; level++)
    levels.push(
      `a${level}: &a${level} [${Array(10)
        .fill(`*a${level - 1}`)
        .join(", ")}]`,
    );
  assert.deepEqual(problems(`${levels.join("\n")}\n`), ["1:1 more than 100 uses of aliases (*name)"]);
});

test("text nested without end is refused", () => {
  assert.equal(problems("[".repeat(100_000)).length > 0, true);
});

test("an alias is the value it stands for", () => {
  assert.deepEqual(parsed("base: &b { x: 1 }\nother: *b\n").value, { base: { x: 1 }, other: { x: 1 } });
});

test("keys that JavaScript treats specially are ordinary own keys", () => {
  const { value } = parsed("__proto__: { polluted: 1 }\nconstructor: 2\n");
  assert.deepEqual(Object.keys(value as object), ["__proto__", "constructor"]);
  assert.equal(Reflect.get({}, "polluted"), undefined);
});

test("numbers that are none come through as they are", () => {
  assert.deepEqual(parsed("[.nan, .inf, 0x10, 1e3]").value, [Number.NaN, Number.POSITIVE_INFINITY, 16, 1000]);
});

test("an empty text is null", () => {
  for (const text of ["", "\n", "# only a comment\n"]) assert.equal(parsed(text).value, null);
});

const TEXT = `xds: { listen: "127.0.0.1:1" }
registries:
  - kind: file
    name: local
  - { kind: consul,
      name: x }
empty:
base: &base
  deep: [1, 2]
copy: *base
`;
for (const [path, of, want] of [
  [[], "value", "1:1"],
  [["xds"], "key", "1:1"],
  [["xds"], "value", "1:6"],
  [["xds", "listen"], "key", "1:8"],
  [["xds", "listen"], "value", "1:16"],
  [["registries", 0], "value", "3:5"],
  [["registries", 0, "name"], "value", "4:11"],
  [["registries", 1, "name"], "key", "6:7"],
  // What is missing is looked for where it would belong.
  [["registries", 1, "path"], "value", "5:5"],
  [["registries", 7], "value", "3:3"],
  [["nothing", "at", "all"], "value", "1:1"],
  [["empty"], "value", "7:1"],
  [["copy", "deep", 1], "value", "9:13"],
] as readonly (readonly [Path, "key" | "value", string])[])
  test(`the ${of} of ${JSON.stringify(path)} stands at ${want}`, () => {
    const { line, column } = parsed(TEXT).positionOf(path, of);
    assert.equal(`${line}:${column}`, want);
  });

test("it never throws, whatever the text", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: "binary" }), fc.stringMatching(/^[-[\]{}:,&*!|>"' \n\ta-c]{0,60}$/)), (text) => {
      const result = parseYaml(text);
      if ("document" in result) result.document.positionOf(["a", 0, "b"], "value");
    }),
    { numRuns: 2000 },
  );
});

test("what is written as YAML reads as it was", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      assert.deepEqual(parsed(stringify(value, { aliasDuplicateObjects: false })).value, value);
    }),
    { numRuns: 300 },
  );
});
