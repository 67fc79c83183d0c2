/** How the verbs of `deploy` show what they found. */
import type { ActionView, ApplyView, OutcomeView, PlanView } from "../../../deploy/cli/verbs.ts";
import { printable } from "../../kernel/text.ts";
import type { CommandContext } from "../context.ts";
import type { Column } from "../output/table.ts";
import { EXIT } from "../report-error.ts";

export const planColumns: readonly Column<ActionView>[] = [
  { title: "CLUSTER", value: ({ cluster }) => printable(cluster) },
  { title: "ACTION", value: ({ verb }) => verb },
  { title: "OBJECT", value: ({ object }) => printable(object) },
  { title: "REASON", value: ({ reason }) => reason },
  { title: "MESSAGE", value: ({ message }) => printable(message) },
];

export const outcomeColumns: readonly Column<OutcomeView>[] = [
  { title: "CLUSTER", value: ({ cluster }) => printable(cluster) },
  { title: "ACTION", value: ({ verb }) => verb },
  { title: "OBJECT", value: ({ object }) => printable(object) },
  { title: "RESULT", value: ({ result }) => result },
  { title: "MESSAGE", value: ({ message }) => printable(message) },
];

interface StatusRow {
  readonly name: string;
  readonly health: string;
  readonly revision?: string;
  readonly replicas?: number;
  readonly observedAt?: string;
  readonly message: string;
}

export const statusColumns: readonly Column<StatusRow>[] = [
  { title: "CLUSTER", value: ({ name }) => printable(name) },
  { title: "HEALTH", value: ({ health }) => health },
  { title: "REPLICAS", value: ({ replicas }) => (replicas === undefined ? "" : String(replicas)) },
  { title: "REVISION", value: ({ revision }) => printable(revision ?? "") },
  { title: "SEEN", value: ({ observedAt }) => observedAt ?? "", wide: true },
  { title: "MESSAGE", value: ({ message }) => printable(message) },
];

/** What everybody must see, on stderr: clusters that do not answer, deletes that wait, what could not be placed. */
export function printNotes(
  { terminal }: CommandContext,
  view: Partial<Pick<PlanView, "problems" | "ask" | "unsatisfied">>,
): void {
  for (const { message } of view.problems ?? []) terminal.err(`${terminal.paintErr("red", "×")} ${printable(message)}\n`);
  if (view.unsatisfied !== undefined) terminal.err(`note: ${printable(view.unsatisfied)}\n`);
  if (view.ask !== undefined) terminal.err(`held: ${printable(view.ask.message)} (--approve-deletes ${view.ask.hash})\n`);
}

export function printDiff(context: CommandContext, view: PlanView): void {
  const { terminal } = context;
  for (const { cluster, verb, object, message, diffs } of view.actions) {
    if (verb === "none" && diffs.length === 0) continue;
    terminal.out(`${printable(cluster)}  ${printable(object)}  ${verb}: ${printable(message)}\n`);
    for (const { path, from, to, owners, applied } of diffs) {
      const owned = owners.length === 0 ? "" : `  (${printable(owners.join(", "))})`;
      const left = applied ? "" : "  left as it is";
      terminal.out(`  ${printable(path)}: ${shown(from)} -> ${shown(to)}${owned}${left}\n`);
    }
  }
  printNotes(context, view);
}

export function printWhy(context: CommandContext, view: PlanView): void {
  const { terminal } = context;
  for (const { cluster, placed, reason, message } of view.placement) {
    terminal.out(`${printable(cluster)}  ${placed ? "placed" : "not placed"}: ${printable(message)} (${reason})\n`);
    const share = view.replicas.find((one) => one.cluster === cluster);
    if (share === undefined) continue;
    const pending = share.pending === 0 ? "" : ` and ${share.pending} that stay Pending`;
    terminal.out(`  ${share.replicas} replicas${pending}\n`);
    for (const why of share.why) terminal.out(`    ${printable(why)}\n`);
  }
  printNotes(context, view);
}

/** 3 when a cluster did not answer, 1 when something was refused or waits for a person, else 0. */
export function exitCodeOf(view: PlanView | ApplyView): number {
  const outcomes = "outcomes" in view ? view.outcomes : [];
  if (view.problems.length > 0 || outcomes.some(({ result }) => result === "unreachable")) return EXIT.unreachable;
  const waits = view.ask !== undefined || view.actions.some(({ verb }) => verb === "blocked" || verb === "held");
  return waits || outcomes.some(({ result }) => result === "conflict" || result === "refused") ? EXIT.failed : EXIT.ok;
}

function shown(value: unknown): string {
  return value === undefined ? "nothing" : printable(JSON.stringify(value)).slice(0, 200);
}
