import type { Command } from "commander";
import { printable } from "../../kernel/text.ts";
import type { CommandContext } from "../context.ts";
import { type BridgeOptions, bridgeOf, type OutputOptions, print, withBridge, withOutput } from "../options.ts";

/** `version`: of this program and, where a bridge is named, of that bridge too. */
export function addVersion(program: Command, context: CommandContext): void {
  const command = program.command("version").description("print the version of this program and of a bridge that is named");
  withOutput(withBridge(command)).action(async (options: BridgeOptions & OutputOptions) => {
    const named = options.admin ?? options.config ?? context.env["MESHBRIDGE_ADMIN"];
    const rows: [string, string][] = [["meshbridge", context.version]];
    const data: Record<string, unknown> = { version: context.version, node: process.versions.node };
    if (named !== undefined) {
      const bridge = await bridgeOf(context, options);
      const answer = await bridge.read<{ readonly version: string }>("/v1/version");
      data["bridge"] = answer;
      rows.push([`bridge at ${bridge.address}`, printable(String(answer.version))]);
    }
    const columns = [
      { title: "WHAT", value: (row: [string, string]) => row[0] },
      { title: "VERSION", value: (row: [string, string]) => row[1] },
    ];
    print(context, options.output, data, { columns, rows, empty: "" });
  });
}
