/** How a schema and a value are put into words, for problems that people read. Pure. */
import type { SchemaNode } from "./schema-node.ts";
import { didYouMean, orList, quoted } from "./text.ts";

/** `must be a whole number from 1 to 65535`, or the schema's own sentence. */
export function mustBe(schema: SchemaNode): string {
  return schema.patternErrorMessage ?? `must be ${describeSchema(schema)}`;
}

/** `must be file or consul, got "consol"; did you mean "consul"?` */
export function mustBeOneOf(allowed: readonly unknown[], value: unknown): string {
  const words = allowed.map(String);
  if (typeof value !== "string") return `must be ${orList(words)}, got ${describeValue(value, undefined)}`;
  return `must be ${orList(words)}, got ${quoted(value)}${didYouMean(value, words)}`;
}

/** What a schema takes: `text`, `a list`, `a map with certFile, keyFile`. */
export function describeSchema(schema: SchemaNode): string {
  if (schema.anyOf !== undefined) return orList([...new Set(schema.anyOf.map(describeSchema))]);
  if (schema.enum !== undefined) return orList(schema.enum.map(String));
  if (schema.const !== undefined) return String(schema.const);
  switch (schema.type) {
    case "object":
      return schema.required === undefined || schema.required.length === 0 ? "a map" : `a map with ${schema.required.join(", ")}`;
    case "array":
      return "a list";
    case "string":
      return "text";
    case "integer":
      return rangeText("a whole number", schema);
    case "number":
      return rangeText("a number", schema);
    case "boolean":
      return "true or false";
    default:
      return "a value";
  }
}

function rangeText(kind: string, { minimum, maximum }: SchemaNode): string {
  if (minimum !== undefined && maximum !== undefined) return `${kind} from ${minimum} to ${maximum}`;
  if (minimum !== undefined) return `${kind} of at least ${minimum}`;
  return maximum === undefined ? kind : `${kind} of at most ${maximum}`;
}

/**
 * What was found, where `expected` is the type that belongs there. Text found where a map or list belongs is not
 * repeated: it may be a secret written where a reference belongs.
 */
export function describeValue(value: unknown, expected: string | undefined): string {
  if (value === null || value === undefined) return "nothing";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "a map";
  if (typeof value === "string") return expected === "object" || expected === "array" ? "text" : `the text ${quoted(value)}`;
  const hint = expected === "string" ? " (put it in quotes)" : "";
  return `${typeof value === "number" ? `the number ${value}` : String(value)}${hint}`;
}

/** `unknown key; did you mean "listen"? Allowed here: listen, tls` */
export function unknownKey(key: string, allowed: readonly string[]): string {
  if (allowed.length === 0) return "unknown key: nothing is allowed here";
  const hint = didYouMean(key, allowed);
  return `unknown key${hint}${hint === "" ? "; allowed" : " Allowed"} here: ${allowed.toSorted().join(", ")}`;
}
