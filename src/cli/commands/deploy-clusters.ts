/** `deploy clusters`: members join a fleet with the least rights, are looked at, cordoned, renewed, and leave. */
import { homedir } from "node:os";
import { join } from "node:path";
import { type Command, Option } from "commander";
import type { FleetWorld, RenewView } from "../../../deploy/cli/clusters.ts";
import { printable } from "../../kernel/text.ts";
import { RISKS, type Risk } from "../../kubernetes/kubeconfig.ts";
import { fail } from "../../model/errors.ts";
import type { CommandContext } from "../context.ts";
import { durationOf, type OutputOptions, print, withOutput } from "../options.ts";
import type { Column } from "../output/table.ts";
import { toYaml } from "../output/yaml.ts";
import { EXIT } from "../report-error.ts";

interface FleetOptions {
  readonly clusters: string;
  readonly hubKubeconfig?: string;
  readonly hubContext?: string;
  readonly hubNamespace: string;
  readonly allow?: readonly Risk[];
  readonly allowExec?: boolean;
  readonly timeout: string;
}

interface AdminOptions {
  readonly kubeconfig?: string;
  readonly context?: string;
}

interface JoinOptions extends FleetOptions, AdminOptions {
  readonly file?: readonly string[];
  readonly kind?: readonly string[];
  readonly namespace: string;
  readonly account: string;
  readonly tokenLife: string;
  readonly region?: string;
  readonly zone?: string;
  readonly provider?: string;
  readonly label?: readonly string[];
  readonly yes?: boolean;
}

const several = (value: string, before: readonly string[] = []) => [...before, ...value.split(",")];

export function addDeployClusters(deploy: Command, context: CommandContext): void {
  const clusters = deploy.command("clusters").description("the fleet: who is in it, with which rights, and how they are");
  addJoin(clusters, context);
  addUnjoin(clusters, context);
  addCordon(clusters, context, true);
  addCordon(clusters, context, false);
  addTaint(clusters, context);
  addRenew(clusters, context);
  addList(clusters, context);
}

function addJoin(clusters: Command, context: CommandContext): void {
  const command = clusters
    .command("join")
    .description("make an account in a cluster with exactly the rights that workloads need, and take the cluster into the fleet")
    .argument("<name>", "what the cluster is called in the fleet")
    .option("-f, --file <file>", "a FederatedWorkload whose kinds the account must write; repeatable", several)
    .option("--kind <group/Kind>", "one more kind, such as apps/Deployment or /ConfigMap; repeatable", several)
    .option("-n, --namespace <namespace>", "namespace of the account", "meshbridge-system")
    .option("--account <name>", "name of the account", "meshbridge-deploy")
    .option("--token-life <duration>", "how long a token is good for; the cluster may shorten it", "24h")
    .option("--region <region>", "the cluster's region")
    .option("--zone <zone>", "its zone")
    .option("--provider <provider>", "who runs it")
    .option("--label <key=value>", "a label for selectors; repeatable", several)
    .option("--yes", "do it; without, what would be made is printed and nothing is written");
  withFleet(withAdmin(command)).action(async (name: string, options: JoinOptions) => {
    const kinds = (options.kind ?? []).map(kindOf);
    if (kinds.length === 0 && options.file === undefined)
      throw usage("say what is to be deployed: -f FILE of a workload, or --kind group/Kind");
    const { joinMember } = await import("../../../deploy/cli/clusters.ts");
    const { region, zone, provider } = options;
    const spec = { ...(region && { region }), ...(zone && { zone }), ...(provider && { provider }) };
    const { objects, notServed, joined } = await inFleet(context, options, (world) =>
      joinMember(world, {
        member: { name, labels: Object.fromEntries((options.label ?? []).map(labelOf)), spec },
        ...adminOf(context, options),
        account: { namespace: options.namespace, name: options.account },
        workloads: options.file ?? [],
        kinds,
        tokenMs: durationOf("--token-life", options.tokenLife),
        yes: options.yes ?? false,
      }),
    );
    context.terminal.out(objects.map(toYaml).join("---\n"));
    for (const { group, kind } of notServed)
      context.terminal.err(`note: ${printable(name)} does not serve ${printable(kind)} of ${printable(group || "the core")}\n`);
    if (joined === undefined) context.terminal.err("nothing was written; --yes makes these objects and takes the cluster in\n");
    else context.terminal.err(`${printable(name)} has joined: ${joined.kubeconfig}${untilText(joined.tokenExpiresAt)}\n`);
  });
}

