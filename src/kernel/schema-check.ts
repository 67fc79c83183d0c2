/**
 * Says in plain sentences how a value differs from a TypeBox schema. TypeBox itself answers yes or no and names the
 * failed keyword; people who edit a file need the expected form, what was found, and the key they probably meant.
 */
import type { TSchema } from "typebox";
import type { SchemaNode } from "./schema-node.ts";
import { describeSchema, describeValue, mustBe, mustBeOneOf, unknownKey } from "./schema-words.ts";
import { orList, type Path, quoted } from "./text.ts";

export interface SchemaProblem {
  readonly path: Path;
  /** Which of the two the problem is with. */
  readonly at: "key" | "value";
  readonly message: string;
}

type Problems = readonly SchemaProblem[];
type Map = Readonly<Record<string, unknown>>;

/**
 * Every problem of the value, in the order of the value's own keys. Empty exactly when TypeBox accepts the value, for
 * schemas made of objects, records, arrays, unions, enums, literals, strings, numbers, integers and booleans, with the
 * keywords of schema-node.ts and the format `uri`.
 */
export function checkSchema(schema: TSchema, value: unknown): Problems {
  return check(schema as SchemaNode, value, []);
}

const NONE: Problems = [];

function check(schema: SchemaNode, value: unknown, path: Path): Problems {
  if (schema.anyOf !== undefined) return checkUnion(schema.anyOf, value, path);
  if (schema.enum !== undefined || schema.const !== undefined) {
    const allowed = schema.enum ?? [schema.const];
    return allowed.includes(value) ? NONE : problem(path, mustBeOneOf(allowed, value));
  }
  if (!hasType(schema.type, value)) {
    // Quotes alone help where any text will do.
    const expected = schema.patternErrorMessage === undefined ? schema.type : undefined;
    return problem(path, `${mustBe(schema)}, got ${describeValue(value, expected)}`);
  }
  if (isMap(value)) return checkMap(schema, value, path);
  if (Array.isArray(value)) return checkList(schema, value, path);
  const message = typeof value === "string" ? stringProblem(schema, value) : numberProblem(schema, value);
  return message === undefined ? NONE : problem(path, message);
}

function problem(path: Path, message: string): Problems {
  return [{ path, at: "value", message }];
}

function checkMap(schema: SchemaNode, value: Map, path: Path): Problems {
  const found: SchemaProblem[] = [];
  const properties = schema.properties ?? {};
  for (const key of Object.keys(value)) {
    const known = Object.hasOwn(properties, key) ? properties[key] : patternSchema(schema, key);
    if (known !== undefined) found.push(...check(known, value[key], [...path, key]));
    else if (schema.additionalProperties === false)
      found.push({ path: [...path, key], at: "key", message: unknownKey(key, Object.keys(properties)) });
    else if (isMap(schema.additionalProperties)) found.push(...check(schema.additionalProperties, value[key], [...path, key]));
  }
  for (const key of schema.required ?? []) {
    if (Object.hasOwn(value, key)) continue;
    const wanted = properties[key];
    found.push(...problem([...path, key], wanted === undefined ? "is missing" : `is missing; it ${mustBe(wanted)}`));
  }
  return found;
}

function patternSchema({ patternProperties = {} }: SchemaNode, key: string): SchemaNode | undefined {
  return Object.entries(patternProperties).find(([pattern]) => new RegExp(pattern, "u").test(key))?.[1];
}

function checkList({ items, minItems, maxItems }: SchemaNode, value: readonly unknown[], path: Path): Problems {
  const found = items === undefined ? [] : value.flatMap((item, index) => check(items, item, [...path, index]));
  if (minItems !== undefined && value.length < minItems)
    found.push(...problem(path, minItems === 1 ? "must not be empty" : `must have at least ${minItems} items`));
  if (maxItems !== undefined && value.length > maxItems)
    found.push(...problem(path, `must have at most ${maxItems} items, got ${value.length}`));
  return found;
}

/** One problem for a union, or those of the one branch that was clearly meant: never a list of every branch's. */
function checkUnion(branches: readonly SchemaNode[], value: unknown, path: Path): Problems {
  const tag = tagOf(branches);
  if (tag !== undefined && isMap(value)) return checkTagged(branches, tag, value, path);
  const attempts = branches.map((branch) => check(branch, value, path));
  if (attempts.some((found) => found.length === 0)) return NONE;
  const meant = attempts.filter((_, index) => hasType(branches[index]?.type, value));
  return meant.length === 1 ? (meant[0] ?? NONE) : problem(path, unionMessage(branches, value));
}

function unionMessage(branches: readonly SchemaNode[], value: unknown): string {
  const literals = branches.flatMap(({ const: literal }) => (literal === undefined ? [] : [literal]));
  if (literals.length === branches.length) return mustBeOneOf(literals, value);
  const takesText = branches.some(({ type }) => type === "string");
  return `must be ${orList(branches.map(describeSchema))}, got ${describeValue(value, takesText ? "string" : "object")}`;
}

/** The property by which the branches of a union tell themselves apart: required in each, a literal in each. */
function tagOf(branches: readonly SchemaNode[]): string | undefined {
  const isTag = (key: string) =>
    branches.every(({ required, properties }) => required?.includes(key) && properties?.[key]?.const !== undefined);
  return branches[0]?.required?.find(isTag);
}

function checkTagged(branches: readonly SchemaNode[], tag: string, value: Map, path: Path): Problems {
  const literals = branches.map((branch) => branch.properties?.[tag]?.const);
  if (!Object.hasOwn(value, tag)) return problem([...path, tag], `is missing; it must be ${orList(literals.map(String))}`);
  const branch = branches[literals.indexOf(value[tag])];
  return branch === undefined ? problem([...path, tag], mustBeOneOf(literals, value[tag])) : check(branch, value, path);
}

function stringProblem(schema: SchemaNode, value: string): string | undefined {
  const { minLength, maxLength, pattern, format } = schema;
  if (pattern !== undefined && !new RegExp(pattern, "u").test(value))
    return `${schema.patternErrorMessage ?? `must match ${pattern}`}, got ${quoted(value)}`;
  if (minLength !== undefined && value.length < minLength) return "must not be empty";
  if (maxLength !== undefined && value.length > maxLength)
    return `must have at most ${maxLength} characters, got ${value.length}`;
  // The value is not shown: a URL may carry a password.
  if (format === "uri" && !(URL.canParse(value) && value.includes("://"))) return "must be a URL such as http://127.0.0.1:8500";
  return undefined;
}

function numberProblem(schema: SchemaNode, value: unknown): string | undefined {
  if (typeof value !== "number") return undefined;
  const { minimum = Number.NEGATIVE_INFINITY, maximum = Number.POSITIVE_INFINITY } = schema;
  return value < minimum || value > maximum ? `${mustBe(schema)}, got ${value}` : undefined;
}

function hasType(type: string | undefined, value: unknown): boolean {
  switch (type) {
    case undefined:
      return true;
    case "object":
      return isMap(value);
    case "array":
      return Array.isArray(value);
    case "integer":
      return Number.isInteger(value);
    case "number":
      return Number.isFinite(value);
    case "null":
      return value === null;
    default:
      return typeof value === type;
  }
}

function isMap(value: unknown): value is Map {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
