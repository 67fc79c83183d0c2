import type { Command } from "commander";
import type { RegistryAnswer } from "../../admin/routes/registries.ts";
import { printable } from "../../kernel/text.ts";
import type { CommandContext } from "../context.ts";
import { type BridgeOptions, bridgeOf, type OutputOptions, print, withBridge, withOutput } from "../options.ts";
import { ago, duration } from "../output/age.ts";
import { printableLines } from "../output/lines.ts";

const COLOURS = { init: "dim", syncing: "dim", live: "green", suspect: "yellow", stale: "red", expired: "red" } as const;

/** What the age of a registry does to its instances, in one word or two. */
const SERVED = { fresh: "as they are", degraded: "degraded", last: "last priority", expired: "not at all" } as const;

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
      { title: "AGE", value: ({ ageSeconds }: RegistryAnswer) => age(ageSeconds) },
      { title: "SERVED", value: ({ staleness }: RegistryAnswer) => SERVED[staleness], wide: true },
      { title: "SERVICES", value: ({ services }: RegistryAnswer) => String(services) },
      { title: "INSTANCES", value: ({ instances }: RegistryAnswer) => String(instances) },
      { title: "HELD", value: ({ held }: RegistryAnswer) => String(held) },
      { title: "REJECTED", value: ({ rejected }: RegistryAnswer) => String(rejected) },
      { title: "EVENTS", value: ({ events }: RegistryAnswer) => String(events), wide: true },
    ];
    print(context, options.output, rows, { columns, rows, empty: "No registries are configured." });
    if (options.output !== "table" && options.output !== "wide") return;
    printParts(context, rows);
    for (const { name, state, lastError } of rows) {
      if ((state !== "stale" && state !== "expired") || lastError === null) continue;
      context.terminal.err(
        `\n${printable(name)}: ${printableLines(lastError.message, "  ")}\n  next: ${printable(lastError.next)}\n`,
      );
    }
  });
}

/** The datacentres and clusters, each by itself: the registry as a whole is only as well as the worst of them. */
function printParts({ terminal }: CommandContext, rows: readonly RegistryAnswer[]): void {
  for (const { name, parts } of rows) {
    if (parts.length === 0) continue;
    terminal.out(`\nparts of ${printable(name)}:\n`);
    for (const { name: part, state, suspectReason, ageSeconds, staleness } of parts) {
      const shown = terminal.paint(COLOURS[state], suspectReason === null ? state : `${state} (${suspectReason})`);
      terminal.out(`  ${printable(part)}: ${shown}, age ${age(ageSeconds)}, served ${SERVED[staleness]}\n`);
    }
  }
}

function age(seconds: number | null): string {
  return seconds === null ? "unknown" : duration(seconds * 1000);
}
