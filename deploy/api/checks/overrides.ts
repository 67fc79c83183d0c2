/** Overrides that can be applied: operations with what they need, and none that makes another object of it. */
import type { Path } from "../../../src/kernel/text.ts";
import { parsePointer } from "../../json/pointer.ts";
import { isJsonObject, type JsonObject } from "../../json/value.ts";
import { guardedPath } from "../guarded-paths.ts";
import type { Patch } from "../schema/overrides.ts";
import { type Check, reportRepeated } from "./check.ts";
import { checkSelector } from "./selectors.ts";

export function checkOverrides(check: Check): void {
  for (const [index, rule] of check.workload.spec.overrides.entries()) {
    const path = ["spec", "overrides", index];
    reportRepeated(check, [...path, "clusters"], rule.clusters, "cluster");
    checkSelector(check, [...path, "clusterSelector"], rule.clusterSelector);
    for (const [at, patch] of rule.patches.entries()) checkPatch(check, [...path, "patches", at], patch);
    if (rule.merge !== undefined) checkMerge(check, [...path, "merge"], rule.merge, []);
    if (rule.args?.set !== undefined && (rule.args.append !== undefined || rule.args.remove !== undefined))
      check.report([...path, "args", "set"], "replaces all arguments: append and remove cannot stand beside it");
  }
}

function checkPatch(check: Check, path: Path, { op, path: pointer, from, value }: Patch): void {
  const target = parsePointer(pointer) ?? [];
  const guarded = op === "test" ? undefined : guardedPath(target);
  if (guarded !== undefined) check.report([...path, "path"], `would change ${guarded}, which says which object it is`);
  if ((op === "add" || op === "replace" || op === "test") && value === undefined)
    check.report([...path, "value"], `is missing; ${op} needs one (null is a value)`);
  if (op !== "move" && op !== "copy") return;
  const source = from === undefined ? undefined : parsePointer(from);
  if (source === undefined) check.report([...path, "from"], `must be a JSON pointer; ${op} needs one`);
  else if (op === "move" && guardedPath(source) !== undefined)
    check.report([...path, "from"], `would remove ${guardedPath(source)}, which says which object it is`);
}

/** Only what a merge patch writes counts: its maps are ways down, not values. */
function checkMerge(check: Check, path: Path, merge: JsonObject, inside: readonly string[]): void {
  for (const [key, value] of Object.entries(merge)) {
    const at = [...inside, key];
    if (isJsonObject(value) && Object.keys(value).length > 0) checkMerge(check, [...path, key], value, at);
    else if (guardedPath(at) !== undefined)
      check.report([...path, key], `would change ${guardedPath(at)}, which says which object it is`);
  }
}
