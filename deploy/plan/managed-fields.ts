/**
 * Who owns which field of an object, from `metadata.managedFields` (Kubernetes, server-side apply, FieldsV1). Pure.
 */
import { isJsonObject, type Json, type JsonObject, jsonEqual, listAt, ownValue, textAt } from "../json/value.ts";

/** One manager's fields below some place. */
export interface Owned {
  readonly manager: string;
  /** FieldsV1: `f:NAME`, `k:{…}`, `v:…`; an empty map owns the place itself. */
  readonly fields: JsonObject;
}

/** Entries about a subresource such as `status` are left out: we never write those. */
export function ownersOf(live: JsonObject): readonly Owned[] {
  return listAt(live, "metadata", "managedFields").flatMap((entry): readonly Owned[] => {
    const fields = ownValue(entry, "fieldsV1");
    const subresource = textAt(entry, "subresource") ?? "";
    const manager = textAt(entry, "manager");
    // An autoscaler writes replicas through the subresource `scale`: that is a field of the object itself.
    return isJsonObject(fields) && manager !== undefined && subresource !== "status" ? [{ manager, fields }] : [];
  });
}

/** What of it is below the field. */
export function below(owners: readonly Owned[], part: string): readonly Owned[] {
  return owners.flatMap(({ manager, fields }) => {
    const found = ownValue(fields, part);
    return isJsonObject(found) ? [{ manager, fields: found }] : [];
  });
}

/** The maps of key fields by which a list's items are told apart; empty when nobody owns items of it one by one. */
export function itemKeys(owners: readonly Owned[]): readonly { readonly part: string; readonly key: JsonObject }[] {
  const found = new Map<string, JsonObject>();
  for (const { fields } of owners)
    for (const part of Object.keys(fields)) {
      if (!part.startsWith("k:") || found.has(part)) continue;
      const key = parsed(part.slice(2));
      if (isJsonObject(key)) found.set(part, key);
    }
  return [...found].map(([part, key]) => ({ part, key }));
}

/** Values that the manager owns in a list that is a set. */
export function setValues({ fields }: Owned): readonly Json[] {
  return Object.keys(fields).flatMap((part) => {
    const value = part.startsWith("v:") ? parsed(part.slice(2)) : undefined;
    return value === undefined ? [] : [value];
  });
}

/** Names of the fields that the manager owns directly below. */
export function fieldNames({ fields }: Owned): readonly string[] {
  return Object.keys(fields).flatMap((part) => (part.startsWith("f:") ? [part.slice(2)] : []));
}

/** True when the item has these values in its key fields. */
export function hasKey(item: Json | undefined, key: JsonObject): boolean {
  return Object.entries(key).every(([name, value]) => jsonEqual(ownValue(item, name), value));
}

function parsed(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    // Not JSON: no API server writes that, so nobody owns it.
    return undefined;
  }
}
