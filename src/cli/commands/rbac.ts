import type { Command } from "commander";
import type { ResolvedRegistry } from "../../config/resolved.ts";
import { printable, quoted } from "../../kernel/text.ts";
import { fail } from "../../model/errors.ts";
import { readConfig } from "../config-file.ts";
import type { CommandContext } from "../context.ts";
import { toYaml } from "../output/yaml.ts";

interface Options {
  readonly config: string;
  readonly registry?: string;
  readonly cluster?: string;
  readonly home?: boolean;
  readonly namespace: string;
  readonly account: string;
}

/** `rbac`: the least rights the bridge reads a cluster with, for `kubectl apply -f -`. Reads the configuration alone. */
export function addRbac(program: Command, context: CommandContext): void {
  program
    .command("rbac")
    .description("print the least rights to read a Kubernetes cluster with, for `kubectl apply -f -`")
    .requiredOption("-c, --config <file>", "the configuration")
    .option("--registry <name>", "which registry, when several are of Kubernetes")
    .option("--cluster <name>", "the cluster that the objects are for: goes into a comment")
    .option("--home", "for the cluster whose Secrets name other clusters: reads those Secrets too")
    .option("-n, --namespace <namespace>", "namespace of the service account", "meshbridge-system")
    .option("--account <name>", "name of the service account", "meshbridge")
    .action(async ({ config, registry, cluster, home = false, namespace, account }: Options) => {
      const { registries, secrets, xds } = await readConfig(context, config);
      const chosen = choose(registries, registry);
      // Without a word about the cluster, a Secret is in the only one there is.
      const followed = secrets.flatMap(({ kubernetes: one }) =>
        one?.registry === chosen.name && (cluster === undefined || (one.cluster ?? cluster) === cluster)
          ? [{ namespace: one.namespace, name: one.secret }]
          : [],
      );
      const reviewed = xds.tokens;
      const tokens = reviewed?.registry === chosen.name && (cluster === undefined || (reviewed.cluster ?? cluster) === cluster);
      const request = { account: { namespace, name: account }, home, secrets: followed, tokens };
      const objects = chosen.adapter.rbac?.(chosen.config, request) ?? [];
      if (cluster !== undefined) context.terminal.out(`# For cluster ${printable(cluster)}, read as registry ${chosen.name}.\n`);
      context.terminal.out(objects.map(toYaml).join("---\n"));
    });
}

function choose(registries: readonly ResolvedRegistry[], name: string | undefined): ResolvedRegistry {
  const able = registries.filter(({ adapter }) => adapter.rbac !== undefined);
  const found = able.filter((registry) => name === undefined || registry.name === name);
  const [only] = found;
  if (only !== undefined && found.length === 1) return only;
  const names = able.map((registry) => registry.name).join(", ") || "none";
  const reason = name === undefined ? `--registry must name one of: ${names}` : `${quoted(name)} is none of: ${names}`;
  throw fail("MB_USAGE", { reason, command: "meshbridge rbac" });
}
