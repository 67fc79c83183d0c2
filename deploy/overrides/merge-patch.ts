/** JSON merge patches (RFC 7386). Pure. */
import { isJsonObject, type Json, type JsonObject, ownValue, withKey } from "../json/value.ts";

/** Maps are merged, null removes, everything else replaces. Nothing given is changed. */
export function applyMergePatch(target: Json | undefined, patch: Json): Json {
  if (!isJsonObject(patch)) return patch;
  let result: JsonObject = isJsonObject(target) ? target : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) result = Object.fromEntries(Object.entries(result).filter(([name]) => name !== key));
    else result = withKey(result, key, applyMergePatch(ownValue(result, key), value));
  }
  return result;
}

/** The paths a merge patch writes, each with null where it removes. An empty map writes its own path. */
export function mergeWrites(patch: JsonObject, above: readonly string[] = []): readonly (readonly string[])[] {
  return Object.entries(patch).flatMap(([key, value]) =>
    isJsonObject(value) && Object.keys(value).length > 0 ? mergeWrites(value, [...above, key]) : [[...above, key]],
  );
}
