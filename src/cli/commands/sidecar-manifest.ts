import type { Command } from "commander";
import { parseAllDocuments } from "yaml";
import { parseDuration } from "../../kernel/duration.ts";
import { readText } from "../../kernel/read-text.ts";
import { fail } from "../../model/errors.ts";
import { addSidecar, isWorkload, type Manifest } from "../../sidecar/manifest/add-sidecar.ts";
import { loadSidecarConfig } from "../../sidecar/settings/load.ts";
import type { CommandContext } from "../context.ts";
import { toYaml } from "../output/yaml.ts";

interface Options {
  readonly file: string;
  readonly config: string;
  readonly image: string;
}

/** `sidecar manifest`: a workload with the sidecar added, for `kubectl apply -f -`. Asks nobody. */
export function addSidecarManifest(sidecar: Command, context: CommandContext): void {
  sidecar
    .command("manifest")
    .description("print a workload with sidecar, readiness gate and least rights added, for `kubectl apply -f -`")
    .requiredOption("-f, --file <file>", "manifest with a Deployment, StatefulSet or DaemonSet")
    .requiredOption("-c, --config <file>", "the sidecar's configuration: goes into a ConfigMap")
    .option("--image <image>", "image of the sidecar", `meshbridge:${context.version}`)
    .action(async ({ file, config, image }: Options) => {
      const { file: settings } = await loadSidecarConfig(config, context.writers);
      const options = {
        image,
        config: await textOf(config),
        followsPod: settings.kubernetes !== undefined,
        drainSeconds: Math.ceil((parseDuration(settings.drain ?? "5s") ?? 5000) / 1000),
      };
      const objects = manifestsOf(await textOf(file), file);
      const added = objects.flatMap((object) => (isWorkload(object) ? addSidecar(object, options) : [object]));
      if (!objects.some(isWorkload)) throw usage(`${file} has no Deployment, StatefulSet or DaemonSet with a Pod template`);
      context.terminal.out(added.map(toYaml).join("---\n"));
    });
}

/** Throws MB_CONFIG_UNREADABLE. */
async function textOf(path: string): Promise<string> {
  const result = await readText(path);
  if ("reason" in result) throw fail("MB_CONFIG_UNREADABLE", { path, reason: result.reason });
  return result.text;
}

/** Every document that is an object; throws MB_USAGE when one is no YAML. */
function manifestsOf(text: string, path: string): readonly Manifest[] {
  return parseAllDocuments(text).flatMap((document) => {
    const [error] = document.errors;
    if (error !== undefined) throw usage(`${path} is no YAML: ${error.message.split("\n", 1)[0] ?? ""}`);
    const value: unknown = document.toJS({ maxAliasCount: 100 });
    return typeof value === "object" && value !== null && !Array.isArray(value) ? [value as Manifest] : [];
  });
}

function usage(reason: string) {
  return fail("MB_USAGE", { reason, command: "meshbridge sidecar manifest" });
}
