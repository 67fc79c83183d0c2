/** The template as manifests: inline, from files, or from the tools that render them where these are installed. */
import { execFile } from "node:child_process";
import { dirname, resolve } from "node:path";
import { LineCounter, parseAllDocuments } from "yaml";
import { reasonOf } from "../../src/kernel/errors.ts";
import { readText } from "../../src/kernel/read-text.ts";
import { fail } from "../../src/model/errors.ts";
import type { FederatedWorkload, Template } from "../api/schema/workload.ts";
import { isJsonObject, type Json, type JsonObject, listAt, textAt } from "../json/value.ts";

const RENDER_MS = 60_000;
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;

export interface RenderContext {
  /** File of the workload: relative paths are meant from its folder. */
  readonly file: string;
  readonly signal: AbortSignal;
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
    return parts.flat();
  }
  if (template.kustomize !== undefined)
    return manifestsOf(await run("kubectl", ["kustomize", from(template.kustomize)], context), "kubectl kustomize");
  if (template.helm === undefined) return [];
  const namespace = metadata.namespace ?? "default";
  return manifestsOf(
    await run("helm", helmArguments(template.helm, { name: metadata.name, namespace, from }), context),
    "helm template",
  );
}

function helmArguments(
  { chart, version, release, values }: NonNullable<Template["helm"]>,
  { name, namespace, from }: { readonly name: string; readonly namespace: string; readonly from: (path: string) => string },
): readonly string[] {
  const place = chart.startsWith(".") || chart.startsWith("/") ? from(chart) : chart;
  const given = Object.entries(values ?? {}).flatMap(([key, value]) => ["--set-json", `${key}=${JSON.stringify(value)}`]);
  return ["template", release ?? name, place, "--namespace", namespace, ...(version ? ["--version", version] : []), ...given];
}

async function readManifests(path: string): Promise<readonly JsonObject[]> {
  const read = await readText(path);
  if ("reason" in read) throw fail("MB_DEPLOY_TEMPLATE", { origin: path, reason: reasonOf(read.reason) });
  return manifestsOf(read.text, path);
}

/** Several documents, and Lists, are several manifests; empty documents are none. */
function manifestsOf(text: string, origin: string): readonly JsonObject[] {
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false });
  return [...documents].flatMap((document): readonly JsonObject[] => {
    const { line, col } = lines.linePos(document.errors[0]?.pos[0] ?? document.range[0]);
    const refuse = (reason: string) => fail("MB_DEPLOY_TEMPLATE", { origin: `${origin}:${line}:${col}`, reason });
    if (document.errors[0] !== undefined) throw refuse(`not YAML: ${document.errors[0].message}`);
    const value = document.toJS({ maxAliasCount: 100 }) as Json;
    if (value === null) return [];
    const items = textAt(value, "kind") === "List" ? listAt(value, "items") : [value];
    return items.map((item) => {
      if (!isJsonObject(item) || textAt(item, "apiVersion") === undefined || textAt(item, "kind") === undefined)
        throw refuse("it is no Kubernetes object: apiVersion or kind is missing");
      if (textAt(item, "metadata", "name") === undefined) throw refuse("metadata.name is missing");
      return item;
    });
  });
}

function run(command: string, args: readonly string[], { signal }: RenderContext): Promise<string> {
  const title = `${command} ${args[0] ?? ""}`;
  return new Promise((done, reject) => {
    execFile(command, args, { signal, timeout: RENDER_MS, maxBuffer: MAX_OUTPUT_BYTES }, (error, stdout, stderr) => {
      if (error === null) return done(stdout);
      if (signal.aborted) return reject(signal.reason);
      const missing = (error as NodeJS.ErrnoException).code === "ENOENT";
      const said = stderr.trim().split("\n").slice(-3).join(" ").slice(0, 500);
      reject(
        fail("MB_DEPLOY_TEMPLATE", {
          origin: title,
          reason: missing ? `${command} is not installed here` : said || error.message,
        }),
      );
    });
  });
}
