/** The template as one cluster gets it. All or nothing: any problem, and nothing is given out. Pure. */
import { guardedPath } from "../api/guarded-paths.ts";
import type { Override } from "../api/schema/overrides.ts";
import { podSpecPath } from "../interpret/pod-template.ts";
import { parsePointer } from "../json/pointer.ts";
import { applyJsonPatch, type PatchOperation } from "../json/rfc.ts";
import { type JsonObject, textAt } from "../json/value.ts";
import type { ClusterView } from "../placement/fleet.ts";
import { choiceOf } from "../placement/selector.ts";
import { applyMergePatch } from "./merge-patch.ts";
import { sugarWrites } from "./sugar.ts";
import { expandValue } from "./variables.ts";
import { overlapOf, type Write, writesOf } from "./writes.ts";

export interface OverrideProblem {
  readonly cluster: string;
  /** Index of the rule in `spec.overrides`. */
  readonly rule: number;
  /** `Deployment/web`, or undefined when it is about no one manifest. */
  readonly manifest: string | undefined;
  readonly message: string;
}

export type Overridden = { readonly manifests: readonly JsonObject[] } | { readonly problems: readonly OverrideProblem[] };

interface Draft {
  manifest: JsonObject;
  readonly name: string;
  readonly writes: Write[];
}

/**
 * Applies every rule that is for the cluster, in order; in each, patches, then merge, then image, env and args.
 * A problem: a variable without a value, an operation that cannot be done, a guarded place, a rule that matches no
 * manifest, or two rules that write one place.
 */
export function applyOverrides(manifests: readonly JsonObject[], rules: readonly Override[], cluster: ClusterView): Overridden {
  const drafts = manifests.map((manifest): Draft => ({ manifest, name: manifestName(manifest), writes: [] }));
  const problems: OverrideProblem[] = [];
  for (const [index, rule] of rules.entries()) {
    if (!isFor(rule, cluster)) continue;
    const report = (message: string, manifest?: string) =>
      problems.push({ cluster: cluster.name, rule: index, manifest, message });
    const expanded = expandRule(rule, cluster);
    if ("reason" in expanded) {
      report(expanded.reason);
      continue;
    }
    const targets = drafts.filter(({ manifest }) => isTarget(manifest, rule));
    if (targets.length === 0) report("matches no manifest of the template: name it with `target`");
    for (const draft of targets) {
      const reason = applyRule(draft, expanded.rule, index);
      if (reason !== undefined) report(reason, draft.name);
    }
  }
  return problems.length > 0 ? { problems } : { manifests: drafts.map(({ manifest }) => manifest) };
}

/** With neither names nor selector a rule is for all. */
function isFor({ clusters, clusterSelector }: Override, cluster: ClusterView): boolean {
  if (clusters === undefined && clusterSelector === undefined) return true;
  return choiceOf(clusters, clusterSelector)(cluster) === undefined;
}

function isTarget(manifest: JsonObject, { target }: Override): boolean {
  if (target === undefined) return podSpecPath(manifest) !== undefined;
  const { kind, name } = target;
  return (
    (kind === undefined || kind === textAt(manifest, "kind")) &&
    (name === undefined || name === textAt(manifest, "metadata", "name"))
  );
}

/** Patches with variables in paths and values replaced; the rest of the rule in values alone. */
function expandRule(rule: Override, cluster: ClusterView): { readonly rule: Override } | { readonly reason: string } {
  const { clusters: _names, clusterSelector: _selector, target: _target, ...parts } = rule;
  const expanded = expandValue(structuredClone(parts) as JsonObject, cluster);
  return "reason" in expanded ? expanded : { rule: expanded.value as unknown as Override };
}

/** Changes the draft, or says why not. */
function applyRule(draft: Draft, rule: Override, index: number): string | undefined {
  const patches = rule.patches as readonly PatchOperation[];
  const guarded = patches.flatMap(guardedPlaces)[0];
  if (guarded !== undefined) return `would change ${guarded}, which says which object it is`;
  const patched = patches.length === 0 ? { result: draft.manifest } : applyJsonPatch(draft.manifest, patches);
  if ("reason" in patched) return patched.reason;
  const merged = rule.merge === undefined ? patched.result : (applyMergePatch(patched.result, rule.merge) as JsonObject);
  if (manifestName(merged) !== draft.name) return "would make another object of it";
  const sugar = sugarWrites(merged, rule);
  const writes = writesOf(draft.manifest, { index, patches, merge: rule.merge }, sugar);
  const overlap = overlapOf(draft.writes, writes);
  if (overlap !== undefined)
    return `writes ${overlap.pointer}, which rule ${overlap.rules[0] + 1} of the overrides writes for this cluster as well`;
  const result = applyJsonPatch(
    merged,
    sugar.map(({ operation }) => operation),
  );
  if ("reason" in result) return result.reason;
  draft.manifest = result.result;
  draft.writes.push(...writes);
  return undefined;
}

/** Variables may have made a path that the check of the file could not see. */
function guardedPlaces({ op, path, from }: PatchOperation): readonly string[] {
  const places = [op === "test" ? undefined : path, op === "move" ? from : undefined];
  return places.flatMap((place) => (place === undefined ? [] : (guardedPath(parsePointer(place) ?? []) ?? [])));
}

/** `Deployment/web`, with the namespace where it has one. */
function manifestName(manifest: JsonObject): string {
  const namespace = textAt(manifest, "metadata", "namespace");
  return `${textAt(manifest, "kind") ?? "?"}/${namespace === undefined ? "" : `${namespace}/`}${textAt(manifest, "metadata", "name") ?? "?"}`;
}
