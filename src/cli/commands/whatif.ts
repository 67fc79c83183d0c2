import { type Command, Option } from "commander";
import type { WhatIfAnswer } from "../../admin/routes/whatif.ts";
import { printable } from "../../kernel/text.ts";
import type { CommandContext } from "../context.ts";
import { type BridgeOptions, bridgeOf, type OutputOptions, print, withBridge, withOutput } from "../options.ts";
import { EXIT } from "../report-error.ts";

interface Options extends BridgeOptions, OutputOptions {
  readonly lose?: string;
  readonly drain?: string;
  readonly loseRegistry?: string;
  readonly services?: string;
}

interface Row {
  readonly client: WhatIfAnswer["clients"][number]["client"];
  readonly service: WhatIfAnswer["clients"][number]["services"][number];
}

const COLOURS = { kept: "green", fewer: "yellow", failover: "yellow", none: "red" } as const;

/** `whatif`: what every client would get if a cluster or a registry were lost. Exit code 1: somebody would be left with nothing. */
export function addWhatIf(program: Command, context: CommandContext): void {
  const others = (...names: string[]) => names;
  const command = program
    .command("whatif")
    .description("say what every client would get if a cluster or a registry were lost; changes nothing")
    .addOption(new Option("--lose <cluster>", "this cluster is gone").conflicts(others("drain", "loseRegistry")))
    .addOption(new Option("--drain <cluster>", "this cluster is drained").conflicts(others("lose", "loseRegistry")))
    .addOption(new Option("--lose-registry <name>", "this registry cannot be read for long").conflicts(others("lose", "drain")))
    .option("--services <pattern>", "only services that match, e.g. shop/*");
  withOutput(withBridge(command)).action(async (options: Options) => {
    const bridge = await bridgeOf(context, options);
    const { lose, drain, loseRegistry, services } = options;
    const answer = await bridge.send<WhatIfAnswer>("/v1/whatif", { lose, drain, loseRegistry, services });
    const rows = answer.clients.flatMap(({ client, services: found }) => found.map((service): Row => ({ client, service })));
    const { paint } = context.terminal;
    const columns = [
      { title: "CLIENT", value: ({ client }: Row) => printable(`${client.role} on ${client.network}, ${client.cluster}`) },
      { title: "SERVICE", value: ({ service }: Row) => printable(`${service.service}:${service.port}`) },
      { title: "VERDICT", value: ({ service }: Row) => paint(COLOURS[service.verdict], service.verdict) },
      { title: "USABLE", value: ({ service: { usable } }: Row) => `${usable.before} -> ${usable.after}` },
      { title: "THEN SERVED BY", value: ({ service }: Row) => printable(servedBy(service)) },
    ];
    print(context, options.output, answer, { columns, rows, empty: "No service has an instance there." });
    if (rows.some(({ service }) => service.verdict === "none")) context.exit(EXIT.failed);
  });
}

/** The clusters of the first priority that is left. */
function servedBy({ endpoints }: Row["service"]): string {
  const first = Math.min(...endpoints.map(({ priority }) => priority));
  const clusters = endpoints.filter(({ priority }) => priority === first).flatMap((endpoint) => endpoint.clusters);
  return [...new Set(clusters)].sort().join(", ");
}
