/** The template as manifests: inline, from files, or from the tools that render them where these are installed. */
import { dirname, resolve } from "node:path";
import { readText } from "../../src/kernel/read-text.ts";
import { fail } from "../../src/model/errors.ts";
import type { FederatedWorkload, Template } from "../api/schema/workload.ts";
import type { JsonObject } from "../json/value.ts";
import { checkManifests, manifestsOf } from "./manifests.ts";
import { runTool } from "./tool.ts";

export interface RenderContext {
  /** File of the workload: relative paths are meant from its folder. */
  readonly file: string;
  readonly signal: AbortSignal;
  /** What tools are found with. Default: this process's own. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** Rejects with MB_DEPLOY_TEMPLATE, naming the file and place or the tool and what it said. */
export async function renderTemplate(
  { metadata, spec }: FederatedWorkload,
  context: RenderContext,
): Promise<readonly JsonObject[]> {
  const { template } = spec;
  if (template.manifests !== undefined) return template.manifests;
  const from = (path: string) => resolve(dirname(context.file), path);
  if (template.files !== undefined) {
    const parts = await Promise.all(template.files.map((path) => readManifests(from(path))));
    return checkManifests(parts.flat(), template.files.join(", "));
  }
  if (template.kustomize !== undefined) {
    const folder = from(template.kustomize);
    const text = await runTool({ command: "kubectl", args: ["kustomize", folder] }, context);
    return checkManifests(manifestsOf(text, `kubectl kustomize ${folder}`), `kubectl kustomize ${folder}`);
  }
  if (template.helm === undefined) return [];
  const { chart, values = {} } = template.helm;
  const place = { name: metadata.name, namespace: metadata.namespace ?? "default", from };
  const call = { command: "helm", args: helmArguments(template.helm, place), input: JSON.stringify(values) };
  return checkManifests(manifestsOf(await runTool(call, context), `helm template ${chart}`), `helm template ${chart}`);
}

/** Values go in by standard input: no key or value can be taken for an option. Hooks are for installs, which this is not. */
function helmArguments(
  { chart, version, release }: NonNullable<Template["helm"]>,
  { name, namespace, from }: { readonly name: string; readonly namespace: string; readonly from: (path: string) => string },
): readonly string[] {
  const place = chart.startsWith(".") || chart.startsWith("/") ? from(chart) : chart;
  const options = ["--namespace", namespace, "--include-crds", "--no-hooks", "--skip-tests", "--values=-"];
  return ["template", ...options, ...(version === undefined ? [] : [`--version=${version}`]), "--", release ?? name, place];
}

async function readManifests(path: string): Promise<readonly JsonObject[]> {
  const read = await readText(path);
  if ("reason" in read) throw fail("MB_DEPLOY_TEMPLATE", { origin: path, reason: read.reason });
  return manifestsOf(read.text, path);
}
