/** JSON as data: what manifests are made of. Values are never changed in place. */

export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: Json;
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The value's own property, never one that it inherits: `__proto__` and `constructor` are keys like others. */
export function ownValue(value: Json | undefined, key: string): Json | undefined {
  return isJsonObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
}

/** Walks by keys and list indexes. Undefined when there is nothing at the path. */
export function valueAt(value: Json | undefined, path: readonly (string | number)[]): Json | undefined {
  let at = value;
  for (const part of path) at = Array.isArray(at) ? (at as readonly Json[])[Number(part)] : ownValue(at, String(part));
  return at;
}

/** A copy with another value at the path, which goes through objects alone; what is missing on the way is made. */
export function withValueAt(object: JsonObject, [key, ...rest]: readonly string[], value: Json): JsonObject {
  if (key === undefined) return object;
  const inner = ownValue(object, key);
  return withKey(object, key, rest.length === 0 ? value : withValueAt(isJsonObject(inner) ? inner : {}, rest, value));
}

/** The text at the path, or undefined when there is none or it is of another type. */
export function textAt(value: Json | undefined, ...path: (string | number)[]): string | undefined {
  const found = valueAt(value, path);
  return typeof found === "string" ? found : undefined;
}

/** The finite number at the path, or undefined. */
export function numberAt(value: Json | undefined, ...path: (string | number)[]): number | undefined {
  const found = valueAt(value, path);
  return typeof found === "number" && Number.isFinite(found) ? found : undefined;
}

/** The list at the path; empty when there is none. */
export function listAt(value: Json | undefined, ...path: (string | number)[]): readonly Json[] {
  const found = valueAt(value, path);
  return Array.isArray(found) ? found : [];
}

/** Equal as JSON: the order of keys does not count, that of lists does. */
export function jsonEqual(a: Json | undefined, b: Json | undefined): boolean {
  if (a === b) return true;
  if (Array.isArray(a))
    return Array.isArray(b) && a.length === b.length && a.every((item, index) => jsonEqual(item as Json, b[index]));
  if (!isJsonObject(a) || !isJsonObject(b)) return false;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && jsonEqual(a[key], b[key]));
}

/** A copy of the object with one own property set; `__proto__` becomes an own property as well. */
export function withKey(object: JsonObject, key: string, value: Json): JsonObject {
  const copy = Object.fromEntries(Object.entries(object));
  Object.defineProperty(copy, key, { value, enumerable: true, configurable: true, writable: true });
  return copy;
}

/** One text for every value that is equal as JSON: keys are sorted by code unit. For hashes. */
export function canonicalText(value: Json): string {
  if (Array.isArray(value)) return `[${value.map((item) => canonicalText(item as Json)).join(",")}]`;
  if (!isJsonObject(value)) return JSON.stringify(value);
  const parts = Object.keys(value)
    .toSorted()
    .map((key) => `${JSON.stringify(key)}:${canonicalText(value[key] as Json)}`);
  return `{${parts.join(",")}}`;
}
