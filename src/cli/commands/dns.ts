import type { Command } from "commander";
import type { DnsQueryAnswer } from "../../admin/routes/dns.ts";
import { printable } from "../../kernel/text.ts";
import type { CommandContext } from "../context.ts";
import { type BridgeOptions, bridgeOf, type OutputOptions, print, withBridge, withOutput } from "../options.ts";

interface QueryOptions extends BridgeOptions, OutputOptions {
  readonly type: string;
  readonly from: string;
}

interface Row {
  readonly section: string;
  readonly record: DnsQueryAnswer["answers"][number];
}

/** `dns query`: what the name server answers to whom, and why. */
export function addDns(program: Command, context: CommandContext): void {
  const dns = program.command("dns").description("ask the bridge's name server");
  const query = dns
    .command("query <name>")
    .description("say what is answered to whom, and why")
    .option("--type <type>", "A, AAAA, SRV, SOA, NS, TXT or ANY", "A")
    .option("--from <address>", "the IP address that asks", "127.0.0.1");
  withOutput(withBridge(query)).action(async (name: string, options: QueryOptions) => {
    const bridge = await bridgeOf(context, options);
    const { from } = options;
    const answer = await bridge.read<DnsQueryAnswer>("/v1/dns/answer", { name, type: options.type.toUpperCase(), from });
    const rows = (["answers", "authorities", "additionals"] as const).flatMap((section) =>
      answer[section].map((record): Row => ({ section: section.slice(0, -1), record })),
    );
    const columns = [
      { title: "SECTION", value: ({ section }: Row) => section },
      { title: "NAME", value: ({ record }: Row) => printable(record.name) },
      { title: "TYPE", value: ({ record }: Row) => record.type },
      { title: "TTL", value: ({ record }: Row) => `${record.ttl} s` },
      { title: "DATA", value: ({ record }: Row) => printable(record.data) },
    ];
    print(context, options.output, answer, { columns, rows, empty: "No records." });
    if (options.output !== "table") return;
    const { network, cluster } = answer.asker;
    context.terminal.out(`${answer.rcode}: ${answer.why}\n`);
    context.terminal.out(
      `asked from network ${printable(network)}, cluster ${printable(cluster === "" ? "unknown" : cluster)}\n`,
    );
  });
}
