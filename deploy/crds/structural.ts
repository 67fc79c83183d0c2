/**
 * JSON Schema as TypeBox writes it, as Kubernetes' structural schema (apiextensions.k8s.io/v1): other words for the same. Pure.
 * What Kubernetes has no word for is a TypeError here, so that nothing is left out in silence.
 */
import type { SchemaNode } from "../../src/kernel/schema-node.ts";
import type { JsonObject } from "../json/value.ts";
import type { Rules } from "./rules.ts";

/** Bounds and forms that both have. */
const SAME = ["default", "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "pattern"] as const;
/** Editors' words, and those read by name below. */
const KNOWN = new Set<string>([
  ...SAME,
  ...["type", "description", "const", "enum", "anyOf", "items", "properties", "patternProperties", "required"],
  ...["additionalProperties", "title", "patternErrorMessage", "format"],
]);
/** Without bounds the API server must take the worst for granted, and refuses rules on it. */
const MAX_ENTRIES = 10_000;
const MAX_TEXT = 1024;

/** `path` begins with the kind's field, such as `spec`; lists and maps add nothing to it. */
export function structural(schema: unknown, rules: Rules, path: readonly string[]): JsonObject {
  const node = schema as SchemaNode;
  const unknown = Object.keys(node).find((key) => !KNOWN.has(key) && !key.startsWith("~"));
  if (unknown !== undefined) throw new TypeError(`${path.join(".")}: no word for ${unknown}`);
  const rule = rules.get(path.join("."));
  return {
    ...(node.description !== undefined && { description: node.description }),
    ...form(node, rules, path),
    ...(rule !== undefined && { "x-kubernetes-validations": rule.map(([text, message]) => ({ rule: text, message })) }),
  };
}

function form(node: SchemaNode, rules: Rules, path: readonly string[]): JsonObject {
  const same = sameWords(node);
  if (node.anyOf !== undefined) return { ...same, ...choice(node.anyOf, path) };
  if (node.const !== undefined) return { ...same, type: "string", enum: [String(node.const)] };
  if (node.enum !== undefined) return { ...same, type: "string", enum: node.enum.map(String) };
  switch (node.type) {
    case "object":
      return { ...same, ...map(node, rules, path) };
    case "array":
      return {
        maxItems: MAX_ENTRIES,
        ...same,
        type: "array",
        items: structural(node.items, rules, path),
        ...(rules.keyed.has(path.join(".")) && { "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"] }),
      };
    case undefined:
      return { ...same, "x-kubernetes-preserve-unknown-fields": true };
    case "string":
      return { maxLength: MAX_TEXT, ...same, type: "string" };
    default:
      return { ...same, type: node.type, ...(node.type === "integer" && { format: "int64" }) };
  }
}

/** Either a number or a text, or something that may be null: Kubernetes knows no other choices. */
function choice(options: readonly SchemaNode[], path: readonly string[]): JsonObject {
  const others = options.filter(({ type }) => type !== "null");
  const [first, second] = others.toSorted((a, b) => (a.type ?? "").localeCompare(b.type ?? ""));
  if (others.length === 1 && first !== undefined) return { ...form(first, NO_RULES, path), nullable: true };
  if (others.length !== 2 || first?.type !== "integer" || second?.type !== "string")
    throw new TypeError(`${path.join(".")}: no word for this choice`);
  return { ...sameWords(first), ...sameWords(second), "x-kubernetes-int-or-string": true };
}

function sameWords(node: SchemaNode): JsonObject {
  const words = node as Readonly<Record<string, unknown>>;
  return Object.fromEntries(SAME.flatMap((key) => (words[key] === undefined ? [] : [[key, words[key]]]))) as JsonObject;
}

const NO_RULES = Object.assign(new Map<string, never>(), { keyed: new Set<string>() });

function map(node: SchemaNode, rules: Rules, path: readonly string[]): JsonObject {
  const [values] = Object.values(node.patternProperties ?? {});
  if (values !== undefined)
    return { type: "object", maxProperties: MAX_ENTRIES, additionalProperties: structural(values, rules, path) };
  if (node.additionalProperties === true) return { type: "object", "x-kubernetes-preserve-unknown-fields": true };
  const properties = Object.entries(node.properties ?? {}).map(([key, child]) => [key, structural(child, rules, [...path, key])]);
  return {
    type: "object",
    properties: Object.fromEntries(properties) as JsonObject,
    ...(node.required !== undefined && node.required.length > 0 && { required: node.required }),
  };
}
