import type { Command } from "commander";
import type { DrainAnswer } from "../../admin/routes/drains.ts";
import { printable } from "../../kernel/text.ts";
import type { CommandContext } from "../context.ts";
import { type BridgeOptions, bridgeOf, durationOf, type OutputOptions, print, withBridge, withOutput } from "../options.ts";
import { ago } from "../output/age.ts";

interface DrainOptions extends BridgeOptions, OutputOptions {
  readonly cluster: string;
  readonly ttl: string;
  readonly address?: readonly string[];
  readonly reason?: string;
  readonly owner: string;
  readonly force?: boolean;
}

const OWNER = "operator";

/** `drain`, `undrain`, `drains`: takes traffic away from a cluster's instances of a service, for a while. */
export function addDrain(program: Command, context: CommandContext): void {
  const drain = program
    .command("drain <service>")
    .description("take new traffic away from a cluster's instances of a service (namespace/name)")
    .requiredOption("--cluster <name>", "the cluster whose instances are meant")
    .option("--ttl <duration>", "it ends by itself after this, at most 24h", "10m")
    .option("--address <ip...>", "only the instances at these addresses")
    .option("--reason <text>", "for whoever looks at it later")
    .option("--owner <name>", "whose word it is", OWNER)
    .option("--force", "also when nothing else would be left to serve");
  withOutput(withBridge(drain)).action(async (name: string, options: DrainOptions) => {
    durationOf("--ttl", options.ttl);
    const bridge = await bridgeOf(context, options);
    const { cluster, ttl, owner, force = false, address: addresses, reason } = options;
    const body = { ...(addresses && { addresses }), ...(reason !== undefined && { reason }) };
    const answer = await bridge.send<DrainAnswer>(pathOf(name), body, { cluster, ttl, owner, force });
    show(context, options, [answer], answer);
  });

  const undrain = program
    .command("undrain <service>")
    .description("end a drain before it ends by itself")
    .requiredOption("--cluster <name>", "the cluster whose instances were meant")
    .option("--owner <name>", "whose word it was", OWNER);
  withBridge(undrain).action(async (name: string, options: BridgeOptions & { cluster: string; owner: string }) => {
    const { cluster, owner } = options;
    await (await bridgeOf(context, options)).remove(pathOf(name), { cluster, owner });
    context.terminal.out(`${idOf(name)} is no longer drained in ${printable(cluster)} by ${printable(owner)}\n`);
  });

  withOutput(withBridge(program.command("drains").description("list the drains in force"))).action(
    async (options: BridgeOptions & OutputOptions) => {
      const rows = await (await bridgeOf(context, options)).list<DrainAnswer>("/v1/drains");
      show(context, options, rows, rows);
    },
  );
}

function idOf(name: string): string {
  return name.includes("/") ? name : `default/${name}`;
}

function pathOf(name: string): string {
  return `/v1/services/${idOf(name).split("/").map(encodeURIComponent).join("/")}/drain`;
}

function show(context: CommandContext, { output }: OutputOptions, rows: readonly DrainAnswer[], data: unknown): void {
  const now = context.clock.now();
  const at = (time: string | null) => (time === null ? undefined : Date.parse(time));
  const columns = [
    { title: "SERVICE", value: ({ service }: DrainAnswer) => printable(service) },
    { title: "CLUSTER", value: ({ cluster }: DrainAnswer) => printable(cluster) },
    { title: "OWNER", value: ({ owner }: DrainAnswer) => printable(owner) },
    { title: "INSTANCES", value: ({ instances }: DrainAnswer) => String(instances) },
    { title: "ACKS", value: ({ acks }: DrainAnswer) => acks },
    { title: "SINCE", value: ({ since }: DrainAnswer) => ago(at(since), now) },
    { title: "ENDS", value: ({ until }: DrainAnswer) => `in ${Math.max(0, Math.ceil(((at(until) ?? now) - now) / 1000))} s` },
    { title: "STILL SERVING", value: ({ stillServing }: DrainAnswer) => stillServing.map(printable).join(",") || "-" },
    { title: "REASON", value: ({ reason }: DrainAnswer) => printable(reason), wide: true },
  ];
  print(context, output, data, { columns, rows, empty: "Nothing is drained." });
}