function addUnjoin(clusters: Command, context: CommandContext): void {
  const command = clusters
    .command("unjoin")
    .description("take a cluster out of the fleet; refused while it holds objects of workloads")
    .argument("<name>", "the cluster")
    .option("--orphan", "leave the objects behind, without our marks")
    .option("--force", "do not ask the cluster: for one that is dead. What it holds stays there");
  withFleet(withAdmin(command)).action(
    async (name: string, options: FleetOptions & AdminOptions & { readonly orphan?: boolean; readonly force?: boolean }) => {
      const { unjoin } = await import("../../../deploy/cli/clusters.ts");
      const named = options.kubeconfig !== undefined || options.context !== undefined;
      const { orphan = false, force = false } = options;
      const admin = named ? adminOf(context, options) : undefined;
      const { orphaned, accountRemoved } = await inFleet(context, options, (world) =>
        unjoin(world, { name, force, orphan, admin }),
      );
      context.terminal.err(
        `${printable(name)} has left${orphaned > 0 ? `; ${orphaned} objects stay there without our marks` : ""}\n`,
      );
      if (!accountRemoved)
        context.terminal.err("note: its account stays there until somebody deletes it; --kubeconfig of an administrator does\n");
    },
  );
}

function addCordon(clusters: Command, context: CommandContext, unschedulable: boolean): void {
  const command = clusters
    .command(unschedulable ? "cordon" : "uncordon")
    .description(unschedulable ? "place nothing new in a cluster; what runs there stays" : "place again in a cluster")
    .argument("<name>", "the cluster");
  withFleet(command).action(async (name: string, options: FleetOptions) => {
    const { cordon } = await import("../../../deploy/cli/clusters.ts");
    await inFleet(context, options, (world) => cordon(world, name, unschedulable));
    context.terminal.err(`${printable(name)} is ${unschedulable ? "cordoned" : "open"}\n`);
  });
}

function addTaint(clusters: Command, context: CommandContext): void {
  const command = clusters
    .command("taint")
    .description("keep workloads away that do not tolerate it: NoSchedule new ones, NoExecute running ones as well")
    .argument("<name>", "the cluster")
    .argument("<taint>", "key[=value]:NoSchedule or key[=value]:NoExecute; with - at the end to take it off");
  withFleet(command).action(async (name: string, text: string, options: FleetOptions) => {
    const { taint } = await import("../../../deploy/cli/clusters.ts");
    await inFleet(context, options, (world) => taint(world, name, text));
    context.terminal.err(`${printable(name)}: ${printable(text)}\n`);
  });
}

const renewColumns: readonly Column<RenewView>[] = [
  { title: "CLUSTER", value: ({ name }) => printable(name) },
  { title: "TOKEN", value: ({ renewed }) => (renewed ? "renewed" : "kept") },
  { title: "MESSAGE", value: ({ message }) => printable(message) },
];

function addRenew(clusters: Command, context: CommandContext): void {
  const command = clusters
    .command("renew")
    .description("ask for new tokens where two thirds of a token's life have passed")
    .option("--token-life <duration>", "how long the new one is good for", "24h")
    .option("--force", "also where the old one is good for long");
  withOutput(withFleet(command)).action(
    async (options: FleetOptions & OutputOptions & { readonly tokenLife: string; readonly force?: boolean }) => {
      const { renew } = await import("../../../deploy/cli/clusters.ts");
      const life = durationOf("--token-life", options.tokenLife);
      const rows = await inFleet(context, options, (world) => renew(world, life, options.force ?? false));
      print(context, options.output, rows, { columns: renewColumns, rows, empty: "the fleet is empty" });
    },
  );
}

type Row = Awaited<ReturnType<typeof import("../../../deploy/cli/clusters.ts")["list"]>>[number];

