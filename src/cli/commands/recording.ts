import type { Command } from "commander";
import { reasonOf } from "../../kernel/errors.ts";
import { printable } from "../../kernel/text.ts";
import { fail } from "../../model/errors.ts";
import { type JudgedFile, judgeRecording, recordingsAt } from "../../xds/recording/read.ts";
import { RULES } from "../../xds/recording/validate.ts";
import { shortType } from "../../xds/types.ts";
import type { CommandContext } from "../context.ts";
import { toJson } from "../output/json.ts";
import { EXIT } from "../report-error.ts";

/** Violations shown of one file; the rest is counted. */
const MAX_SHOWN = 20;

/** `recording check`: judges what `xds.recordTo` wrote. Exit code 1 when a rule of the protocol was broken. */
export function addRecording(program: Command, context: CommandContext): void {
  const command = program.command("recording").description("judge recorded xDS streams (xds.recordTo)");
  command
    .command("check <path...>")
    .description("check recordings, files or folders, against the rules of the xDS protocol")
    .option("-o, --output <format>", "table or json", "table")
    .action(async (paths: readonly string[], { output }: { readonly output: string }) => {
      const judged: JudgedFile[] = [];
      for (const path of paths) judged.push(...(await judge(path)));
      if (output === "json") context.terminal.out(toJson(judged));
      else for (const file of judged) show(context, file);
      if (judged.length === 0) context.terminal.err("No recordings were found.\n");
      if (judged.some(({ violations }) => violations.length > 0)) context.exit(EXIT.failed);
    });
}

async function judge(path: string): Promise<readonly JudgedFile[]> {
  try {
    return await Promise.all((await recordingsAt(path)).map(judgeRecording));
  } catch (cause) {
    throw fail(
      "MB_USAGE",
      { reason: `${path} cannot be read as a recording: ${reasonOf(cause)}`, command: "meshbridge" },
      { cause },
    );
  }
}

function show({ terminal }: CommandContext, { path, streams, requests, responses, cut, violations }: JudgedFile): void {
  const sign = violations.length === 0 ? terminal.paint("green", "√") : terminal.paint("red", "×");
  const left = cut === 0 ? "" : `, ${cut} streams judged in part`;
  terminal.out(
    `${sign} ${printable(path)}: ${streams} streams, ${requests} requests, ${responses} responses, ${violations.length} violations${left}\n`,
  );
  for (const { stream, at, rule, detail } of violations.slice(0, MAX_SHOWN))
    terminal.out(`    ${new Date(at).toISOString()} stream ${stream}: ${RULES[rule]} (${printable(shortened(detail))})\n`);
  if (violations.length > MAX_SHOWN) terminal.out(`    and ${violations.length - MAX_SHOWN} more\n`);
}

/** Types by the name people know them by. */
function shortened(detail: string): string {
  return detail.replace(/type\.googleapis\.com\/\S+/g, (typeUrl) => shortType(typeUrl));
}
