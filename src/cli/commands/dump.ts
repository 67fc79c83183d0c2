import { Argument, type Command } from "commander";
import type { ProxyDump } from "../../admin/routes/proxies.ts";
import { printable } from "../../kernel/text.ts";
import type { CommandContext } from "../context.ts";
import { type BridgeOptions, bridgeOf, type OutputOptions, print, withBridge, withOutput } from "../options.ts";

const TYPES = ["clusters", "endpoints", "listeners", "routes"] as const;

/** `dump NODE [TYPE]`: what a proxy is served; a table of names, or everything with `-o json|yaml`. */
export function addDump(program: Command, context: CommandContext): void {
  const command = program
    .command("dump <node>")
    .addArgument(new Argument("[type]", "only this").choices(TYPES))
    .description("show the xDS resources a connected proxy is served");
  withOutput(withBridge(command)).action(
    async (node: string, type: string | undefined, options: BridgeOptions & OutputOptions) => {
      const bridge = await bridgeOf(context, options);
      const answer = await bridge.read<ProxyDump>(`/v1/proxies/${encodeURIComponent(node)}/dump`, { type });
      type Row = ProxyDump["resources"][number];
      const columns = [
        { title: "TYPE", value: (row: Row) => row.type },
        { title: "NAME", value: (row: Row) => printable(row.name) },
        { title: "VERSION", value: (row: Row) => row.version },
      ];
      print(context, options.output, answer.resources, {
        columns,
        rows: answer.resources,
        empty: `${node} is served nothing of this.`,
      });
    },
  );
}
