/**
 * Which kinds a workload has in a cluster beside the common ones: kept there in a ConfigMap of the workload, so that an object
 * is found when its kind is in no template any more. Pure.
 */
import { compareText } from "../../src/kernel/compare.ts";
import { type JsonObject, textAt } from "../json/value.ts";
import { keyOf, keyText, type ObjectKey } from "./object-key.ts";
import { OWNED_KINDS } from "./owned-kinds.ts";
import { digest, marked, REVISION_ANNOTATION } from "./ownership.ts";

const PREFIX = "meshbridge-kinds-";
/** A Namespace that leaves a template stays on purpose: with it would go whatever else is in it. */
const COMMON: ReadonlySet<string> = new Set([...OWNED_KINDS, "/Namespace"]);

/** The ConfigMap of `namespace/name`. */
export function inventoryKey(workload: string): ObjectKey {
  const namespace = workload.slice(0, workload.indexOf("/"));
  return { group: "", kind: "ConfigMap", namespace, name: `${PREFIX}${digest(workload)}` };
}

export function isInventory({ group, kind, name }: ObjectKey): boolean {
  return group === "" && kind === "ConfigMap" && name.startsWith(PREFIX);
}

/** Whether a kind, `group/Kind`, is found only by an inventory. */
export function isRare(kind: string): boolean {
  return !COMMON.has(kind);
}

/** The kinds it names, as `group/Kind`; of a text that somebody broke, what can be read. */
export function kindsIn(inventory: JsonObject | undefined): readonly string[] {
  const lines = (textAt(inventory, "data", "kinds") ?? "").split("\n");
  return lines.filter((line) => /^[a-z0-9.-]*\/[A-Za-z][A-Za-z0-9]*$/.test(line));
}

/** Of a workload's objects in a cluster, by `keyText`: the kinds that its inventory there names. */
export function inventoryKinds(workload: string, objects: ReadonlyMap<string, JsonObject>): readonly string[] {
  return kindsIn(objects.get(keyText(inventoryKey(workload))));
}

/**
 * What is wanted with its inventory, when any kind of it is not common. Kinds that the inventory names already stay in it
 * until none is needed: one that left too early would be forgotten, and one more to look through costs one request.
 */
export function withInventory(
  wanted: readonly JsonObject[],
  workload: string,
  objects: ReadonlyMap<string, JsonObject> | undefined,
): readonly JsonObject[] {
  const rare = wanted
    .map(keyOf)
    .map(({ group, kind }) => `${group}/${kind}`)
    .filter(isRare);
  if (rare.length === 0) return wanted;
  const before = objects === undefined ? [] : inventoryKinds(workload, objects);
  const kinds = [...new Set([...rare, ...before])].toSorted(compareText);
  const { namespace, name } = inventoryKey(workload);
  const revision = textAt(wanted[0], "metadata", "annotations", REVISION_ANNOTATION) ?? "";
  const object = { apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace }, data: { kinds: kinds.join("\n") } };
  return [marked(object, workload, revision), ...wanted];
}
