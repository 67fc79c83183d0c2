/** Tables for people: a heading, aligned columns, no borders, so that `grep`, `awk` and eyes all read them. */
import Table from "cli-table3";

export interface Column<Row> {
  readonly title: string;
  /** The cell's text; it may hold colours of ours, so what comes from elsewhere goes through `printable` of kernel/text first. */
  readonly value: (row: Row) => string;
  /** Shown with `-o wide` only. */
  readonly wide?: boolean;
}

const NOTHING = "";
const BORDERLESS = {
  top: NOTHING,
  "top-mid": NOTHING,
  "top-left": NOTHING,
  "top-right": NOTHING,
  bottom: NOTHING,
  "bottom-mid": NOTHING,
  "bottom-left": NOTHING,
  "bottom-right": NOTHING,
  left: NOTHING,
  "left-mid": NOTHING,
  mid: NOTHING,
  "mid-mid": NOTHING,
  right: NOTHING,
  "right-mid": NOTHING,
  middle: NOTHING,
};

/** The table as lines, each ending in a newline and none in blanks. An empty cell shows as `-`, so columns can be counted. */
export function toTable<Row>(columns: readonly Column<Row>[], rows: readonly Row[], wide = false): string {
  const shown = columns.filter((column) => wide || column.wide !== true);
  const table = new Table({
    head: shown.map((column) => column.title),
    chars: BORDERLESS,
    style: { head: [], border: [], "padding-left": 0, "padding-right": 3 },
  });
  for (const row of rows) table.push(shown.map((column) => column.value(row) || "-"));
  return table
    .toString()
    .split("\n")
    .map((line) => `${line.trimEnd()}\n`)
    .join("");
}
