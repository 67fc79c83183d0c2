/** Reads the sidecar's configuration: schema first, then what a schema cannot say; all problems at once, with their lines. */
import { dirname, resolve } from "node:path";
import { Value } from "typebox/value";
import { parseListen } from "../../kernel/listen-address.ts";
import { readText } from "../../kernel/read-text.ts";
import { checkSchema } from "../../kernel/schema-check.ts";
import { didYouMean, type Path, type Position, pathText, quoted } from "../../kernel/text.ts";
import { parseYaml } from "../../kernel/yaml-document.ts";
import { fail } from "../../model/errors.ts";
import { templateFault } from "../pod/template.ts";
import type { WriterKind } from "../writer.ts";
import { type SidecarFile, sidecarSchema } from "./schema.ts";

export interface SidecarConfig {
  readonly file: SidecarFile;
  /** The folder that relative paths are meant from. */
  readonly baseDir: string;
}

interface Problem {
  readonly path: Path;
  readonly at: "key" | "value";
  readonly message: string;
}

/** Throws MB_CONFIG_UNREADABLE or MB_CONFIG_INVALID. */
export async function loadSidecarConfig(path: string, kinds: readonly WriterKind[]): Promise<SidecarConfig> {
  const result = await readText(resolve(path));
  if ("reason" in result) throw fail("MB_CONFIG_UNREADABLE", { path, reason: result.reason });
  return { file: parseSidecarConfig(result.text, path, kinds), baseDir: dirname(resolve(path)) };
}

/** Pure. Throws MB_CONFIG_INVALID. */
export function parseSidecarConfig(text: string, path: string, kinds: readonly WriterKind[]): SidecarFile {
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
  const schema = sidecarSchema(kinds);
  const faults: readonly Problem[] = checkSchema(schema, value);
  const problems = faults.length > 0 ? faults : meaningFaults(value as SidecarFile);
  if (problems.length > 0)
    throw invalid(
      problems.map(({ path: at, at: of, message }) => ({ ...positionOf(at, of), message: `${pathText(at)}  ${message}` })),
    );
  return Value.Default(schema, structuredClone(value)) as SidecarFile;
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
