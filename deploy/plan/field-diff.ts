/**
 * Which fields of a live object are not as wanted, and who owns them. Only fields that are wanted, or that we own and
 * want no longer, count: whatever an API server or others have added is theirs. Pure.
 */
import { isJsonObject, type Json, type JsonObject, jsonEqual, ownValue } from "../json/value.ts";
import { matchItems } from "./list-items.ts";
import { below, fieldNames, hasKey, itemKeys, type Owned, ownersOf, setValues } from "./managed-fields.ts";
import { quantitiesEqual } from "./quantity.ts";

export interface FieldDiff {
  /** Keys and indexes in what is wanted; for what is removed, in the live object. */
  readonly path: readonly (string | number)[];
  readonly change: "set" | "remove";
  /** Undefined when the live object has nothing there. */
  readonly from: Json | undefined;
  readonly to: Json | undefined;
  /** Managers other than ours that own the field. */
  readonly owners: readonly string[];
  /** Whether we own it, that is, whether the live value is one that we gave it. */
  readonly ours: boolean;
}

interface Place {
  readonly path: readonly (string | number)[];
  readonly owners: readonly Owned[];
}

/** `manager` is our own field manager. */
export function diffFields(wanted: JsonObject, live: JsonObject, manager: string): readonly FieldDiff[] {
  const found: FieldDiff[] = [];
  const identity = new Set(["apiVersion", "kind"]);
  walkMap(wanted, live, { path: [], owners: ownersOf(live) }, { found, manager, skip: identity });
  return found;
}

interface Walk {
  readonly found: FieldDiff[];
  readonly manager: string;
  readonly skip: ReadonlySet<string>;
}

const NONE: ReadonlySet<string> = new Set();

function walk(wanted: Json, live: Json | undefined, place: Place, context: Walk): void {
  // In a manifest null means that nothing is wanted there.
  if (wanted === null || (live === undefined && isDropped(wanted, place.path))) return;
  if (isJsonObject(wanted) && isJsonObject(live)) walkMap(wanted, live, place, { ...context, skip: NONE });
  else if (Array.isArray(wanted) && Array.isArray(live)) walkList(wanted, live, place, context);
  else if (!scalarsEqual(wanted, live, place.path)) report("set", live, wanted, place, context);
}

function walkMap(wanted: JsonObject, live: JsonObject, { path, owners }: Place, context: Walk): void {
  for (const [key, value] of Object.entries(wanted)) {
    if (context.skip.has(key)) continue;
    walk(value, ownValue(live, key), { path: [...path, key], owners: below(owners, `f:${key}`) }, context);
  }
  const ours = owners.find(({ manager }) => manager === context.manager);
  for (const name of ours === undefined ? [] : fieldNames(ours)) {
    if ((ownValue(wanted, name) ?? null) !== null || ownValue(live, name) === undefined) continue;
    report("remove", ownValue(live, name), undefined, { path: [...path, name], owners: below(owners, `f:${name}`) }, context);
  }
}

function walkList(wanted: readonly Json[], live: readonly Json[], place: Place, context: Walk): void {
  const { path, owners } = place;
  const ours = owners.find(({ manager }) => manager === context.manager);
  const keys = itemKeys(owners);
  const matches = matchItems(wanted, live, keys, path);
  if (matches !== undefined) {
    for (const [index, { item, at, part }] of matches.entries()) {
      const inside = { path: [...path, index], owners: part === undefined ? [] : below(owners, part) };
      walk(item, at === undefined ? undefined : live[at], inside, context);
    }
    const kept = new Set(matches.map(({ at }) => at));
    const ownKeys = ours === undefined || kept.size === live.length ? [] : itemKeys([ours]);
    for (const [index, item] of live.entries()) {
      const mine = kept.has(index) ? undefined : ownKeys.find(({ key }) => hasKey(item, key));
      if (mine !== undefined)
        report("remove", item, undefined, { path: [...path, index], owners: below(owners, mine.part) }, context);
    }
    return;
  }
  const sets = owners.flatMap((owner) => setValues(owner));
  if (sets.length > 0) {
    const missing = wanted.filter((item) => !live.some((other) => jsonEqual(item, other)));
    const left = ours === undefined ? [] : setValues(ours).filter((item) => !wanted.some((other) => jsonEqual(item, other)));
    if (missing.length > 0 || left.some((item) => live.some((other) => jsonEqual(item, other))))
      report("set", live, wanted, place, context);
    return;
  }
  const same = wanted.length === live.length && wanted.every((item, index) => covers(item, live[index], path));
  if (!same) report("set", live, wanted, place, context);
}

/** Whether the live value has all that is wanted: an API server fills defaults into the items of a list as well. */
function covers(wanted: Json, live: Json | undefined, path: Place["path"]): boolean {
  if (isJsonObject(wanted) && isJsonObject(live))
    return Object.entries(wanted).every(([key, value]) => {
      const [found, at] = [ownValue(live, key), [...path, key]];
      return value === null || (found === undefined && isDropped(value, at)) || covers(value, found, at);
    });
  if (Array.isArray(wanted) && Array.isArray(live))
    return wanted.length === live.length && wanted.every((item, index) => covers(item as Json, live[index] as Json, path));
  return scalarsEqual(wanted, live, path);
}

/** Maps of texts that an API server leaves out when they are empty; other empty maps mean something, such as `emptyDir`. */
const TEXT_MAPS = new Set([
  "labels",
  "annotations",
  "nodeSelector",
  "matchLabels",
  "data",
  "binaryData",
  "stringData",
  "limits",
  "requests",
]);

/** Whether an API server keeps nothing of it: it would be a difference for ever, and a write with every pass. */
function isDropped(wanted: Json, path: Place["path"]): boolean {
  if (Array.isArray(wanted)) return wanted.length === 0;
  return isJsonObject(wanted) && Object.keys(wanted).length === 0 && TEXT_MAPS.has(String(path.at(-1)));
}

const QUANTITIES = new Set(["limits", "requests", "capacity", "hard", "sizeLimit", "averageValue", "storage"]);

function scalarsEqual(wanted: Json, live: Json | undefined, path: Place["path"]): boolean {
  if (jsonEqual(wanted, live)) return true;
  if (live === undefined || isJsonObject(wanted) || isJsonObject(live) || Array.isArray(wanted) || Array.isArray(live))
    return false;
  return path.slice(-2).some((part) => QUANTITIES.has(String(part))) && quantitiesEqual(String(wanted), String(live));
}

function report(
  change: FieldDiff["change"],
  from: Json | undefined,
  to: Json | undefined,
  { path, owners }: Place,
  { found, manager }: Walk,
): void {
  const others = owners.filter((owner) => owner.manager !== manager).map((owner) => owner.manager);
  found.push({
    path,
    change,
    from,
    to,
    owners: [...new Set(others)].toSorted(),
    ours: owners.some((owner) => owner.manager === manager),
  });
}
