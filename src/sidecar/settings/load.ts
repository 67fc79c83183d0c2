/** Reads the sidecar's configuration: schema first, then what a schema cannot say; all problems at once, with their lines. */
import { dirname, resolve } from "node:path";
import type { TObject } from "typebox";
import { Value } from "typebox/value";
import { parseListen } from "../../kernel/listen-address.ts";
import { readText } from "../../kernel/read-text.ts";
import { checkSchema } from "../../kernel/schema-check.ts";
import { didYouMean, type Path, type Position, pathText, quoted } from "../../kernel/text.ts";
import { parseYaml } from "../../kernel/yaml-document.ts";
import { fail } from "../../model/errors.ts";
import type { Adapter } from "../../registry/adapter.ts";
import { templateFault } from "../pod/template.ts";
import type { WriterKind } from "../writer.ts";
import { clusterFaults, type Problem } from "./cluster-faults.ts";
import { type ClusterFile, clusterSchema } from "./cluster-schema.ts";
import { type SidecarFile, sidecarSchema } from "./schema.ts";

export interface SidecarConfig {
  readonly file: SidecarFile;
  /** The folder that relative paths are meant from. */
  readonly baseDir: string;
}

export interface ClusterConfig {
  readonly file: ClusterFile;
  /** As above. */
  readonly baseDir: string;
}

/** Throws MB_CONFIG_UNREADABLE or MB_CONFIG_INVALID, which a file of the cluster scope is too. */
export async function loadSidecarConfig(path: string, kinds: readonly WriterKind[]): Promise<SidecarConfig> {
  const { text, baseDir } = await textOf(path);
  return { file: parseSidecarConfig(text, path, kinds), baseDir };
}

export type AnyConfig = (SidecarConfig & { readonly scope: "pod" }) | (ClusterConfig & { readonly scope: "cluster" });

/** Of whichever scope. Throws as `loadSidecarConfig`. */
export async function loadAnyConfig(
  path: string,
  kinds: readonly WriterKind[],
  adapters: readonly Adapter[],
): Promise<AnyConfig> {
  const { text, baseDir } = await textOf(path);
  const parsed = parseYaml(text);
  const value: unknown = "problems" in parsed ? undefined : parsed.document.value;
  const isCluster = typeof value === "object" && value !== null && "scope" in value && value.scope === "cluster";
  if (!isCluster) return { scope: "pod", file: parseSidecarConfig(text, path, kinds), baseDir };
  return { scope: "cluster", file: parseClusterConfig(text, path, kinds, adapters), baseDir };
}

async function textOf(path: string): Promise<{ readonly text: string; readonly baseDir: string }> {
  const result = await readText(resolve(path));
  if ("reason" in result) throw fail("MB_CONFIG_UNREADABLE", { path, reason: result.reason });
  return { text: result.text, baseDir: dirname(resolve(path)) };
}

/** Pure. Throws MB_CONFIG_INVALID. */
export function parseSidecarConfig(text: string, path: string, kinds: readonly WriterKind[]): SidecarFile {
  return parseAs(text, path, sidecarSchema(kinds), (value) => meaningFaults(value as SidecarFile)) as SidecarFile;
}

/** Pure. Throws MB_CONFIG_INVALID. */
export function parseClusterConfig(
  text: string,
  path: string,
  kinds: readonly WriterKind[],
  adapters: readonly Adapter[],
): ClusterFile {
  return parseAs(text, path, clusterSchema(adapters, kinds), (value) => clusterFaults(value as ClusterFile)) as ClusterFile;
}

function parseAs(text: string, path: string, schema: TObject, meaning: (value: unknown) => readonly Problem[]): unknown {
  const invalid = (problems: readonly (Position & { readonly message: string })[]) =>
    fail("MB_CONFIG_INVALID", {
      problems: problems
        .toSorted((a, b) => a.line - b.line || a.column - b.column)
        .map(({ line, column, message }) => `${path}:${line}:${column}  ${message}`)
        .join("\n"),
    });
  const parsed = parseYaml(text);
  if ("problems" in parsed) throw invalid(parsed.problems);
  const { value, positionOf } = parsed.document;
  const faults: readonly Problem[] = checkSchema(schema, value);
  const problems = faults.length > 0 ? faults : meaning(value);
  if (problems.length > 0)
    throw invalid(
      problems.map(({ path: at, at: of, message }) => ({ ...positionOf(at, of), message: `${pathText(at)}  ${message}` })),
    );
  return Value.Default(schema, structuredClone(value));
}

function meaningFaults({ services, targets, listen, readiness, kubernetes }: SidecarFile): readonly Problem[] {
  const found: Problem[] = [];
  const report = (path: Path, message: string) => found.push({ path, at: "value", message });
  if (readiness?.probes === undefined && kubernetes === undefined)
    report(["readiness"], "needs `probes`; without them, `kubernetes: {}` lets the Pod's own status count");
  const names = targets.map(({ name }) => name);
  for (const [index, name] of names.entries())
    if (names.indexOf(name) !== index) report(["targets", index, "name"], `${quoted(name)} is the name of another target`);
  for (const [index, service] of services.entries()) {
    for (const [at, target] of (service.targets ?? []).entries())
      if (!names.includes(target))
        report(["services", index, "targets", at], `there is no target ${quoted(target)}${didYouMean(target, names)}`);
    for (const [path, template] of templatesOf(service)) {
      const fault = templateFault(template);
      if (fault !== undefined) report(["services", index, ...path], fault);
    }
  }
  if (listen !== undefined && parseListen(listen) === undefined)
    report(["listen"], `must be HOST:PORT or unix:/PATH, got ${quoted(listen)}`);
  return found;
}

function templatesOf(service: SidecarFile["services"][number]): readonly (readonly [Path, string])[] {
  const { name, address, weight, zone, region, tags = [], labels = {} } = service;
  const single = { name, address, weight, zone, region };
  return [
    ...Object.entries(single).flatMap(([key, text]) => (typeof text === "string" ? [[[key], text] as const] : [])),
    ...tags.map((text, index) => [["tags", index], text] as const),
    ...Object.entries(labels).map(([key, text]) => [["labels", key], text] as const),
  ];
}