const listColumns: readonly Column<Row>[] = [
  { title: "CLUSTER", value: ({ name }) => printable(name) },
  { title: "HEALTH", value: ({ health, unschedulable }) => (unschedulable ? `${health},Cordoned` : health) },
  { title: "SEEN", value: ({ observedAt }) => observedAt ?? "" },
  { title: "VERSION", value: ({ version }) => printable(version ?? "") },
  { title: "NODES", value: ({ nodes, readyNodes }) => (nodes === undefined ? "" : `${readyNodes ?? "?"}/${nodes}`) },
  { title: "FREE CPU", value: ({ room }) => (room === undefined ? "" : `${room.cpuMilli}m`) },
  { title: "FREE PODS", value: ({ room }) => (room === undefined ? "" : String(room.pods)) },
  { title: "STUCK PODS", value: ({ unschedulablePods }) => (unschedulablePods === undefined ? "" : String(unschedulablePods)) },
  { title: "TOKEN UNTIL", value: ({ tokenExpiresAt }) => tokenExpiresAt ?? "" },
  { title: "REGION", value: ({ region }) => printable(region ?? ""), wide: true },
  { title: "TAINTS", value: ({ taints }) => printable(taints.join(",")), wide: true },
  { title: "ID", value: ({ id }) => printable(id ?? ""), wide: true },
  { title: "CLUSTER SET", value: ({ clusterSet }) => printable(clusterSet ?? ""), wide: true },
  { title: "PROFILE", value: ({ profile }) => printable(profile ?? ""), wide: true },
  { title: "MESSAGE", value: ({ message }) => printable(message) },
];

function addList(clusters: Command, context: CommandContext): void {
  const command = clusters
    .command("list")
    .description("the members, each asked now: how it is, what room it has, until when its token is good");
  withOutput(withFleet(command)).action(async (options: FleetOptions & OutputOptions) => {
    const { list } = await import("../../../deploy/cli/clusters.ts");
    const rows = await inFleet(context, options, list);
    print(context, options.output, rows, { columns: listColumns, rows, empty: "the fleet is empty" });
    context.exit(rows.every(({ health }) => health === "Ready") ? EXIT.ok : EXIT.unreachable);
  });
}

function withFleet(command: Command): Command {
  return command
    .option("--clusters <file>", "the ClusterList: the fleet's members and how to reach them", "clusters.yaml")
    .option("--hub-kubeconfig <file>", "keep the Cluster and Secret of a hub alike, too: its kubeconfig")
    .option("--hub-context <name>", "the hub's context")
    .option("--hub-namespace <namespace>", "namespace of the hub's Secrets", "meshbridge-system")
    .option("--allow-exec", "accept kubeconfigs that run a program for their credentials")
    .addOption(new Option("--allow <risk...>", "what kubeconfigs may ask for besides").choices(RISKS))
    .option("--timeout <duration>", "a cluster that has not told everything by then counts as not ready", "10s");
}

function withAdmin(command: Command): Command {
  return command
    .option("--kubeconfig <file>", "an administrator's kubeconfig (env KUBECONFIG; default ~/.kube/config)")
    .option("--context <name>", "its context; default: the current one");
}

function adminOf({ env }: CommandContext, { kubeconfig, context }: AdminOptions) {
  return { kubeconfig: kubeconfig ?? (env["KUBECONFIG"] || join(homedir(), ".kube", "config")), context };
}

async function inFleet<T>(context: CommandContext, options: FleetOptions, run: (world: FleetWorld) => Promise<T>): Promise<T> {
  const { connectMember } = await import("../../../deploy/kube/connect.ts");
  const { clock, signal } = context;
  const allow = [...(options.allow ?? []), ...(options.allowExec === true ? (["exec"] as const) : [])];
  const { hubKubeconfig, hubContext, hubNamespace: namespace } = options;
  const kubeconfig = hubKubeconfig ?? (hubContext === undefined ? undefined : adminOf(context, {}).kubeconfig);
  const access = { name: "hub", context: hubContext, allow, clock, random: Math.random };
  const client = kubeconfig === undefined ? undefined : await connectMember({ ...access, kubeconfig });
  try {
    return await run({
      fleetFile: options.clusters,
      hub: client === undefined ? undefined : { client, namespace },
      allow,
      withinMs: durationOf("--timeout", options.timeout),
      clock,
      random: Math.random,
      signal,
    });
  } finally {
    client?.close();
  }
}

function kindOf(text: string) {
  const slash = text.indexOf("/");
  if (slash < 0 || slash === text.length - 1)
    throw usage(`--kind takes group/Kind, such as apps/Deployment or /ConfigMap, not "${text}"`);
  return { group: text.slice(0, slash), kind: text.slice(slash + 1) };
}

function labelOf(text: string): readonly [string, string] {
  const at = text.indexOf("=");
  if (at <= 0) throw usage(`--label takes key=value, not "${text}"`);
  return [text.slice(0, at), text.slice(at + 1)];
}

function usage(reason: string): Error {
  return fail("MB_USAGE", { reason, command: "meshbridge deploy clusters" });
}

function untilText(expiresAt: number | undefined): string {
  return expiresAt === undefined ? "" : `, good until ${new Date(expiresAt).toISOString()}; \`renew\` asks for the next token`;
}
