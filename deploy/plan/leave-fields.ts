/**
 * Fields that are others': left out of what we apply once somebody else owns them, and sent as they are until then, for
 * a sole owner who stops sending a field makes it fall back to its default (replicas to 1). Pure.
 */
import { isJsonObject, type Json, type JsonObject, jsonEqual, ownValue } from "../json/value.ts";
import { matchItems } from "./list-items.ts";
import { below, itemKeys, type Owned, ownersOf } from "./managed-fields.ts";

export interface LeaveRule {
  /** Our field manager; empty: what is named is left out whoever owns it. */
  readonly manager: string;
  /** Places in what is wanted; `*` stands for any one part. */
  readonly ignored: readonly (readonly (string | number)[])[];
}

/** What is to be applied. */
export function leaveFields(wanted: JsonObject, live: JsonObject, { manager, ignored }: LeaveRule): JsonObject {
  if (ignored.length === 0) return wanted;
  const result = leave(wanted, live, { patterns: ignored, owners: ownersOf(live), name: "" }, manager);
  return isJsonObject(result) ? result : wanted;
}

interface Place {
  readonly patterns: LeaveRule["ignored"];
  readonly owners: readonly Owned[];
  /** Name of the field that holds the value. */
  readonly name: string;
}

/** Undefined: nothing is sent. */
function leave(wanted: Json, live: Json | undefined, place: Place, manager: string): Json | undefined {
  if (place.patterns.some((pattern) => pattern.length === 0)) {
    const foreign = place.owners.some((owner) => owner.manager !== manager);
    return manager === "" || foreign ? undefined : (live ?? wanted);
  }
  if (place.patterns.length === 0 || live === undefined) return wanted;
  if (isJsonObject(wanted)) {
    const entries = Object.entries(wanted).flatMap(([key, value]) => {
      const inside = { patterns: deeper(place.patterns, key), owners: below(place.owners, `f:${key}`), name: key };
      const left = leave(value, ownValue(live, key), inside, manager);
      return left === undefined ? [] : [[key, left] as const];
    });
    return Object.fromEntries(entries);
  }
  if (Array.isArray(wanted) && Array.isArray(live)) return leaveItems(wanted, live, place, manager);
  return wanted;
}

function leaveItems(wanted: readonly Json[], live: readonly Json[], place: Place, manager: string): Json {
  const matches = matchItems(wanted, live, itemKeys(place.owners), [place.name]);
  return wanted.flatMap((item, index) => {
    const match = matches?.[index];
    const at = matches === undefined ? index : match?.at;
    const owners = match?.part === undefined ? [] : below(place.owners, match.part);
    const left = leave(
      item,
      at === undefined ? undefined : live[at],
      { patterns: deeper(place.patterns, index), owners, name: "" },
      manager,
    );
    return left === undefined ? [] : [left];
  });
}

function deeper(patterns: Place["patterns"], part: string | number): Place["patterns"] {
  return patterns.flatMap((pattern) =>
    pattern[0] === "*" || jsonEqual(String(pattern[0]), String(part)) ? [pattern.slice(1)] : [],
  );
}
