import type { Command } from "commander";
import { silentLog } from "../../kernel/log.ts";
import { fail } from "../../model/errors.ts";
import { collect, rowOf } from "../../sidecar/gc/collect.ts";
import { parseWhose } from "../../sidecar/gc/verdicts.ts";
import { loadAnyConfig } from "../../sidecar/settings/load.ts";
import type { CommandContext } from "../context.ts";
import { durationOf, type OutputOptions, print, withOutput } from "../options.ts";

interface Options extends OutputOptions {
  readonly config: string;
  readonly owner: string;
  readonly target?: string;
  readonly dryRun?: boolean;
  readonly force?: boolean;
  readonly timeout: string;
}

type Target = Readonly<Record<string, unknown>> & { readonly name: string; readonly kind: string };

/** `sidecar gc`: removes what a dead owner has left. Ends with 1 when something was kept, could not be read or not be removed. */
export function addSidecarGc(sidecar: Command, context: CommandContext): void {
  withOutput(sidecar.command("gc"))
    .description("remove what a cluster, or a Pod of it, that is no more has left in the registries")
    .requiredOption("-c, --config <file>", "a sidecar's configuration: its targets are looked through")
    .requiredOption("--owner <owner>", "CLUSTER, or CLUSTER/NAMESPACE/POD/UID as the records have it")
    .option("--target <name>", "this target alone")
    .option("--dry-run", "say what would be removed and why, and remove nothing")
    .option("--force", "also what lives or may live, and although a registry cannot be read")
    .option("--timeout <duration>", "how long one registry may take", "30s")
    .action(async ({ config, owner, target, dryRun = false, force = false, timeout, output }: Options) => {
      const usage = (reason: string) => fail("MB_USAGE", { reason, command: "meshbridge sidecar gc" });
      const whose = parseWhose(owner);
      if (whose === undefined) throw usage(`--owner takes CLUSTER or CLUSTER/NAMESPACE/POD/UID, not "${owner}"`);
      const { file, baseDir } = await loadAnyConfig(config, context.writers, context.adapters);
      const all: readonly Target[] = file.targets;
      const chosen = all.filter(({ name }) => target === undefined || name === target);
      if (chosen.length === 0) throw usage(`${config} has no target ${target}`);
      const { clock, signal, writers } = context;
      const targets = chosen.flatMap(({ name, kind, ...settings }) => {
        // Nothing is written in its name: a look has no instance.
        const who = { cluster: file.cluster, instance: "gc", epoch: 0 };
        const shared = { name, owner: who, baseDir, log: silentLog, clock, random: Math.random };
        const writer = writers.find((one) => one.kind === kind)?.open(settings, shared);
        return writer === undefined ? [] : [{ name, writer }];
      });
      const found = await collect({ targets, whose, dryRun, force, timeoutMs: durationOf("--timeout", timeout), clock, signal });
      const rows = found.records.map(rowOf);
      const unread = found.unread.map((one) => ({ target: one.target, code: one.error.code, message: one.error.message }));
      for (const one of unread) context.terminal.err(`${one.target} could not be read: ${one.message}\n`);
      print(
        context,
        output,
        { records: rows, unread },
        {
          columns: [
            { title: "TARGET", value: (row) => row.target },
            { title: "SERVICE", value: (row) => row.service },
            { title: "OWNER", value: (row) => row.owner },
            { title: "OUTCOME", value: (row) => row.outcome },
            { title: "WHY", value: (row) => row.why },
            { title: "RECORD", value: (row) => row.key, wide: true },
          ],
          rows,
          empty: `No record says that it is owned by ${owner}.`,
        },
      );
      const done = unread.length === 0 && rows.every(({ outcome }) => outcome === "removed" || outcome === "would be removed");
      if (!done) context.exit(1);
    });
}
