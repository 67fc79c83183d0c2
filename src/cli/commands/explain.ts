import type { Command } from "commander";
import type { ExplainedInstance, Explanation } from "../../admin/explain.ts";
import { printable } from "../../kernel/text.ts";
import type { CommandContext } from "../context.ts";
import { type BridgeOptions, bridgeOf, type OutputOptions, print, withBridge, withOutput } from "../options.ts";

interface Options extends BridgeOptions, OutputOptions {
  readonly node?: string;
  readonly port?: string;
}

const COLOURS = { kept: "green", held: "yellow", excluded: "red" } as const;

/** `explain SERVICE`: why each instance is, or is not, an endpoint. */
export function addExplain(program: Command, context: CommandContext): void {
  const command = program
    .command("explain <service>")
    .description("say why each instance of a service (namespace/name) is, or is not, an endpoint")
    .option("--node <id>", "with the eyes of this connected proxy")
    .option("--port <port>", "name or number; default: the only or first one");
  withOutput(withBridge(command)).action(async (name: string, options: Options) => {
    const bridge = await bridgeOf(context, options);
    const service = name.includes("/") ? name : `default/${name}`;
    const answer = await bridge.read<Explanation>("/v1/explain", { service, node: options.node, port: options.port });
    const columns = [
      { title: "INSTANCE", value: ({ id }: ExplainedInstance) => printable(id) },
      { title: "VERDICT", value: ({ verdict }: ExplainedInstance) => context.terminal.paint(COLOURS[verdict], verdict) },
      { title: "PRIORITY", value: ({ priority }: ExplainedInstance) => (priority === null ? "" : String(priority)) },
      { title: "WEIGHT", value: ({ weight }: ExplainedInstance) => String(weight) },
      { title: "HEALTH", value: ({ health }: ExplainedInstance) => health.client ?? health.registry },
      { title: "SEEN IN", value: ({ seenIn }: ExplainedInstance) => printable(seenIn) },
      {
        title: "ADDRESS",
        value: ({ address, port }: ExplainedInstance) => (port === null ? address : `${address}:${port}`),
        wide: true,
      },
      { title: "SNI", value: ({ endpoint }: ExplainedInstance) => endpoint?.sni ?? "", wide: true },
      {
        title: "DIALLED",
        value: ({ endpoint }: ExplainedInstance) => (endpoint === null ? "" : `${endpoint.address}:${endpoint.port}`),
        wide: true,
      },
      { title: "WHY", value: ({ reason }: ExplainedInstance) => printable(reason) },
    ];
    print(context, options.output, answer, { columns, rows: answer.instances, empty: `${answer.service} has no instances.` });
    if (options.output === "table" || options.output === "wide") printRest(context, answer);
  });
}

function printRest({ terminal }: CommandContext, { rejected, conditions, proxies }: Explanation): void {
  if (rejected.length > 0) terminal.out("\nleft out:\n");
  for (const { seenIn, record, reason } of rejected)
    terminal.out(`  ${printable(record)} in ${printable(seenIn)}: ${printable(reason)}\n`);
  if (conditions.length > 0) terminal.out("\nconditions:\n");
  for (const { type, message } of conditions) terminal.out(`  ${type}: ${printable(message)}\n`);
  const concerned = proxies.filter(({ status }) => status !== "not-subscribed");
  if (concerned.length > 0) terminal.out("\nproxies:\n");
  for (const { id, status, message } of concerned)
    terminal.out(`  ${printable(id)}: ${status}${message === null ? "" : ` (${printable(message)})`}\n`);
}
