/** Which places of a manifest a rule writes, and which two rules write the same one. Pure. */
import type { Override } from "../api/schema/overrides.ts";
import { parsePointer, pointersOverlap, pointerText } from "../json/pointer.ts";
import type { PatchOperation } from "../json/rfc.ts";
import { type Json, type JsonObject, textAt, valueAt } from "../json/value.ts";
import { mergeWrites } from "./merge-patch.ts";
import type { SugarWrite } from "./sugar.ts";

export interface Write {
  /** Keys and indexes; items of a list that have a name stand as `name=NAME`, whatever their index. */
  readonly path: readonly (string | number)[];
  /** Index of the rule in `spec.overrides`. */
  readonly rule: number;
}

/** Every place the rule writes in the manifest as it is now. */
export function writesOf(
  manifest: JsonObject,
  rule: { readonly index: number; readonly patches: readonly PatchOperation[]; readonly merge: Override["merge"] | undefined },
  sugar: readonly SugarWrite[],
): readonly Write[] {
  const paths: (readonly (string | number)[])[] = rule.patches.flatMap((patch) => patchPlaces(patch, manifest));
  if (rule.merge !== undefined) paths.push(...mergeWrites(rule.merge));
  for (const { means } of sugar) paths.push(...means);
  return paths.map((path) => ({ path: namedPath(path, manifest), rule: rule.index }));
}

function patchPlaces({ op, path, from }: PatchOperation, manifest: JsonObject): readonly (readonly string[])[] {
  const place = parsePointer(path) ?? [];
  const source = op === "move" ? parsePointer(from ?? "") : undefined;
  const places = op === "test" ? [] : [shifting(op, place, manifest)];
  return source === undefined ? places : [...places, shifting("remove", source, manifest)];
}

/** What is put into or taken out of a list shifts the items behind it: the whole list is written. */
function shifting(op: PatchOperation["op"], path: readonly string[], manifest: JsonObject): readonly string[] {
  const parent = path.slice(0, -1);
  const shifts = op !== "replace" && path.at(-1) !== "-" && Array.isArray(valueAt(manifest, parent));
  return shifts ? parent : path;
}

function namedPath(path: readonly (string | number)[], manifest: JsonObject): readonly (string | number)[] {
  let at: Json | undefined = manifest;
  return path.map((part) => {
    const inList = Array.isArray(at);
    at = valueAt(at, [part]);
    const name = inList ? textAt(at, "name") : undefined;
    return name === undefined ? part : `name=${name}`;
  });
}

export interface Overlap {
  readonly pointer: string;
  readonly rules: readonly [number, number];
}

/** The first place that the new writes share with those of earlier rules. */
export function overlapOf(earlier: readonly Write[], later: readonly Write[]): Overlap | undefined {
  for (const write of later)
    for (const other of earlier)
      if (other.rule !== write.rule && pointersOverlap(other.path, write.path)) {
        const longer = write.path.length >= other.path.length ? write.path : other.path;
        return { pointer: pointerText(longer), rules: [other.rule, write.rule] };
      }
  return undefined;
}
