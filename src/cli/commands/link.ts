import { resolve } from "node:path";
import type { Command } from "commander";
import type { LinksAnswer } from "../../admin/routes/links.ts";
import { parseConfig } from "../../config/load.ts";
import { printable } from "../../kernel/text.ts";
import { fail } from "../../model/errors.ts";
import { readConfig } from "../config-file.ts";
import type { CommandContext } from "../context.ts";
import { type BridgeOptions, bridgeOf, durationOf, type OutputOptions, print, withBridge, withOutput } from "../options.ts";
import { ago } from "../output/age.ts";
import { toYaml } from "../output/yaml.ts";
import { EXIT } from "../report-error.ts";
import { checkLink, type LinkCheck } from "./link-check.ts";
import { createLinkFile, type LinkParts, removeLink, secretOf, writeNew } from "./link-file.ts";

interface CreateOptions extends Omit<LinkParts, "servers"> {
  readonly server: readonly string[];
  readonly out?: string;
  readonly secret?: string;
  readonly namespace: string;
}

interface CheckOptions extends OutputOptions {
  readonly config?: string;
  readonly file?: string;
  readonly cluster?: string;
  readonly timeout: string;
}

/** `link create|list|check|remove`: what this bridge reads of others, and who reads it. */
export function addLink(program: Command, context: CommandContext): void {
  const link = program.command("link").description("links between bridges: what this one reads of others, and who reads it");
  addCreate(link, context);
  addList(link, context);
  addCheck(link, context);
  link
    .command("remove <file>")
    .description("take a link away: its instances drain for 10 s, then go. Mends the link file, which stays")
    .action(async (file: string) => {
      const { peer } = await removeLink(file);
      context.terminal.out(`${printable(file)} says now that the link to ${printable(peer)} is removed\n`);
    });
}

function addCreate(link: Command, context: CommandContext): void {
  link
    .command("create")
    .description("make a link file, or a Secret of it, for a registry of kind meshbridge. It holds a private key")
    .requiredOption("--peer <name>", "the peer's cluster (its mesh.cluster)")
    .requiredOption("--server <host:port...>", "its xDS ports, or its network's gateways")
    .option("--server-name <name>", "the name its certificate has, sent as SNI; needed through a gateway")
    .requiredOption("--ca <file>", "PEM file of the authorities that the peer's certificate is signed by")
    .requiredOption("--cert <file>", "PEM file of the certificate to show to the peer")
    .requiredOption("--key <file>", "PEM file of its key")
    .option("--out <file>", "write it there, for its owner alone; an existing file is never overwritten")
    .option("--secret <name>", "as a Kubernetes Secret of this name, for `kubectl create -f -`")
    .option("-n, --namespace <namespace>", "of the Secret", "meshbridge-system")
    .action(async ({ server, out, secret, namespace, ...parts }: CreateOptions) => {
      const { file, identities, notAfter } = await createLinkFile({ ...parts, servers: server }, context.clock.now());
      const text = toYaml(secret === undefined ? file : secretOf(file, { name: secret, namespace }));
      if (out === undefined) context.terminal.out(text);
      else await writeNew(out, text);
      const { terminal } = context;
      if (out !== undefined) terminal.err(`${printable(out)} written, for its owner alone\n`);
      terminal.err(`the certificate ends at ${notAfter}\n`);
      terminal.err(
        `on the bridge of ${printable(parts.peer)}: links: { peers: [ { name: <this cluster>, identities: ${JSON.stringify(identities)} } ] }\n`,
      );
    });
}

