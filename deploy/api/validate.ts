/** YAML to a FederatedWorkload or a Cluster with defaults, or to every problem with its line and column. Pure. */
import type { Static, TSchema } from "typebox";
import { Value } from "typebox/value";
import { type ConfigProblem, problemLines } from "../../src/config/problems.ts";
import { inputSchema } from "../../src/config/schema.ts";
import { checkSchema, type SchemaProblem } from "../../src/kernel/schema-check.ts";
import { parseYaml } from "../../src/kernel/yaml-document.ts";
import type { Check } from "./checks/check.ts";
import { checkInterpret } from "./checks/interpret.ts";
import { checkOverrides } from "./checks/overrides.ts";
import { checkReplicas, checkRollout } from "./checks/rollout.ts";
import { checkPlacement } from "./checks/selectors.ts";
import { checkTemplate } from "./checks/template.ts";
import { type Cluster, ClusterListSchema, ClusterSchema } from "./schema/cluster.ts";
import { type FederatedWorkload, FederatedWorkloadSchema } from "./schema/workload.ts";

export type Parsed<T> = { readonly object: T } | { readonly problems: readonly ConfigProblem[] };

const CHECKS: readonly (readonly [part: string, check: (check: Check) => void])[] = [
  ["template", checkTemplate],
  ["placement", checkPlacement],
  ["interpret", checkInterpret],
  ["overrides", checkOverrides],
  ["replicas", checkReplicas],
  ["rollout", checkRollout],
];

/** One document. Problems of meaning are told beside those of form, for the parts of `spec` whose form is right. */
export function parseWorkload(text: string): Parsed<FederatedWorkload> {
  return parseWith(FederatedWorkloadSchema, text, checkWorkload);
}

/** One document. */
export function parseCluster(text: string): Parsed<Cluster> {
  return parseWith(ClusterSchema, text, () => []);
}

/** One document of kind ClusterList: its members. */
export function parseClusterList(text: string): Parsed<readonly Cluster[]> {
  const parsed = parseWith(ClusterListSchema, text, ({ items }) => {
    const names = items.map(({ metadata }) => metadata.name);
    return names.flatMap((name, index): readonly SchemaProblem[] => {
      const first = names.indexOf(name);
      if (first === index) return [];
      const path = ["items", index, "metadata", "name"];
      return [{ path, at: "value", message: `the cluster ${name} is given twice (also number ${first + 1} of the list)` }];
    });
  });
  return "problems" in parsed ? parsed : { object: parsed.object.items };
}

/** For an object that is no file, such as one read from an API server: problems have paths, not lines. */
export function validateWorkload(
  value: unknown,
): { readonly object: FederatedWorkload } | { readonly problems: readonly SchemaProblem[] } {
  return validateWith(FederatedWorkloadSchema, value, checkWorkload);
}

/** As `validateWorkload`, for a member of the fleet. */
export function validateCluster(value: unknown): { readonly object: Cluster } | { readonly problems: readonly SchemaProblem[] } {
  return validateWith(ClusterSchema, value, () => []);
}

/** `web.yaml:12:9  spec.replicas.total  must be …`, one problem a line. */
export function workloadProblemLines(fileName: string, problems: readonly ConfigProblem[]): string {
  return problemLines(fileName, problems);
}

type Meaning<S extends TSchema> = (object: Static<S>, faults: readonly SchemaProblem[]) => readonly SchemaProblem[];

function parseWith<S extends TSchema>(schema: S, text: string, meaning: Meaning<S>): Parsed<Static<S>> {
  const parsed = parseYaml(text);
  if ("problems" in parsed) return { problems: parsed.problems.map(({ message, ...place }) => ({ path: [], message, place })) };
  const { document } = parsed;
  const validated = validateWith(schema, document.value, meaning);
  if ("object" in validated) return validated;
  return {
    problems: validated.problems.map(({ path, at, message }) => ({ path, message, place: document.positionOf(path, at) })),
  };
}

function validateWith<S extends TSchema>(
  schema: S,
  value: unknown,
  meaning: Meaning<S>,
): { readonly object: Static<S> } | { readonly problems: readonly SchemaProblem[] } {
  const faults = checkSchema(inputSchema(schema), value);
  const object = Value.Default(schema, structuredClone(value)) as Static<S>;
  const problems = [...faults, ...meaning(object, faults)];
  return problems.length > 0 ? { problems } : { object };
}

function checkWorkload(workload: FederatedWorkload, faults: readonly SchemaProblem[]): readonly SchemaProblem[] {
  const found: SchemaProblem[] = [];
  const check: Check = { workload, report: (path, message) => found.push({ path, at: "value", message }) };
  // An unknown key spoils nothing of what is known beside it.
  const broken = faults.filter(({ at }) => at === "value").map(({ path }) => path);
  if (broken.some((path) => path.length === 0 || (path[0] === "spec" && path.length === 1))) return found;
  for (const [part, run] of CHECKS) if (!broken.some((path) => path[0] === "spec" && path[1] === part)) run(check);
  return found;
}
