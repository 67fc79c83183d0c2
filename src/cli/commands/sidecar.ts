import type { Command } from "commander";
import { createAdminClient } from "../admin-client.ts";
import type { CommandContext } from "../context.ts";
import { durationOf, type OutputOptions, print, withOutput } from "../options.ts";
import { addSidecarGc } from "./sidecar-gc.ts";
import { addSidecarManifest } from "./sidecar-manifest.ts";

/** Where a sidecar listens unless its configuration says otherwise. */
const DEFAULT_SIDECAR_ADDRESS = "http://127.0.0.1:9920";

interface RunOptions {
  readonly config: string;
}

interface DrainOptions {
  readonly sidecar?: string;
  readonly timeout: string;
}

interface Drained {
  readonly complete: boolean;
  readonly tookMs: number;
}

interface Registrations {
  readonly targets: readonly {
    readonly name: string;
    readonly records: readonly {
      readonly key: string;
      readonly service: string;
      readonly traffic: string;
      readonly state: string;
      readonly reason?: string;
    }[];
  }[];
}

/** `sidecar`: the registry sync beside a workload, and how to ask a running one. */
export function addSidecar(program: Command, context: CommandContext): void {
  const sidecar = program.command("sidecar").description("register this Pod in the registries, and take it out before it ends");
  sidecar
    .command("run", { isDefault: true })
    .description("run the sidecar until SIGTERM, and drain then")
    .requiredOption("-c, --config <file>", "the sidecar's configuration")
    .action(async ({ config }: RunOptions) => context.exit(await context.sidecar(config)));
  addSidecarManifest(sidecar, context);
  addSidecarGc(sidecar, context);
  withSidecar(sidecar.command("drain"))
    .description("take the workload out of the registries and wait for the end of it: a preStop hook")
    .action(async (options: DrainOptions) => {
      const { complete, tookMs } = await clientOf(context, options).send<Drained>("/drain", {});
      context.terminal.out(`drained in ${tookMs} ms${complete ? "" : "; some registry could not be told"}\n`);
      if (!complete) context.exit(1);
    });
  withOutput(withSidecar(sidecar.command("registrations")))
    .description("list what a running sidecar has registered, and why not")
    .action(async (options: DrainOptions & OutputOptions) => {
      const answer = await clientOf(context, options).read<Registrations>("/v1/registrations");
      const rows = answer.targets.flatMap(({ name, records }) => records.map((record) => ({ target: name, ...record })));
      print(context, options.output, answer, {
        columns: [
          { title: "TARGET", value: ({ target }) => target },
          { title: "SERVICE", value: ({ service }) => service },
          { title: "TRAFFIC", value: ({ traffic }) => traffic },
          { title: "STATE", value: ({ state, reason }) => (reason === undefined ? state : `${state}: ${reason}`) },
          { title: "RECORD", value: ({ key }) => key, wide: true },
        ],
        rows,
        empty: "Nothing is registered.",
      });
    });
}

function withSidecar(command: Command): Command {
  return command
    .option("--sidecar <address>", `where it listens: http://host:port or unix:/path (default ${DEFAULT_SIDECAR_ADDRESS})`)
    .option("--timeout <duration>", "how long to wait for the end", "60s");
}

function clientOf(context: CommandContext, { sidecar, timeout }: DrainOptions) {
  const address = sidecar ?? (context.env["MESHBRIDGE_SIDECAR"] || DEFAULT_SIDECAR_ADDRESS);
  return createAdminClient({ address, timeoutMs: durationOf("--timeout", timeout), signal: context.signal });
}
