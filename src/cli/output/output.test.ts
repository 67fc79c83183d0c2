import assert from "node:assert/strict";
import { test } from "node:test";
import { parse } from "yaml";
import { ago, duration } from "./age.ts";
import { toJson } from "./json.ts";
import { printableLines } from "./lines.ts";
import { type Column, toTable } from "./table.ts";
import { toYaml } from "./yaml.ts";

interface Row {
  readonly name: string;
  readonly count: number;
  readonly note: string;
}
const columns: readonly Column<Row>[] = [
  { title: "NAME", value: (row) => row.name },
  { title: "COUNT", value: (row) => String(row.count) },
  { title: "NOTE", value: (row) => row.note, wide: true },
];
const rows = [
  { name: "default/web", count: 12, note: "" },
  { name: "default/checkout-service", count: 3, note: "new" },
];

test("a table has aligned columns, no borders and no blanks at line ends", () => {
  assert.equal(
    toTable(columns, rows),
    "NAME                       COUNT\ndefault/web                12\ndefault/checkout-service   3\n",
  );
});

test("wide shows every column, an empty cell as a dash", () => {
  assert.equal(
    toTable(columns, rows, true),
    "NAME                       COUNT   NOTE\ndefault/web                12      -\ndefault/checkout-service   3       new\n",
  );
});

test("colours do not disturb the alignment", () => {
  const coloured: readonly Column<string>[] = [
    { title: "STATE", value: (state) => `\u001b[32m${state}\u001b[39m` },
    { title: "NEXT", value: () => "x" },
  ];
  const plain = (text: string) => text.replaceAll("\u001b[32m", "").replaceAll("\u001b[39m", "");
  assert.equal(plain(toTable(coloured, ["live", "suspect"])), "STATE     NEXT\nlive      x\nsuspect   x\n");
});

test("JSON is indented, parses back and holds no raw control character", () => {
  const value = { name: "a\u009b2J\u007f", list: [1] };
  assert.equal(toJson({ a: 1 }), '{\n  "a": 1\n}\n');
  assert.deepEqual(JSON.parse(toJson(value)), value);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
  assert.doesNotMatch(toJson(value), /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
});

test("YAML repeats equal parts instead of naming them, and leaves undefined out", () => {
  const shared = { ads: {} };
  assert.equal(toYaml({ a: shared, b: shared, c: undefined }), "a:\n  ads: {}\nb:\n  ads: {}\n");
  const long = "word ".repeat(60).trim();
  assert.deepEqual(parse(toYaml({ long })), { long });
  assert.equal(toYaml({ long }), `long: ${long}\n`);
});

test("durations show at most two units", () => {
  const cases: readonly (readonly [number, string])[] = [
    [-5, "0s"],
    [0, "0s"],
    [999, "0s"],
    [59_999, "59s"],
    [60_000, "1m"],
    [250_000, "4m10s"],
    [3_600_000, "1h"],
    [3_605_000, "1h"],
    [93_784_000, "1d2h"],
  ];
  for (const [ms, text] of cases) assert.equal(duration(ms), text, String(ms));
  assert.equal(ago(undefined, 5), "never");
  assert.equal(ago(1000, 13_000), "12s ago");
});

test("several lines stay several, each without what could move the cursor", () => {
  assert.equal(printableLines("a\nb\u001b[2J", "  "), "a\n  b\uFFFD[2J");
});
