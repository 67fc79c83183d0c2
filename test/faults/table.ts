/** The matrix as people read it. */
import Table from "cli-table3";
import type { CellResult } from "./cell.ts";
import { FAULTS } from "./faults.ts";
import type { Latency } from "./pulse.ts";

const HEAD = [
  "registry",
  "fault",
  "wrongly\nwithdrawn",
  "degraded",
  "states seen",
  "change after\nheal ms (R2)",
  "all healthy\nms",
  "others p50/p99 ms\nbefore → during (R5)",
  "holds",
];

/** A line each; numbers of ms rounded. */
export function matrixTable(results: readonly CellResult[]): string {
  const table = new Table({ head: HEAD, style: { head: [], border: [] }, colAligns: ["left", "left", "right", "right"] });
  for (const result of results)
    table.push([
      result.registry,
      FAULTS.find(({ name }) => name === result.fault)?.title ?? result.fault,
      result.withdrawn.length,
      result.degraded,
      result.states.join(" → "),
      Math.round(result.changeAfterMs),
      Math.round(result.recoveredMs),
      [...result.during].map(([kind, during]) => `${kind} ${shown(result.before.get(kind))} → ${shown(during)}`).join("\n"),
      result.broken.length === 0 ? "yes" : `NO: ${result.broken.join("; ")}`,
    ]);
  return table.toString();
}

function shown(latency: Latency | undefined): string {
  return latency === undefined ? "-" : `${Math.round(latency.p50Ms)}/${Math.round(latency.p99Ms)}`;
}
