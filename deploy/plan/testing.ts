/** Server-side apply in memory, as far as the planner's rules need it: merges, and keeps managed fields. For tests. */
import type { Policy } from "../api/schema/workload.ts";
import { isJsonObject, type Json, type JsonObject, ownValue, valueAt, withKey } from "../json/value.ts";
import type { PlannedAction } from "./types.ts";

/** What a workload has that says nothing. */
export const POLICY: Policy = {
  whenAlreadyExists: "TakeOverIfNoDiff",
  whenDrifted: "Correct",
  whenDeleted: "CleanUp",
  ignoreFields: [],
  dependencies: "Ignore",
};

const KEYS: Readonly<Record<string, readonly string[]>> = {
  containers: ["name"],
  env: ["name"],
  ports: ["containerPort", "protocol"],
};

/** The object after `manager` has applied the manifest by force. */
export function applied(live: JsonObject | undefined, manifest: JsonObject, manager: string): JsonObject {
  const entries = (valueAt(live, ["metadata", "managedFields"]) ?? []) as readonly JsonObject[];
  const mine = ownFields(manifest, "");
  const before = entries.find((entry) => entry["manager"] === manager);
  const removed = live === undefined ? {} : drop(live, (before?.["fieldsV1"] ?? {}) as JsonObject, mine, "");
  const merged = merge(removed, manifest, "") as JsonObject;
  const others = entries.filter((entry) => entry["manager"] !== manager).map((entry) => disown(entry, live ?? {}, manifest));
  const managedFields = [...others, { manager, operation: "Apply", fieldsV1: mine }];
  return withKey(merged, "metadata", { ...(merged["metadata"] as JsonObject), managedFields });
}

/** The object after somebody has changed one top-level field of spec by an ordinary update. */
export function updated(live: JsonObject, field: string, value: Json, manager: string): JsonObject {
  const entries = (valueAt(live, ["metadata", "managedFields"]) ?? []) as readonly JsonObject[];
  const without = entries.map((entry) => {
    const fields = entry["fieldsV1"] as JsonObject;
    const spec = Object.fromEntries(
      Object.entries((fields["f:spec"] ?? {}) as JsonObject).filter(([key]) => key !== `f:${field}`),
    );
    return { ...entry, fieldsV1: { ...fields, "f:spec": spec } };
  });
  const managedFields = [...without, { manager, operation: "Update", fieldsV1: { "f:spec": { [`f:${field}`]: {} } } }];
  const spec = { ...(live["spec"] as JsonObject), [field]: value };
  return { ...live, spec, metadata: { ...(live["metadata"] as JsonObject), managedFields } };
}

/** The objects of a cluster after the action. */
export function afterAction(objects: Map<string, JsonObject>, text: string, action: PlannedAction, manager: string): void {
  if (action.verb === "delete") objects.delete(text);
  if ((action.verb === "create" || action.verb === "update") && action.manifest !== undefined)
    objects.set(text, applied(objects.get(text), action.manifest, manager));
}

function keyParts(item: Json, name: string): string | undefined {
  // Ports of a Service are told apart by another field than those of a container.
  const names = name === "ports" && ownValue(item, "port") !== undefined ? ["port", "protocol"] : KEYS[name];
  if (names === undefined) return undefined;
  return `k:${JSON.stringify(Object.fromEntries(names.map((key) => [key, ownValue(item, key) ?? (key === "protocol" ? "TCP" : null)])))}`;
}

function ownFields(value: Json, name: string): JsonObject {
  if (Array.isArray(value) && KEYS[name] !== undefined)
    return Object.fromEntries(value.map((item) => [keyParts(item as Json, name) ?? "", ownFields(item as Json, "")]));
  if (!isJsonObject(value)) return {};
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, item]) => (item === null ? [] : [[`f:${key}`, ownFields(item, key)] as const])),
  );
}

function merge(live: Json | undefined, wanted: Json, name: string): Json {
  if (Array.isArray(wanted) && Array.isArray(live) && KEYS[name] !== undefined) {
    const rest = live.filter((item) => !wanted.some((other) => keyParts(other as Json, name) === keyParts(item as Json, name)));
    const items = wanted.map((item) => {
      const old = live.find((other) => keyParts(other as Json, name) === keyParts(item as Json, name));
      return merge(old as Json | undefined, withProtocol(item as Json, name), "");
    });
    return [...items, ...(rest as Json[])];
  }
  if (!isJsonObject(wanted) || !isJsonObject(live)) return filled(wanted, name);
  let result: JsonObject = live;
  for (const [key, value] of Object.entries(wanted))
    if (value !== null) result = withKey(result, key, merge(ownValue(result, key), value, key));
  return result;
}

/** Nulls are nothing, and ports get their protocol. */
function filled(value: Json, name: string): Json {
  if (Array.isArray(value)) return value.map((item) => filled(withProtocol(item as Json, name), ""));
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, item]) => (item === null ? [] : [[key, filled(item, key)] as const])),
  );
}

function withProtocol(item: Json, list: string): Json {
  return list === "ports" && isJsonObject(item) ? { protocol: "TCP", ...item } : item;
}

/** Without what was owned before and is no longer. */
function drop(live: Json, before: JsonObject, now: JsonObject, name: string): Json {
  if (Array.isArray(live) && KEYS[name] !== undefined)
    return live.flatMap((item) => {
      const part = keyParts(item as Json, name) ?? "";
      const [had, has] = [ownValue(before, part), ownValue(now, part)];
      if (isJsonObject(had) && has === undefined) return [];
      return isJsonObject(had) && isJsonObject(has) ? [drop(item as Json, had, has, "")] : [item as Json];
    });
  if (!isJsonObject(live)) return live;
  return Object.fromEntries(
    Object.entries(live).flatMap(([key, value]) => {
      const [had, has] = [ownValue(before, `f:${key}`), ownValue(now, `f:${key}`)];
      if (isJsonObject(had) && has === undefined) return [];
      return [[key, isJsonObject(had) && isJsonObject(has) ? drop(value, had, has, key) : value] as const];
    }),
  );
}

/** A forced apply takes fields whose value it changes; only spec's own fields are told apart here. */
function disown(entry: JsonObject, live: JsonObject, manifest: JsonObject): JsonObject {
  const fields = entry["fieldsV1"] as JsonObject;
  const spec = (fields["f:spec"] ?? {}) as JsonObject;
  const kept = Object.entries(spec).filter(([part]) => {
    const wanted = valueAt(manifest, ["spec", part.slice(2)]);
    return wanted === undefined || JSON.stringify(wanted) === JSON.stringify(valueAt(live, ["spec", part.slice(2)]));
  });
  return { ...entry, fieldsV1: { ...fields, "f:spec": Object.fromEntries(kept) } };
}
