/** `deploy`: a workload over many clusters. The module behind it is loaded when one of its verbs runs. */
import { type Command, Option } from "commander";
import type { PlanOptions, PlanView } from "../../../deploy/cli/verbs.ts";
import { printable } from "../../kernel/text.ts";
import { RISKS, type Risk } from "../../kubernetes/kubeconfig.ts";
import { fail } from "../../model/errors.ts";
import type { CommandContext } from "../context.ts";
import { durationOf, type OutputOptions, print, withOutput } from "../options.ts";
import { EXIT } from "../report-error.ts";
import { addDeployClusters } from "./deploy-clusters.ts";
import { addController } from "./deploy-controller.ts";
import { addDeployConvert } from "./deploy-convert.ts";
import { addCrds } from "./deploy-crds.ts";
import { exitCodeOf, outcomeColumns, planColumns, printDiff, printNotes, printWhy, statusColumns } from "./deploy-output.ts";
import { addRollout, runStaged, type StagingOptions, withStaging } from "./deploy-rollout.ts";

interface CommonOptions extends OutputOptions {
  readonly file: string;
  readonly clusters?: string;
  readonly context?: readonly string[];
  readonly kubeconfig?: string;
  readonly dependenciesFrom?: string;
  readonly allow?: readonly Risk[];
  readonly timeout: string;
}

interface RailOptions {
  readonly maxDeletes: string;
  readonly maxDeletePercent: string;
  readonly approveDeletes?: string;
  readonly allowLastCopy?: boolean;
}

interface ApplyOptions extends CommonOptions, RailOptions, StagingOptions {
  readonly planHash?: string;
  readonly dryRun?: boolean;
}

export function addDeploy(program: Command, context: CommandContext): void {
  const deploy = program.command("deploy").description("a workload over many Kubernetes clusters: plan it, apply it, ask why");
  addPlan(deploy, context);
  addDiff(deploy, context);
  addApply(deploy, context);
  addStatus(deploy, context);
  addWhy(deploy, context);
  addDelete(deploy, context);
  addRollout(deploy, context);
  addCrds(deploy, context);
  addController(deploy, context);
  addDeployClusters(deploy, context);
  addDeployConvert(deploy, context);
}

function addPlan(deploy: Command, context: CommandContext): void {
  const command = deploy.command("plan").description("what `apply` would do, object by object, and the hash to hold it to");
  withRails(withCommon(command)).action(async (options: CommonOptions & RailOptions) => {
    const view = await inSession(context, options, (session, cli) => cli.plan(session, planOptions(options, false)));
    printPlan(context, options, view);
  });
}

function addDiff(deploy: Command, context: CommandContext): void {
  const command = deploy.command("diff").description("the fields that `apply` would change, and who owns them");
  withRails(withCommon(command)).action(async (options: CommonOptions & RailOptions) => {
    const view = await inSession(context, options, (session, cli) => cli.plan(session, planOptions(options, false)));
    if (options.output === "json" || options.output === "yaml") printPlan(context, options, view);
    else printDiff(context, view);
    context.exit(exitCodeOf(view));
  });
}

function addApply(deploy: Command, context: CommandContext): void {
  const command = deploy
    .command("apply")
    .description("bring every cluster to what is declared; what is so already is not written");
  withStaging(withApply(withRails(withCommon(command)))).action((options: ApplyOptions) => runApply(context, options, false));
}

function addDelete(deploy: Command, context: CommandContext): void {
  const command = deploy.command("delete").description("take the workload away everywhere, as its policy whenDeleted says");
  withStaging(withApply(withRails(withCommon(command), "100"))).action((options: ApplyOptions) =>
    runApply(context, options, true),
  );
}

async function runApply(context: CommandContext, options: ApplyOptions, deleting: boolean): Promise<void> {
  const plan = planOptions(options, deleting);
  const view = await inSession(context, options, async (session, cli) => {
    if (options.dryRun !== true && cli.isStaged(session.workload))
      return await runStaged(context, session, { ...options, ...plan });
    return await cli.apply(session, { ...plan, planHash: options.planHash, dryRun: options.dryRun ?? false });
  });
  if (view === undefined) return;
  const rows = view.outcomes.filter(({ result }) => result !== "unchanged");
  print(context, options.output, view, { columns: outcomeColumns, rows, empty: "nothing to do: every cluster is as declared" });
  printNotes(context, view);
  context.exit(exitCodeOf(view));
}

function addStatus(deploy: Command, context: CommandContext): void {
  const command = deploy.command("status").description("health of the workload in each cluster, from what the clusters say now");
  withCommon(command).action(async (options: CommonOptions) => {
    const view = await inSession(context, options, (session, cli) => cli.status(session, LOOKING));
    print(context, options.output, view, { columns: statusColumns, rows: view.clusters, empty: "it is placed nowhere" });
    printNotes(context, view);
    context.exit(view.problems.length > 0 ? EXIT.unreachable : view.healthy === "True" ? EXIT.ok : EXIT.failed);
  });
}

