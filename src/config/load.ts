/** Reads the configuration: the file, the environment over it, the flags over both. */
import { dirname, resolve } from "node:path";
import { readText } from "../kernel/read-text.ts";
import { parseYaml } from "../kernel/yaml-document.ts";
import { fail } from "../model/errors.ts";
import { type ConfigProblem, problemLines } from "./problems.ts";
import { resolveConfig } from "./resolve.ts";
import type { ResolvedConfig } from "./resolved.ts";
import { type Sources, validateConfig } from "./validate.ts";

export interface LoadOptions extends Sources {
  /** As the operator gave it; problems are told with this name. */
  readonly path: string;
}

export interface LoadedConfig {
  readonly config: ResolvedConfig;
  /** What was read, for `watchConfig` to compare with. */
  readonly text: string;
}

/** Throws MB_CONFIG_UNREADABLE or MB_CONFIG_INVALID; the latter's detail `problems` has one line for each. */
export async function loadConfig(options: LoadOptions): Promise<LoadedConfig> {
  const text = await readConfigText(options.path);
  return { config: parseConfig(text, options), text };
}

/** Throws MB_CONFIG_UNREADABLE. */
export async function readConfigText(path: string): Promise<string> {
  const result = await readText(resolve(path));
  if ("reason" in result) throw fail("MB_CONFIG_UNREADABLE", { path, reason: result.reason });
  return result.text;
}

/** Pure but for the working directory, from which a relative path is meant. Throws MB_CONFIG_INVALID. */
export function parseConfig(text: string, { path, ...sources }: LoadOptions): ResolvedConfig {
  const parsed = parseYaml(text);
  if ("problems" in parsed)
    throw invalid(
      path,
      parsed.problems.map(({ message, ...place }) => ({ path: [], message, place })),
    );
  const { document } = parsed;
  const validated = validateConfig(document, sources);
  if ("problems" in validated) throw invalid(path, validated.problems);
  const baseDir = dirname(resolve(path));
  return resolveConfig(validated.file, {
    adapters: sources.adapters,
    baseDir,
    fileName: path,
    document,
    overrides: validated.overrides,
  });
}

function invalid(path: string, problems: readonly ConfigProblem[]) {
  return fail("MB_CONFIG_INVALID", { problems: problemLines(path, problems) });
}