function addList(link: Command, context: CommandContext): void {
  withOutput(withBridge(link.command("list").description("list the links of a running bridge, in both directions"))).action(
    async (options: BridgeOptions & OutputOptions) => {
      const answer = await (await bridgeOf(context, options)).read<LinksAnswer>("/v1/links");
      const { paint } = context.terminal;
      const now = context.clock.now();
      const rows = [
        ...answer.reads.map((one) => ({
          ...{ direction: "reads", peer: one.peer ?? one.name, via: one.name, state: one.state, groups: one.services },
          since: one.lastSync,
        })),
        ...answer.peers.flatMap(({ name, streams }) =>
          streams.length === 0
            ? [{ direction: "read by", peer: name, via: "-", state: "absent", groups: 0, since: null }]
            : streams.map(({ address, groups, lastMarker }) => ({
                ...{ direction: "read by", peer: name, via: address, state: "live", groups, since: lastMarker },
              })),
        ),
      ];
      type Row = (typeof rows)[number];
      const columns = [
        { title: "DIRECTION", value: ({ direction }: Row) => direction },
        { title: "PEER", value: ({ peer }: Row) => printable(peer) },
        { title: "BY", value: ({ via }: Row) => printable(via) },
        { title: "STATE", value: ({ state }: Row) => paint(state === "live" ? "green" : "yellow", state) },
        { title: "SERVICES", value: ({ groups }: Row) => String(groups) },
        { title: "CONFIRMED", value: ({ since }: Row) => (since === null ? "never" : ago(Date.parse(since), now)) },
      ];
      print(context, options.output, answer, { columns, rows, empty: "No link in either direction." });
    },
  );
}

function addCheck(link: Command, context: CommandContext): void {
  const check = link
    .command("check [name]")
    .description("open a link as the bridge would, and say what came or why it does not work. Exit code 1: it does not")
    .option("-c, --config <file>", "the configuration with the link, a registry of kind meshbridge; default: all of its links")
    .option("--file <file>", "or: a link file")
    .option("--cluster <name>", "with --file: this side's cluster, by which the peer knows it")
    .option("--timeout <duration>", "how long to wait for each", "10s");
  withOutput(check).action(async (name: string | undefined, options: CheckOptions) => {
    const withinMs = durationOf("--timeout", options.timeout);
    const links = await linksOf(context, name, options);
    const checks = await Promise.all(links.map((one) => checkLink(one, { ...context, withinMs })));
    const { paint } = context.terminal;
    const columns = [
      { title: "LINK", value: ({ name: called }: LinkCheck) => printable(called) },
      { title: "RESULT", value: ({ ok }: LinkCheck) => paint(ok ? "green" : "red", ok ? "ok" : "failed") },
      { title: "SERVICES", value: ({ services }: LinkCheck) => String(services) },
      { title: "INSTANCES", value: ({ instances }: LinkCheck) => String(instances) },
      { title: "TOOK", value: ({ tookMs }: LinkCheck) => `${tookMs} ms` },
      { title: "WHY", value: ({ problem }: LinkCheck) => printable(problem ?? "") },
    ];
    print(context, options.output, checks, { columns, rows: checks, empty: "The configuration has no link." });
    if (checks.some(({ ok }) => !ok)) context.exit(EXIT.failed);
  });
}

async function linksOf(context: CommandContext, name: string | undefined, { config, file, cluster }: CheckOptions) {
  const command = "meshbridge link check";
  if ((config === undefined) === (file === undefined))
    throw fail("MB_USAGE", { reason: "exactly one of --config and --file is needed", command });
  const { registries, baseDir } = file === undefined ? await readConfig(context, config ?? "") : ofFile(context, file, cluster);
  const links = registries.filter((one) => one.kind === KIND && (name === undefined || one.name === name));
  if (name !== undefined && links.length === 0)
    throw fail("MB_NOT_FOUND", { what: "link", name: name.slice(0, 100), list: "`meshbridge link list`" });
  return links.map((one) => ({ ...one, baseDir }));
}

const KIND = "meshbridge";

/** A configuration of that link alone, so that it is read as the bridge would read it. */
function ofFile({ adapters }: CommandContext, file: string, cluster: string | undefined) {
  const config = {
    mesh: cluster === undefined ? {} : { cluster },
    registries: [{ kind: KIND, name: "link", linkFile: resolve(file) }],
  };
  return parseConfig(toYaml(config), { path: "link.yaml", adapters, env: {}, flags: new Map() });
}