function addWhy(deploy: Command, context: CommandContext): void {
  const command = deploy.command("why").description("why it is placed where it is, and why so many replicas are in each cluster");
  withCommon(command).action(async (options: CommonOptions) => {
    const view = await inSession(context, options, (session, cli) => cli.plan(session, LOOKING));
    if (options.output === "json" || options.output === "yaml") printPlan(context, options, view);
    else printWhy(context, view);
    context.exit(view.problems.length > 0 ? EXIT.unreachable : EXIT.ok);
  });
}

const LOOKING: PlanOptions = {
  rails: { maxDeletes: 0, maxDeletePercent: 1, approvedDeletes: undefined, allowLastCopy: false },
  deleting: false,
};

function printPlan(context: CommandContext, { output }: OutputOptions, view: PlanView): void {
  const rows = view.actions.filter(({ verb, reason }) => verb !== "none" || reason === "DriftReported");
  print(context, output, view, { columns: planColumns, rows, empty: "nothing to do: every cluster is as declared" });
  printNotes(context, view);
  if (output === "table" || output === "wide")
    context.terminal.err(`plan ${view.hash} of revision ${printable(view.revision)}\n`);
  context.exit(exitCodeOf(view));
}

async function loadCli() {
  const { openSession } = await import("../../../deploy/cli/session.ts");
  const { apply, plan, status } = await import("../../../deploy/cli/verbs.ts");
  const { isStaged } = await import("../../../deploy/cli/rollout.ts");
  return { openSession, apply, plan, status, isStaged };
}
type Cli = Awaited<ReturnType<typeof loadCli>>;

async function inSession<T>(
  context: CommandContext,
  options: CommonOptions,
  run: (session: Awaited<ReturnType<Cli["openSession"]>>, cli: Cli) => Promise<T>,
): Promise<T> {
  const cli = await loadCli();
  const session = await cli.openSession({
    file: options.file,
    clusters: options.clusters,
    contexts: options.context ?? [],
    kubeconfig: options.kubeconfig,
    dependenciesFrom: options.dependenciesFrom,
    allow: options.allow ?? [],
    withinMs: durationOf("--timeout", options.timeout),
    env: context.env,
    clock: context.clock,
    random: Math.random,
    signal: context.signal,
  });
  try {
    for (const { kind, name } of session.missing)
      context.terminal.err(`note: ${kind} ${printable(name)} is named by the workload and not in its template\n`);
    return await run(session, cli);
  } finally {
    session.close();
  }
}

function withCommon(command: Command): Command {
  const several = (value: string, before: readonly string[] = []) => [...before, ...value.split(",")];
  return withOutput(
    command
      .requiredOption("-f, --file <file>", "the FederatedWorkload")
      .option("--clusters <file>", "the ClusterList: the fleet's members and how to reach them")
      .option("--context <name>", "a kubeconfig's context as a cluster of that name, instead of --clusters; repeatable", several)
      .option("--kubeconfig <file>", "the kubeconfig of clusters that name none (env KUBECONFIG)")
      .option("--dependencies-from <context>", "take ConfigMaps, Secrets and the like that follow the workload from this cluster")
      .addOption(new Option("--allow <risk...>", "what kubeconfigs may ask for besides").choices(RISKS))
      .option("--timeout <duration>", "a cluster that has not told everything by then counts as unreachable", "10s"),
  );
}

function withRails(command: Command, percent = "50"): Command {
  return command
    .option("--max-deletes <n>", "more deletes than this in one pass wait for --approve-deletes", "100")
    .option("--max-delete-percent <n>", "deletes of more than this share of our objects wait, too", percent)
    .option("--approve-deletes <hash>", "let the deletes go that a plan asked about")
    .option("--allow-last-copy", "let the last healthy copy of a workload be deleted");
}

function withApply(command: Command): Command {
  return command
    .option("--plan-hash <hash>", "refuse when the plan is another than the one with this hash")
    .option("--dry-run", "let the API servers check everything and keep nothing");
}

function planOptions(options: RailOptions, deleting: boolean): PlanOptions {
  return {
    rails: {
      maxDeletes: wholeOf("--max-deletes", options.maxDeletes),
      maxDeletePercent: wholeOf("--max-delete-percent", options.maxDeletePercent),
      approvedDeletes: options.approveDeletes,
      allowLastCopy: options.allowLastCopy ?? false,
    },
    deleting,
  };
}

function wholeOf(flag: string, text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw fail("MB_USAGE", { reason: `${flag} takes a whole number, not "${text}"`, command: "meshbridge deploy" });
}
