/** CEL (the Common Expression Language, as in Kubernetes' own policies): the one place that knows the package for it. Pure. */
import { type ASTNode, Environment } from "@marcbachmann/cel-js";
import { reasonOf } from "../../src/kernel/errors.ts";
import { isJsonObject, type Json, type JsonObject } from "../json/value.ts";

export type CelType = "bool" | "number" | "text";
export type CelValue = boolean | number | string | undefined;

/** Enough for a condition that people can read. */
const LIMITS = { maxAstNodes: 300, maxDepth: 30, maxListElements: 100, maxMapEntries: 100, maxCallArguments: 10 };
const MACROS: ReadonlySet<string> = new Set(["all", "exists", "exists_one", "filter", "map"]);
const TYPES: Readonly<Record<CelType, readonly string[]>> = {
  bool: ["bool", "dyn"],
  number: ["int", "double", "uint", "dyn"],
  text: ["string", "dyn"],
};

const environment = new Environment({ unlistedVariablesAreDyn: false, limits: LIMITS }).registerVariable("object", "map");

/**
 * An expression over `object`. Whole numbers are ints, as in Kubernetes. What cannot be worked out for an object, such as a field
 * that is missing, is undefined, and so is a value of another type. Throws a TypeError when it is no CEL, is of another type, or
 * might run for long: a comprehension within another, and regular expressions, are refused since objects of a cluster may be
 * made to be slow.
 */
export function compileCel(text: string, type: CelType): (object: JsonObject) => CelValue {
  // The package quotes the expression on further lines.
  const refuse = (reason: string) =>
    new TypeError(`${text} is no CEL expression of a ${type}: ${reason.split("\n", 1)[0] ?? ""}`);
  const program = parse(text, refuse);
  const checked = program.check();
  if (!checked.valid) throw refuse(reasonOf(checked.error));
  if (checked.type !== undefined && !TYPES[type].includes(checked.type)) throw refuse(`it is a ${checked.type}`);
  if (isCostly(program.ast, false)) throw refuse("a comprehension within another, or a regular expression, might run for long");
  return (object) => {
    try {
      return valueOfType(program({ object: withInts(object) }), type);
    } catch {
      // A field that is missing, a division by zero: for this object there is no value.
      return undefined;
    }
  };
}

function parse(text: string, refuse: (reason: string) => TypeError) {
  try {
    return environment.parse(text);
  } catch (error) {
    throw refuse(reasonOf(error));
  }
}

function valueOfType(value: unknown, type: CelType): CelValue {
  if (type === "number") return typeof value === "bigint" ? Number(value) : typeof value === "number" ? value : undefined;
  return typeof value === (type === "bool" ? "boolean" : "string") ? (value as CelValue) : undefined;
}

/** JSON knows one kind of number, CEL two: `3` must be an int, or `object.spec.replicas + 1` would have no meaning. */
function withInts(value: Json): unknown {
  if (typeof value === "number") return Number.isSafeInteger(value) ? BigInt(value) : value;
  if (Array.isArray(value)) return value.map(withInts);
  if (!isJsonObject(value)) return value;
  return new Map(Object.entries(value).map(([key, item]) => [key, withInts(item)]));
}

function isCostly(node: ASTNode, within: boolean): boolean {
  const macro = node.op === "rcall" && MACROS.has(node.args[0]);
  if (macro && within) return true;
  if ((node.op === "rcall" || node.op === "call") && node.args[0] === "matches") return true;
  return childrenOf(node.args).some((child) => isCostly(child, within || macro));
}

function childrenOf(args: unknown): readonly ASTNode[] {
  if (Array.isArray(args)) return args.flatMap(childrenOf);
  return typeof args === "object" && args !== null && "op" in args && "args" in args ? [args as ASTNode] : [];
}
