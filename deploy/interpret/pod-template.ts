/** Where the Pods of a workload are described. Pure. */
import { type Json, type JsonObject, listAt, textAt, valueAt } from "../json/value.ts";

/** Path of the PodSpec in the manifest, or undefined when it has none. Custom kinds that follow Deployment's form count. */
export function podSpecPath(manifest: JsonObject): readonly string[] | undefined {
  if (textAt(manifest, "kind") === "Pod" && textAt(manifest, "apiVersion") === "v1") return ["spec"];
  for (const path of [
    ["spec", "template", "spec"],
    ["spec", "jobTemplate", "spec", "template", "spec"],
  ])
    if (Array.isArray(valueAt(manifest, [...path, "containers"]))) return path;
  return undefined;
}

export interface Container {
  readonly path: readonly (string | number)[];
  readonly name: string;
  readonly value: Json;
}

/** Containers and init containers, each with its path in the manifest. */
export function containersOf(manifest: JsonObject): readonly Container[] {
  const pods = podSpecPath(manifest);
  if (pods === undefined) return [];
  return ["containers", "initContainers"].flatMap((list) =>
    listAt(manifest, ...pods, list).map((value, index) => ({
      path: [...pods, list, index],
      name: textAt(value, "name") ?? "",
      value,
    })),
  );
}
