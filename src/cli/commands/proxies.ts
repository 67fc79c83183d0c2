import type { Command } from "commander";
import type { ConnectedProxy } from "../../admin/routes/proxies.ts";
import { printable } from "../../kernel/text.ts";
import type { CommandContext } from "../context.ts";
import { type BridgeOptions, bridgeOf, type OutputOptions, print, withBridge, withOutput } from "../options.ts";
import { ago } from "../output/age.ts";

const COLOURS = { SYNCED: "green", STALE: "yellow", NOT_SENT: "dim", NACKED: "red" } as const;
const TYPES = ["CDS", "EDS", "LDS", "RDS"] as const;

/** `proxies [NODE]`: who is connected and how far each has come; with a node, type by type. */
export function addProxies(program: Command, context: CommandContext): void {
  const command = program
    .command("proxies [node]")
    .alias("ps")
    .description("list the connected proxies and gRPC clients, or the types of one");
  withOutput(withBridge(command)).action(async (node: string | undefined, options: BridgeOptions & OutputOptions) => {
    const bridge = await bridgeOf(context, options);
    if (node !== undefined) {
      printTypes(context, options, await bridge.read<ConnectedProxy>(`/v1/proxies/${encodeURIComponent(node)}`));
      return;
    }
    const rows = await bridge.list<ConnectedProxy>("/v1/proxies");
    const status = (proxy: ConnectedProxy, name: string) => {
      const found = proxy.types.find(({ type }) => type === name);
      return found === undefined ? "" : context.terminal.paint(COLOURS[found.status], found.status);
    };
    const columns = [
      { title: "PROXY", value: ({ id }: ConnectedProxy) => printable(id) },
      { title: "ROLE", value: ({ role, gateway }: ConnectedProxy) => (gateway === "" ? role : `${role} ${printable(gateway)}`) },
      ...TYPES.map((name) => ({ title: name, value: (proxy: ConnectedProxy) => status(proxy, name) })),
      {
        title: "CONNECTED",
        value: ({ connected }: ConnectedProxy) =>
          ago(connected === null ? undefined : Date.parse(connected), context.clock.now()),
      },
      { title: "AGENT", value: ({ agent }: ConnectedProxy) => printable(agent) },
      { title: "VARIANT", value: ({ variant }: ConnectedProxy) => variant, wide: true },
      { title: "PEER", value: ({ peer }: ConnectedProxy) => peer, wide: true },
      {
        title: "LOCALITY",
        value: ({ locality }: ConnectedProxy) => printable([locality.region, locality.zone].filter(Boolean).join("/")),
        wide: true,
      },
    ];
    print(context, options.output, rows, {
      columns,
      rows,
      empty: "No proxy is connected. `meshbridge bootstrap --help` tells how to start one.",
    });
  });
}

type TypeRow = ConnectedProxy["types"][number];

function printTypes(context: CommandContext, { output }: OutputOptions, proxy: ConnectedProxy): void {
  const columns = [
    { title: "TYPE", value: ({ type }: TypeRow) => type },
    { title: "STATUS", value: ({ status }: TypeRow) => context.terminal.paint(COLOURS[status], status) },
    { title: "ASKED FOR", value: ({ wildcard, names }: TypeRow) => (wildcard ? "everything" : `${names} names`) },
    { title: "SENT", value: ({ sentSeq }: TypeRow) => String(sentSeq) },
    { title: "ACKED", value: ({ ackedSeq }: TypeRow) => String(ackedSeq) },
    { title: "NACKS", value: ({ nacks }: TypeRow) => String(nacks) },
  ];
  print(context, output, proxy, { columns, rows: proxy.types, empty: `${proxy.id} has asked for nothing yet.` });
  if (output !== "table" && output !== "wide") return;
  for (const { type, lastNack } of proxy.types) {
    if (lastNack !== null) context.terminal.err(`\n${type} was refused: ${printable(lastNack.message)}\n`);
  }
}
