import type { Command } from "commander";
import type { RegistryAnswer } from "../../admin/routes/registries.ts";
import { printable } from "../../kernel/text.ts";
import type { CommandContext } from "../context.ts";
import { type BridgeOptions, bridgeOf, type OutputOptions, print, withBridge, withOutput } from "../options.ts";
import { ago } from "../output/age.ts";
import { printableLines } from "../output/lines.ts";

const COLOURS = { init: "dim", syncing: "dim", live: "green", suspect: "yellow", stale: "red" } as const;

/** `registries`: how each registry is, and what it last failed with. */
export function addRegistries(program: Command, context: CommandContext): void {
  const command = program.command("registries").description("show how each registry is");
  withOutput(withBridge(command)).action(async (options: BridgeOptions & OutputOptions) => {
    const bridge = await bridgeOf(context, options);
    const rows = await bridge.list<RegistryAnswer>("/v1/registries");
    const now = context.clock.now();
    const time = (text: string | null) => (text === null ? undefined : Date.parse(text));
    const columns = [
      { title: "REGISTRY", value: ({ name }: RegistryAnswer) => printable(name) },
      { title: "KIND", value: ({ kind }: RegistryAnswer) => kind },
      {
        title: "STATE",
        value: ({ state, suspectReason }: RegistryAnswer) =>
          context.terminal.paint(COLOURS[state], suspectReason === null ? state : `${state} (${suspectReason})`),
      },
      { title: "SYNCED", value: ({ lastSync }: RegistryAnswer) => ago(time(lastSync), now) },
      { title: "SERVICES", value: ({ services }: RegistryAnswer) => String(services) },
      { title: "INSTANCES", value: ({ instances }: RegistryAnswer) => String(instances) },
      { title: "HELD", value: ({ held }: RegistryAnswer) => String(held) },
      { title: "REJECTED", value: ({ rejected }: RegistryAnswer) => String(rejected) },
      { title: "EVENTS", value: ({ events }: RegistryAnswer) => String(events), wide: true },
    ];
    print(context, options.output, rows, { columns, rows, empty: "No registries are configured." });
    if (options.output !== "table" && options.output !== "wide") return;
    for (const { name, state, lastError } of rows) {
      if (state !== "stale" || lastError === null) continue;
      context.terminal.err(
        `\n${printable(name)}: ${printableLines(lastError.message, "  ")}\n  next: ${printable(lastError.next)}\n`,
      );
    }
  });
}
