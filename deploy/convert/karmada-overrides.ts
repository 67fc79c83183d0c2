/** Karmada's overriders, in the order in which they are applied there. Pure. */
import { type Json, type JsonObject, listAt, ownValue, textAt, valueAt } from "../json/value.ts";
import { affinityOf } from "./karmada-placement.ts";
import { defined, targetOf } from "./output.ts";
import type { Source } from "./source.ts";

type Path = readonly (string | number)[];

/** Rules for the objects of one workload; cluster-wide policies come first, as they do there. */
export function overridesFor(
  policies: readonly Source[],
  objects: readonly Source[],
  selects: (policy: Source, object: Source) => boolean,
): readonly JsonObject[] {
  const wide = (one: Source) => (one.kind.startsWith("Cluster") ? 0 : 1);
  return policies
    .toSorted((a, b) => wide(a) - wide(b) || (a.name < b.name ? -1 : 1))
    .flatMap((policy) => {
      const own = objects.filter((object) => selects(policy, object));
      policy.take("spec", "resourceSelectors");
      return own.flatMap((object) => rulesOf(policy, object));
    });
}

function rulesOf(policy: Source, object: Source): readonly JsonObject[] {
  const rules = listAt(policy.value, "spec", "overrideRules").map((_, index): Path => ["spec", "overrideRules", index]);
  // The form of before version 1.0 stands directly in spec.
  const old: readonly Path[] = valueAt(policy.value, ["spec", "overriders"]) === undefined ? [] : [["spec"]];
  return [...rules, ...old].flatMap((at) => {
    const everywhere = valueAt(policy.value, [...at, "targetCluster"]) === undefined;
    const where = everywhere ? {} : affinityOf(policy, [...at, "targetCluster"]);
    const base = { ...where, target: targetOf(object.value) };
    return overridersOf(policy, [...at, "overriders"]).map((rule) => ({ ...base, ...rule }));
  });
}

function overridersOf(policy: Source, at: Path): readonly JsonObject[] {
  const each = (list: string, read: (one: Json, path: Path) => readonly JsonObject[]) =>
    listAt(policy.value, ...at, list).flatMap((one, index) => read(one, [...at, list, index]));
  const metadata = (field: string) => (one: Json, path: Path) => {
    policy.take(...path);
    const removed = textAt(one, "operator") === "remove";
    const values = Object.entries((ownValue(one, "value") ?? {}) as JsonObject).map(
      ([key, value]) => [key, removed ? null : value] as const,
    );
    return [{ merge: { metadata: { [field]: Object.fromEntries(values) } } }];
  };
  const patches = each("plaintext", (_, path) => {
    const [op = "replace", pointer, value] = ["operator", "path", "value"].map((key) => policy.take(...path, key));
    return [defined({ op, path: pointer, value: op === "remove" ? undefined : value })];
  });
  return [
    ...each("imageOverrider", (one, path) => imageOf(policy, one, path)),
    ...each("argsOverrider", (_, path) => argsOf(policy, path)),
    ...each("labelsOverrider", metadata("labels")),
    ...each("annotationsOverrider", metadata("annotations")),
    ...(patches.length > 0 ? [{ patches }] : []),
  ];
}

function imageOf(policy: Source, one: Json, path: Path): readonly JsonObject[] {
  for (const key of ["component", "operator", "value"]) policy.take(...path, key);
  const [component, operator, value = ""] = ["component", "operator", "value"].map((key) => textAt(one, key));
  if (operator !== "replace" && operator !== "add") {
    policy.note(path, "no counterpart: a part of an image is replaced here, not removed");
    return [];
  }
  if (operator === "add" && component !== "Registry")
    policy.note(path, "what is added there behind the value replaces it here: check the result with `deploy diff`");
  if (component === "Registry") return [{ image: { registry: value } }];
  if (component === "Repository") return [{ image: { repository: value.replace(/^\//, "") } }];
  const digest = /^@?(sha256:.*)$/.exec(value)?.[1];
  return [{ image: digest === undefined ? { tag: value.replace(/^:/, "") } : { digest } }];
}

function argsOf(policy: Source, path: Path): readonly JsonObject[] {
  const [container, operator, value] = ["containerName", "operator", "value"].map((key) => policy.take(...path, key));
  return [{ args: defined({ container, [operator === "remove" ? "remove" : "append"]: value }) }];
}
