/** Kinds that only their own operators know, told by JSON paths (RFC 9535) or CEL. Pure. */
import type { CustomKind, KindTest } from "../api/schema/interpret.ts";
import { parsePointer } from "../json/pointer.ts";
import { compilePath } from "../json/rfc.ts";
import { type JsonObject, jsonEqual, numberAt } from "../json/value.ts";
import type { Interpreter } from "./builtin.ts";
import { type CelType, compileCel } from "./cel.ts";
import { outdated, type WorkloadState } from "./workload-state.ts";

/** Throws a TypeError with the expression that cannot be compiled: it is checked when it is configured, not when it is used. */
export function customInterpreter(rule: CustomKind): Interpreter {
  const replicas =
    rule.replicas === undefined && rule.scale !== undefined
      ? numberAtPointer(rule.scale)
      : numberReader(rule.replicas ?? "$.spec.replicas");
  const updated = numberReader(rule.updatedReplicas ?? "$.status.updatedReplicas");
  const ready = numberReader(rule.readyReplicas ?? "$.status.readyReplicas");
  const observed = numberReader(rule.observedGeneration ?? "$.status.observedGeneration");
  const told = rule.message === undefined ? () => undefined : textReader(rule.message);
  const healthy = rule.healthy.map(tester);
  const degraded = rule.degraded.map(tester);
  return (object) => {
    const counts = { desired: replicas(object), updated: updated(object), ready: ready(object) };
    const [wanted, seen] = [numberAt(object, "metadata", "generation"), observed(object)];
    if (wanted !== undefined && seen !== undefined && seen < wanted)
      return { ...outdated({ desired: 0, updated: 0, ready: 0 }), ...counts };
    const state = (health: WorkloadState["health"], message: string): WorkloadState => ({
      health,
      message: told(object) ?? message,
      current: true,
      ...counts,
    });
    const failed = degraded.find(({ holds }) => holds(object));
    if (failed !== undefined) return state("Degraded", `${failed.text} holds`);
    const missing = healthy.find(({ holds }) => !holds(object));
    return missing === undefined
      ? state("Healthy", "all its conditions hold")
      : state("Progressing", `${missing.text} does not hold`);
  };
}

interface Tester {
  readonly text: string;
  /** False also when it cannot be told. */
  holds(object: JsonObject): boolean;
}

function tester({ path, equals, cel }: KindTest): Tester {
  if (cel !== undefined) {
    const evaluate = compileCel(cel, "bool");
    return { text: cel, holds: (object) => evaluate(object) === true };
  }
  if (path === undefined) throw new TypeError("a condition needs a path or cel");
  const find = compilePath(path);
  return {
    text: equals === undefined ? path : `${path} = ${JSON.stringify(equals)}`,
    holds: (object) => (equals === undefined ? find(object).length > 0 : find(object).some((value) => jsonEqual(value, equals))),
  };
}

function numberReader(text: string): (object: JsonObject) => number | undefined {
  const read = reader(text, "number");
  return (object) => {
    const value = read(object);
    return typeof value === "number" ? value : undefined;
  };
}

function textReader(text: string): (object: JsonObject) => string | undefined {
  const read = reader(text, "text");
  return (object) => {
    const value = read(object);
    return typeof value === "string" && value !== "" ? value.slice(0, 500) : undefined;
  };
}

function reader(text: string, type: CelType): (object: JsonObject) => unknown {
  if (!text.startsWith("$")) return compileCel(text, type);
  const find = compilePath(text);
  return (object) => find(object).find((value) => typeof value === (type === "number" ? "number" : "string"));
}

function numberAtPointer(pointer: string): (object: JsonObject) => number | undefined {
  const path = parsePointer(pointer) ?? [];
  return (object) => numberAt(object, ...path);
}
