/** `deploy controller`: the same as `apply`, for ever, from the objects of a hub cluster. */
import { randomBytes } from "node:crypto";
import { homedir } from "node:os";
import { join } from "node:path";
import { type Command, Option } from "commander";
import { reasonOf } from "../../kernel/errors.ts";
import type { Log } from "../../kernel/log.ts";
import { RISKS, type Risk } from "../../kubernetes/kubeconfig.ts";
import { fail } from "../../model/errors.ts";
import type { CommandContext } from "../context.ts";
import { durationOf } from "../options.ts";

export interface HubOptions {
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly allow?: readonly Risk[];
}

interface ControllerFlags extends HubOptions {
  readonly namespace: string;
  readonly lease: string;
  readonly leaseDuration: string;
  readonly identity?: string;
  readonly bridge?: readonly string[];
  readonly listen: string;
  readonly maxDeletes: string;
  readonly maxDeletePercent: string;
  readonly timeout: string;
}

export function addController(deploy: Command, context: CommandContext): void {
  const several = (value: string, before: readonly string[] = []) => [...before, value];
  withHub(deploy.command("controller").description("drive the FederatedWorkloads of a hub; several of one hub: one leads"))
    .option("--namespace <name>", "of the Lease, and of Secrets whose Cluster names none", "meshbridge-system")
    .option("--lease <name>", "the Lease that decides who leads", "meshbridge-deploy")
    .option("--lease-duration <duration>", "after so long without a renewal another one may lead", "15s")
    .option("--identity <name>", "what it is called in the Lease, before a random part (default: the host's name)")
    .option("--bridge <url>", "admin address of a bridge, http://host:port: what gates ask and what drains; repeatable", several)
    .option("--listen <host:port>", "where /livez, /readyz and /metrics answer", "127.0.0.1:8096")
    .option(
      "--max-deletes <n>",
      "more deletes of one workload than this in one turn wait for the annotation approve-deletes",
      "100",
    )
    .option("--max-delete-percent <n>", "deletes of more than this share of all objects wait, too", "50")
    .option("--timeout <duration>", "a cluster that has not told everything by then counts as unreachable", "10s")
    .action((flags: ControllerFlags) => run(context, flags));
}

export function withHub(command: Command): Command {
  return command
    .option("--kubeconfig <file>", "the hub's kubeconfig (env KUBECONFIG; without any, in a Pod: its service account)")
    .option("--context <name>", "its context (default: the current one)")
    .addOption(new Option("--allow <risk...>", "what kubeconfigs may ask for besides").choices(RISKS));
}

/** The hub that the options name, or that the Pod is in. */
export async function connectHub({ env, clock }: CommandContext, { kubeconfig, context, allow = [] }: HubOptions) {
  const { connectMember, connectMemberText } = await import("../../../deploy/kube/connect.ts");
  const options = { name: "hub", context, allow, clock, random: Math.random };
  const file = kubeconfig ?? (env["KUBECONFIG"] || undefined);
  if (file === undefined && env["KUBERNETES_SERVICE_HOST"] !== undefined)
    return await connectMemberText({ ...options, text: "in-cluster", origin: "the service account" });
  return await connectMember({ ...options, kubeconfig: file ?? join(homedir(), ".kube", "config") });
}

async function run(context: CommandContext, flags: ControllerFlags): Promise<void> {
  const { runController } = await import("../../../deploy/controller/run.ts");
  const { bridgeHttp } = await import("../../../deploy/gates/bridge-http.ts");
  const hub = await connectHub(context, flags);
  const timeoutMs = durationOf("--timeout", flags.timeout);
  const log = lineLog(context, {});
  try {
    await runController({
      hub,
      ...{ namespace: flags.namespace, lease: flags.lease },
      identity: `${flags.identity ?? context.hostname}_${randomBytes(6).toString("hex")}`,
      leaseMs: Math.max(1000, durationOf("--lease-duration", flags.leaseDuration)),
      bridges: (flags.bridge ?? []).map((address) => bridgeHttp({ address, timeoutMs, fetch })),
      listen: listenOf(flags.listen),
      allow: flags.allow ?? [],
      limits: {
        maxDeletes: wholeOf("--max-deletes", flags.maxDeletes),
        maxDeletePercent: wholeOf("--max-delete-percent", flags.maxDeletePercent),
      },
      ...{ withinMs: timeoutMs, clock: context.clock, random: Math.random, log, signal: context.signal },
      listening: (port) => log.info({ port }, "controller is up"),
    });
  } finally {
    hub.close();
  }
}

function listenOf(text: string): { readonly host: string; readonly port: number } {
  const match = /^(?:\[([0-9a-fA-F:]+)\]|([^:]+)):(\d{1,5})$/.exec(text);
  if (match !== null) return { host: match[1] ?? match[2] ?? "", port: Number(match[3]) };
  throw fail("MB_USAGE", { reason: `--listen takes host:port, not "${text}"`, command: "meshbridge deploy controller" });
}

function wholeOf(flag: string, text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw fail("MB_USAGE", { reason: `${flag} takes a whole number, not "${text}"`, command: "meshbridge deploy controller" });
}

/** One JSON object a line on stderr, without what is for debugging. */
function lineLog(context: CommandContext, fixed: object): Log {
  const write = (level: string) => (fields: object, message: string) => {
    const { err, ...rest } = fields as { readonly err?: unknown };
    const time = new Date(context.clock.now()).toISOString();
    const line = { level, time, ...fixed, ...rest, ...(err !== undefined && { err: reasonOf(err) }), msg: message };
    context.terminal.err(`${JSON.stringify(line)}\n`);
  };
  return {
    debug: () => undefined,
    info: write("info"),
    warn: write("warn"),
    error: write("error"),
    child: (fields) => lineLog(context, { ...fixed, ...fields }),
  };
}
