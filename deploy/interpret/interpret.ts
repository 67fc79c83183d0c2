/** Reads any object: built-in kinds, configured ones, and by the conventions of Kubernetes what is left. Pure. */

import type { CustomKind } from "../api/schema/interpret.ts";
import { type JsonObject, numberAt, textAt } from "../json/value.ts";
import { BUILT_IN, conditionOf, type Interpreter } from "./builtin.ts";
import { customInterpreter } from "./custom-kind.ts";
import { NO_COUNTS, outdated, type WorkloadState } from "./workload-state.ts";

/** Configured kinds win over built-in ones. Throws a TypeError for an expression that is none. */
export function interpreterOf(customKinds: readonly CustomKind[]): Interpreter {
  const known = new Map(BUILT_IN);
  for (const rule of customKinds) known.set(`${rule.group}/${rule.kind}`, customInterpreter(rule));
  return (object) => (known.get(kindKey(object)) ?? byConvention)(object);
}

/** `apps/Deployment`, `/Pod`: group and kind, without the version. */
export function kindKey(object: JsonObject): string {
  const apiVersion = textAt(object, "apiVersion") ?? "";
  const slash = apiVersion.indexOf("/");
  return `${slash < 0 ? "" : apiVersion.slice(0, slash)}/${textAt(object, "kind") ?? ""}`;
}

/** Ready or Available as conditions where there are any; an object without conditions is well when it is there. */
function byConvention(object: JsonObject): WorkloadState {
  const generation = numberAt(object, "metadata", "generation");
  const observed = numberAt(object, "status", "observedGeneration");
  if (generation !== undefined && observed !== undefined && observed < generation)
    return { ...outdated({ desired: 0, updated: 0, ready: 0 }), ...NO_COUNTS };
  for (const type of ["Ready", "Available"]) {
    const { status, message } = conditionOf(object, type);
    if (status === "") continue;
    const health = status === "True" ? "Healthy" : status === "False" ? "Progressing" : "Unknown";
    return { health, message: `${type} is ${status}${message === "" ? "" : `: ${message}`}`, current: true, ...NO_COUNTS };
  }
  return { health: "Healthy", message: "it is there", current: true, ...NO_COUNTS };
}
