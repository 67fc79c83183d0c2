/** Runs as one Markdown table: the median of each figure and, where runs differ, the lowest and highest. */
import { percentile, shown } from "../support/figures.ts";
import type { Figures } from "./scenarios.ts";

/** Above this share of its core the load generator's own speed is what was measured. */
const MOST_BUSY = 0.85;

export interface Row {
  readonly server: string;
  readonly runs: readonly Figures[];
  /** Why a run ended early: the gate, or a server that never got there. */
  readonly failure?: string;
}

export function tableOf(rows: readonly Row[]): string {
  const columns = [...new Set(rows.flatMap(({ runs }) => runs.flatMap((run) => Object.keys(run))))];
  const lines = rows.map(({ server, runs, failure }) => {
    const cells = columns.map((column) => cell(runs.map((run) => run[column] ?? Number.NaN)));
    const busy = Math.max(...runs.map((run) => run["generator busy"] ?? 0));
    const note = failure === undefined ? (busy > MOST_BUSY ? " (void: generator)" : "") : ` (failed: ${failure})`;
    return `| ${server}${note} | ${cells.join(" | ")} |`;
  });
  return [`| server | ${columns.join(" | ")} |`, `|${"---|".repeat(columns.length + 1)}`, ...lines].join("\n");
}

function cell(values: readonly number[]): string {
  if (values.length === 0) return "-";
  const median = shown(percentile(values, 0.5));
  const [low, high] = [shown(Math.min(...values)), shown(Math.max(...values))];
  return low === high ? median : `${median} (${low}–${high})`;
}
