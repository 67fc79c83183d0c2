/** Kinds that only their own operators know, told by JSON paths (RFC 9535). Pure. */
import { type Static, Type } from "typebox";
import { anyValue, strict } from "../api/schema/common.ts";
import { compilePath } from "../json/rfc.ts";
import { type JsonObject, jsonEqual } from "../json/value.ts";
import type { Interpreter } from "./builtin.ts";
import { outdated, type WorkloadState } from "./workload-state.ts";

const path = (description: string) =>
  Type.String({
    pattern: "^\\$",
    patternErrorMessage: "must be a JSON path that begins with $",
    title: "JSON path",
    description,
  });

const TestSchema = Type.Object(
  {
    path: path("What is looked at."),
    equals: Type.Optional(anyValue("What one of the values found must be. Default: something is found.")),
  },
  { ...strict, description: "A condition on the object." },
);

const CustomKindSchema = Type.Object(
  {
    group: Type.String({ description: "The API group; empty for the core." }),
    kind: Type.String({ minLength: 1, description: "The kind." }),
    replicas: Type.Optional(path("Where the wanted replicas stand; default $.spec.replicas.")),
    updatedReplicas: Type.Optional(path("Replicas of the newest spec; default $.status.updatedReplicas.")),
    readyReplicas: Type.Optional(path("Ready replicas; default $.status.readyReplicas.")),
    observedGeneration: Type.Optional(path("Generation its status is about; default $.status.observedGeneration.")),
    healthy: Type.Array(TestSchema, { minItems: 1, description: "All must hold for it to be healthy." }),
    degraded: Type.Array(TestSchema, { default: [], description: "Any of these, and it has failed." }),
  },
  { ...strict, description: "How a custom kind is read." },
);
export type CustomKind = Static<typeof CustomKindSchema>;

/** Throws a TypeError with the path that cannot be compiled: a path is checked when it is configured, not when it is used. */
export function customInterpreter(rule: CustomKind): Interpreter {
  const replicas = numberReader(rule.replicas ?? "$.spec.replicas");
  const updated = numberReader(rule.updatedReplicas ?? "$.status.updatedReplicas");
  const ready = numberReader(rule.readyReplicas ?? "$.status.readyReplicas");
  const observed = numberReader(rule.observedGeneration ?? "$.status.observedGeneration");
  const generation = numberReader("$.metadata.generation");
  const healthy = rule.healthy.map(tester);
  const degraded = rule.degraded.map(tester);
  return (object) => {
    const counts = { desired: replicas(object), updated: updated(object), ready: ready(object) };
    const [wanted, seen] = [generation(object), observed(object)];
    if (wanted !== undefined && seen !== undefined && seen < wanted)
      return { ...outdated({ desired: 0, updated: 0, ready: 0 }), ...counts };
    const state = (health: WorkloadState["health"], message: string): WorkloadState => ({
      health,
      message,
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

function tester({ path: text, equals }: CustomKind["healthy"][number]) {
  const find = compilePath(text);
  return {
    text: equals === undefined ? text : `${text} = ${JSON.stringify(equals)}`,
    holds: (object: JsonObject) =>
      equals === undefined ? find(object).length > 0 : find(object).some((value) => jsonEqual(value, equals)),
  };
}

function numberReader(text: string): (object: JsonObject) => number | undefined {
  const find = compilePath(text);
  return (object) => find(object).find((value) => typeof value === "number");
}
