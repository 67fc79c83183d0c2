/** `deploy apply` in stages, and `deploy rollout`: how far it is, and what people say to it. */
import { type Command, Option } from "commander";
import type { DrivenView, RolloutView, RolloutWord } from "../../../deploy/cli/rollout.ts";
import type { Session } from "../../../deploy/cli/session.ts";
import type { PlanOptions } from "../../../deploy/cli/verbs.ts";
import { printable } from "../../kernel/text.ts";
import { fail } from "../../model/errors.ts";
import type { CommandContext } from "../context.ts";
import { durationOf, type OutputOptions, print, withOutput } from "../options.ts";
import type { Column } from "../output/table.ts";
import { EXIT } from "../report-error.ts";
import { connectHub, type HubOptions, withHub } from "./deploy-controller.ts";
import { printNotes } from "./deploy-output.ts";

export interface StagingOptions {
  readonly bridge?: readonly string[];
  readonly withoutBridge?: boolean;
  readonly state?: string;
  readonly wait: string;
}

interface StagedOptions extends StagingOptions, PlanOptions, OutputOptions {
  readonly file: string;
  readonly planHash?: string;
  readonly timeout: string;
}

/** For workloads with stages or a registry gate; others are applied at once. */
export function withStaging(command: Command): Command {
  const several = (value: string, before: readonly string[] = []) => [...before, value];
  return withState(
    command
      .option(
        "--bridge <url>",
        "admin address of a bridge, http://host:port: what the gate asks and what drains; repeatable",
        several,
      )
      .addOption(new Option("--without-bridge", "ask no registry and drain nothing").conflicts("bridge")),
  ).option("--wait <duration>", "in stages: how long to stay; what is not done goes on with the next call", "1h");
}

function withState(command: Command): Command {
  return command.option("--state <folder>", "where a rollout is kept, with the templates to go back to (default: FILE.rollout)");
}

/** Prints progress as it comes and the end of it; what is returned is for nobody else to print. */
export async function runStaged(context: CommandContext, session: Session, options: StagedOptions): Promise<undefined> {
  const { drive, lockDriver, processIsAlive, createFileStore, bridgeHttp } = await loadDriver();
  const registry = session.workload.spec.rollout.gate.registry;
  const bridges = options.bridge ?? [];
  if (registry !== undefined && bridges.length === 0 && options.withoutBridge !== true)
    throw fail("MB_USAGE", {
      reason: `the rollout asks the registry for ${registry.service}: give --bridge URL, or --without-bridge to go without`,
      command: "meshbridge deploy",
    });
  const dir = stateOf(options);
  const release = await lockDriver({ dir, workload: session.key, pid: process.pid, isAlive: processIsAlive });
  try {
    const timeoutMs = durationOf("--timeout", options.timeout);
    const view = await drive(session, {
      rails: options.rails,
      deleting: options.deleting,
      bridges: bridges.map((address) => bridgeHttp({ address, timeoutMs, fetch })),
      askBridges: bridges.length > 0,
      store: createFileStore(dir, session.key),
      clock: context.clock,
      planHash: options.planHash,
      waitMs: durationOf("--wait", options.wait),
      report: progressPrinter(context),
    });
    print(context, options.output, view, { columns: clusterColumns, rows: view.clusters, empty: "it is placed nowhere" });
    printEnd(context, view);
  } finally {
    await release();
  }
}

function printEnd(context: CommandContext, view: DrivenView): void {
  const { terminal } = context;
  for (const line of [...view.waiting, ...view.unknown]) terminal.err(`note: ${printable(line)}\n`);
  printNotes(context, view);
  const colour = view.ended === "done" ? "green" : "yellow";
  terminal.err(`${terminal.paintErr(colour, view.ended)}: ${phaseLine(view)}\n`);
  const code = view.ended === "done" ? EXIT.ok : view.problems.length > 0 ? EXIT.unreachable : EXIT.failed;
  context.exit(code);
}

function phaseLine({ revision, phase, reason, message }: RolloutView): string {
  return `revision ${printable(revision)} is ${phase} (${reason}): ${printable(message)}`;
}

/** One line for each thing that changed, with the time, on stderr. */
function progressPrinter(context: CommandContext): (view: RolloutView) => void {
  const { terminal, clock } = context;
  const told = new Map<string, string>();
  return (view) => {
    const lines = [
      ["rollout", phaseLine(view)],
      ...view.clusters.map(({ cluster, phase, message }) => [cluster, `${phase}: ${message}`]),
      ...view.removals.map(({ cluster, kind, to, phase, message }) => [`${cluster} ${kind} to ${to}`, `${phase}: ${message}`]),
    ];
    for (const [of = "", text = ""] of lines) {
      if (told.get(of) === text) continue;
      told.set(of, text);
      const at = new Date(clock.now()).toISOString().slice(11, 19);
      terminal.err(`${terminal.paintErr("dim", at)}  ${printable(of)}  ${printable(text)}\n`);
    }
  };
}

