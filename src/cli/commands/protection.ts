import type { Command } from "commander";
import type { HeldAnswer, ReleasedAnswer } from "../../admin/routes/protection.ts";
import { printable } from "../../kernel/text.ts";
import type { CommandContext } from "../context.ts";
import { type BridgeOptions, bridgeOf, type OutputOptions, print, withBridge, withOutput } from "../options.ts";
import { ago } from "../output/age.ts";

interface ReleaseOptions extends BridgeOptions {
  readonly service?: string;
  readonly instance?: string;
}

/** `protection`: what is held back from removal; `protection release`: the operator's word that it is meant. */
export function addProtection(program: Command, context: CommandContext): void {
  const command = program.command("protection").description("show and release instances held back from removal");
  withOutput(withBridge(command.command("list", { isDefault: true }).description("list held instances"))).action(
    async (options: BridgeOptions & OutputOptions) => list(context, options),
  );
  withBridge(
    command
      .command("release <registry>")
      .description("end holds: what the registry no longer names goes at once")
      .option("--service <namespace/name>", "of this service only")
      .option("--instance <id>", "of this instance only"),
  ).action(async (registry: string, options: ReleaseOptions) => {
    const { service, instance } = options;
    const bridge = await bridgeOf(context, options);
    const filter = { ...(service !== undefined && { service }), ...(instance !== undefined && { instance }) };
    const { released } = await bridge.send<ReleasedAnswer>(`/v1/protection/${encodeURIComponent(registry)}/release`, filter);
    context.terminal.out(`${released} released\n`);
  });
}

async function list(context: CommandContext, options: BridgeOptions & OutputOptions): Promise<void> {
  const bridge = await bridgeOf(context, options);
  const rows = await bridge.list<HeldAnswer>("/v1/protection");
  const now = context.clock.now();
  const columns = [
    { title: "REGISTRY", value: ({ source }: HeldAnswer) => printable(source.registry) },
    { title: "SERVICE", value: ({ service }: HeldAnswer) => printable(service) },
    { title: "INSTANCE", value: ({ instance }: HeldAnswer) => printable(instance) },
    { title: "ADDRESS", value: ({ address }: HeldAnswer) => printable(address), wide: true },
    { title: "REASON", value: ({ reason }: HeldAnswer) => reason },
    { title: "HELD", value: ({ since }: HeldAnswer) => ago(since === null ? undefined : Date.parse(since), now) },
    { title: "ENDS", value: ({ endsInSeconds }: HeldAnswer) => endOf(endsInSeconds) },
  ];
  print(context, options.output, rows, { columns, rows, empty: "Nothing is held." });
}

function endOf(seconds: number | null): string {
  return seconds === null ? "when answers are proof" : `in ${Math.ceil(seconds)} s`;
}
