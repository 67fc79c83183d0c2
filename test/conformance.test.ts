/** docs/reference/xds-conformance.md names tests: each of them must be there. */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { matchesGlob } from "../src/kernel/glob.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const PAGE = readFileSync(`${ROOT}docs/reference/xds-conformance.md`, "utf8");

interface Named {
  readonly item: string;
  readonly file: string;
  /** `*` stands for what differs between the runs of a test. */
  readonly name: string;
}

/** `| item | what | `file`: name; name<br>`file`: name |`; what names no test ends the table. */
function namedTests(): readonly Named[] {
  const [table = ""] = PAGE.split("## Not there");
  return [...table.matchAll(/^\| (\S+) \|.*?\| (`[^|]*) \|$/gm)].flatMap(([, item = "", cell = ""]) =>
    cell.split("<br>").flatMap((part) => {
      const [, file = "", names = ""] = /^`([^`]+)`: (.*)$/.exec(part) ?? [];
      return splitNames(names, titlesOf(file)).map((name) => ({ item, file, name }));
    }),
  );
}

/** The titles of tests in a file, with `*` for what is put into them. */
function titlesOf(file: string): readonly string[] {
  if (!existsSync(ROOT + file)) return [];
  const source = readFileSync(ROOT + file, "utf8");
  const titles = [...source.matchAll(/\b(?:test|describe)\(\s*(?:"((?:[^"\\]|\\.)*)"|`((?:[^`\\]|\\.)*)`)/g)];
  return titles.map(([, plain, template]) => plain ?? (template ?? "").replace(/\$\{[^}]*(\{[^}]*\}[^}]*)*\}:?/g, "*"));
}

/** A title may hold a semicolon itself: the longest that is a title counts. */
function splitNames(text: string, titles: readonly string[]): readonly string[] {
  const parts = text.split("; ");
  const names: string[] = [];
  while (parts.length > 0) {
    let length = parts.length;
    while (length > 1 && !isTitle(parts.slice(0, length).join("; "), titles)) length--;
    names.push(parts.splice(0, length).join("; "));
  }
  return names;
}

function isTitle(name: string, titles: readonly string[]): boolean {
  return titles.some((title) => title === name || matchesGlob(name, title));
}

const named = namedTests();

test("the page names a test for every item it says is there", () => {
  const items = new Set(named.map(({ item }) => item));
  for (const [letter, count] of [
    ["A", 10],
    ["B", 8],
    ["C", 8],
    ["D", 5],
    ["E", 4],
    ["F", 6],
    ["G", 2],
    ["H", 2],
    ["I", 8],
  ] as const)
    for (let number = 1; number <= count; number++) assert.ok(items.has(`${letter}${number}`), `${letter}${number}`);
  assert.ok(named.length > 50, `${named.length} tests`);
});

for (const { item, file, name } of named)
  test(`${item}: ${file} has "${name}"`, () => {
    assert.ok(isTitle(name, titlesOf(file)), `the file has no such test:\n${titlesOf(file).join("\n")}`);
  });