const clusterColumns: readonly Column<RolloutView["clusters"][number]>[] = [
  { title: "CLUSTER", value: ({ cluster }) => printable(cluster) },
  { title: "PHASE", value: ({ phase }) => phase },
  { title: "SINCE", value: ({ startedAt }) => startedAt ?? "", wide: true },
  { title: "MESSAGE", value: ({ message }) => printable(message) },
];

interface RolloutOptions extends OutputOptions, HubOptions {
  readonly file: string;
  readonly hub?: boolean;
  readonly state?: string;
}

export function addRollout(deploy: Command, context: CommandContext): void {
  const rollout = deploy.command("rollout").description("how far a staged rollout is, and what people say to it");
  const verb = (name: string, description: string) => {
    const command = rollout.command(name).description(description).requiredOption("-f, --file <file>", "the FederatedWorkload");
    return withOutput(
      withHub(withState(command).option("--hub", "the object of a hub, which a controller drives, instead of a folder")),
    );
  };
  verb("status", "stages, clusters and removals as they were last kept; 0 when it has succeeded").action(
    async (options: RolloutOptions) => {
      const { rolloutStatus } = await loadDriver();
      const place = await placeOf(context, options);
      const view = await rolloutStatus(place).finally(place.close);
      if (view === undefined) {
        context.terminal.err(`nothing was rolled out from ${printable(stateOf(options))} yet\n`);
        return context.exit(EXIT.failed);
      }
      show(context, options, view);
      context.exit(view.phase === "Succeeded" && view.removals.length === 0 ? EXIT.ok : EXIT.failed);
    },
  );
  const say = async (word: RolloutWord, options: RolloutOptions) => {
    const { sayToRollout } = await loadDriver();
    const place = await placeOf(context, options);
    const said = sayToRollout(word, { ...place, now: context.clock.now() }).finally(place.close);
    show(context, options, await said);
  };
  verb("pause", "nothing more begins; what was begun is left as it is").action((options: RolloutOptions) =>
    say({ verb: "pause" }, options),
  );
  verb("resume", "go on after a pause, and try again what failed or was rolled back").action((options: RolloutOptions) =>
    say({ verb: "resume" }, options),
  );
  verb("undo", "back to the revision that succeeded before, the newest cluster first").action((options: RolloutOptions) =>
    say({ verb: "undo" }, options),
  );
  verb("approve", "let a stage begin that waits for approval")
    .argument("<stage>", "its name")
    .action((stage: string, options: RolloutOptions) => say({ verb: "approve", stage }, options));
}

function show(context: CommandContext, { output }: OutputOptions, view: RolloutView): void {
  print(context, output, view, { columns: clusterColumns, rows: view.clusters, empty: "no cluster is in it" });
  for (const { cluster, kind, to, phase, message } of view.removals)
    context.terminal.err(`${printable(cluster)}  ${kind} to ${to}  ${phase}: ${printable(message)}\n`);
  context.terminal.err(`${phaseLine(view)}\n`);
}

/** The folder beside the file, or the status of the object in a hub. */
async function placeOf(context: CommandContext, options: RolloutOptions) {
  const { createFileStore, readWorkload, workloadKey } = await loadDriver();
  const declared = await readWorkload(options.file);
  const workload = workloadKey(declared);
  const stages = declared.spec.rollout.stages.map(({ name }) => name);
  const place = { workload, stages, signal: context.signal };
  if (options.hub !== true) return { ...place, store: createFileStore(stateOf(options), workload), close: () => undefined };
  const { createStatusStore } = await import("../../../deploy/controller/status-store.ts");
  const client = await connectHub(context, options);
  const store = createStatusStore({ client, workload, epoch: undefined, object: undefined });
  return { ...place, store, close: () => client.close() };
}

function stateOf({ state, file }: { readonly state?: string; readonly file: string }): string {
  return state ?? `${file}.rollout`;
}

async function loadDriver() {
  const { drive, rolloutStatus, sayToRollout } = await import("../../../deploy/cli/rollout.ts");
  const { lockDriver, processIsAlive } = await import("../../../deploy/cli/driver-lock.ts");
  const { readWorkload } = await import("../../../deploy/cli/inputs.ts");
  const { createFileStore } = await import("../../../deploy/driver/file-store.ts");
  const { bridgeHttp } = await import("../../../deploy/gates/bridge-http.ts");
  const { workloadKey } = await import("../../../deploy/plan/wanted.ts");
  return {
    ...{ drive, rolloutStatus, sayToRollout, lockDriver, processIsAlive, readWorkload, createFileStore, bridgeHttp, workloadKey },
  };
}
