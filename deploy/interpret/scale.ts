/** Where a manifest's replicas stand. Pure. */
import type { CustomKind } from "../api/schema/interpret.ts";
import { parsePointer } from "../json/pointer.ts";
import { type JsonObject, numberAt, textAt } from "../json/value.ts";
import { kindKey } from "./interpret.ts";
import { podSpecPath } from "./pod-template.ts";

/** Kinds that have replicas by themselves. */
const SCALED: ReadonlySet<string> = new Set(["apps/Deployment", "apps/StatefulSet", "apps/ReplicaSet"]);
const REPLICAS = ["spec", "replicas"];

/**
 * The path of the replicas that may be set; undefined: it has none. A custom kind says it by `scale`; without, it counts when
 * it has a Pod template and a number in spec.replicas.
 */
export function scalePath(manifest: JsonObject, kinds: readonly CustomKind[]): readonly string[] | undefined {
  const rule = ruleOf(manifest, kinds);
  if (rule?.scale !== undefined) return parsePointer(rule.scale);
  if (podSpecPath(manifest) === undefined) return undefined;
  const scaled = SCALED.has(kindKey(manifest)) || numberAt(manifest, ...REPLICAS) !== undefined;
  return scaled ? REPLICAS : undefined;
}

/** The number of replicas that it is told to have, as far as it says; where nothing says otherwise, at spec.replicas. */
export function replicasAt(manifest: JsonObject | undefined, kinds: readonly CustomKind[]): number | undefined {
  return manifest === undefined ? undefined : numberAt(manifest, ...(scalePath(manifest, kinds) ?? REPLICAS));
}

function ruleOf(manifest: JsonObject, kinds: readonly CustomKind[]): CustomKind | undefined {
  const kind = textAt(manifest, "kind");
  return kinds.find((one) => one.kind === kind && `${one.group}/${one.kind}` === kindKey(manifest));
}
