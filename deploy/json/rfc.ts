/** JSON Patch (RFC 6902) and JSON Path (RFC 9535): the one place that knows the package for them. Nothing given is changed. */
import { type JSONValue, jsonpatch, jsonpath, type OpObject } from "json-p3";
import { reasonOf } from "../../src/kernel/errors.ts";
import { parsePointer } from "./pointer.ts";
import { isJsonObject, type Json, type JsonObject } from "./value.ts";

export interface PatchOperation {
  readonly op: "add" | "remove" | "replace" | "move" | "copy" | "test";
  readonly path: string;
  readonly from?: string;
  readonly value?: Json;
}

/** All operations in order, or the reason why one of them cannot be done. A result that is no object is refused. */
export function applyJsonPatch(
  document: JsonObject,
  operations: readonly PatchOperation[],
): { readonly result: JsonObject } | { readonly reason: string } {
  const hostile = operations.find(({ path, from }) => hasPrototype(path) || hasPrototype(from));
  if (hostile !== undefined) return { reason: `${hostile.path}: __proto__ is no field` };
  try {
    const result = jsonpatch.apply(structuredClone(operations) as OpObject[], structuredClone(document) as JSONValue) as Json;
    return isJsonObject(result) ? { result } : { reason: "the result is no object" };
  } catch (error) {
    // The package ends its sentences with "(replace:0)": the operation and its index.
    return { reason: reasonOf(error) };
  }
}

function hasPrototype(pointer: string | undefined): boolean {
  return pointer !== undefined && parsePointer(pointer)?.includes("__proto__") === true;
}

/** All values at the path, in the order of the document. Throws a TypeError with the text when it is no JSON path. */
export function compilePath(text: string): (value: Json) => readonly Json[] {
  try {
    const query = jsonpath.compile(text);
    return (value) => query.query(value as JSONValue).values() as readonly Json[];
  } catch (error) {
    throw new TypeError(`${text} is no JSON path: ${reasonOf(error)}`, { cause: error });
  }
}
