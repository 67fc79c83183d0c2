/** What is to be done about one object in one cluster. Pure. */
import type { Policy } from "../api/schema/workload.ts";
import { parsePointer, pointerText } from "../json/pointer.ts";
import { type Json, type JsonObject, textAt } from "../json/value.ts";
import { diffFields, type FieldDiff } from "./field-diff.ts";
import { leaveFields } from "./leave-fields.ts";
import { keyOf } from "./object-key.ts";
import { fieldManager, usersOf } from "./ownership.ts";
import type { PlannedAction, ShownDiff } from "./types.ts";

export interface DecideContext {
  readonly cluster: string;
  /** `namespace/name` of the FederatedWorkload. */
  readonly workload: string;
  readonly policy: Policy;
}

/** An object that is wanted. `live` undefined: it is not there. */
export function decideWanted(wanted: JsonObject, live: JsonObject | undefined, context: DecideContext): PlannedAction {
  const base = { cluster: context.cluster, key: keyOf(wanted) };
  if (live === undefined)
    return { ...base, verb: "create", reason: "Missing", message: "it is not there", diffs: [], manifest: wanted, force: false };
  if (textAt(live, "metadata", "deletionTimestamp") !== undefined)
    return {
      ...base,
      verb: "blocked",
      reason: "BeingDeleted",
      message: "it is being deleted; it is made again when it is gone",
      diffs: [],
    };
  const ignored = ignoredPaths(wanted, context.policy);
  const found = diffFields(wanted, live, fieldManager(context.workload));
  const diffs = found.filter(({ path }) => !ignored.some((pattern) => covers(pattern, path)));
  const left = leaveFields(wanted, live, { manager: fieldManager(context.workload), ignored });
  return usersOf(live).includes(context.workload)
    ? decideOurs({ base, wanted: left, diffs, live }, context.policy)
    : decideForeign({ base, wanted: left, diffs, live }, context.policy);
}

interface Case {
  readonly base: Pick<PlannedAction, "cluster" | "key">;
  readonly wanted: JsonObject;
  readonly diffs: readonly FieldDiff[];
  readonly live: JsonObject;
}

/** Fields that we own have been changed by us alone; the others' were taken from us, or were never ours. */
function decideOurs({ base, wanted, diffs, live }: Case, policy: Policy): PlannedAction {
  const drifted = diffs.filter(({ ours, owners }) => !ours && owners.length > 0);
  const changed = diffs.filter((diff) => !drifted.includes(diff));
  const who = [...new Set(drifted.flatMap(({ owners }) => owners))].toSorted().join(", ");
  if (policy.whenDrifted === "Correct" || drifted.length === 0) {
    if (diffs.length === 0) return { ...base, verb: "none", reason: "InSync", message: "it is as wanted", diffs: [] };
    const reason = drifted.length > 0 ? "Drifted" : "Changed";
    const message = drifted.length > 0 ? `${countText(drifted)} changed by ${who}; corrected` : `${countText(changed)} to change`;
    return {
      ...base,
      verb: "update",
      reason,
      message,
      diffs: shown(base.key.kind, diffs, () => true),
      manifest: wanted,
      force: true,
    };
  }
  // What others took is left out of what is applied, so that it stays theirs.
  const manifest = leaveFields(wanted, live, { manager: "", ignored: drifted.map(({ path }) => path) });
  const diffsShown = shown(base.key.kind, diffs, (diff) => changed.includes(diff));
  const reason = policy.whenDrifted === "Report" ? "DriftReported" : "DriftIgnored";
  const message = `${countText(drifted)} changed by ${who}; left as the policy whenDrifted says`;
  if (changed.length === 0)
    return { ...base, verb: "none", reason, message, diffs: policy.whenDrifted === "Report" ? diffsShown : [] };
  return {
    ...base,
    verb: "update",
    reason,
    message: `${countText(changed)} to change; ${message}`,
    diffs: diffsShown,
    manifest,
    force: false,
  };
}

function decideForeign({ base, wanted, diffs, live }: Case, policy: Policy): PlannedAction {
  const users = usersOf(live);
  // Our own mark is missing on it; that is no difference that would speak against taking it over.
  const real = diffs.filter(({ path }) => !isMark(path));
  const owner = users.length > 0 ? `the workload ${users.join(", ")}` : "somebody else";
  const all = shown(base.key.kind, real, () => true);
  const take = policy.whenAlreadyExists === "TakeOver" || (policy.whenAlreadyExists === "TakeOverIfNoDiff" && real.length === 0);
  if (take) {
    const message = `it belongs to ${owner} and is taken over${real.length === 0 ? " without a difference" : `, ${countText(real)} changed`}`;
    return { ...base, verb: "update", reason: "Adopted", message, diffs: all, manifest: wanted, force: true };
  }
  const why = policy.whenAlreadyExists === "Fail" ? "" : `, and differs in ${countText(real)}`;
  const message = `it exists and belongs to ${owner}${why}; see the policy whenAlreadyExists`;
  return { ...base, verb: "blocked", reason: "AlreadyExists", message, diffs: all.map((diff) => ({ ...diff, applied: false })) };
}

/** An object of ours that is no longer wanted. Undefined when it is not ours. */
export function decideUnwanted(live: JsonObject, context: DecideContext): PlannedAction | undefined {
  const users = usersOf(live);
  if (!users.includes(context.workload)) return undefined;
  const base = { cluster: context.cluster, key: keyOf(live), diffs: [] };
  const others = users.filter((user) => user !== context.workload);
  if (others.length > 0)
    return { ...base, verb: "release", reason: "UsedByOthers", message: `it stays: ${others.join(", ")} uses it as well` };
  if (context.policy.whenDeleted === "Orphan")
    return { ...base, verb: "release", reason: "Orphaned", message: "it is left behind, as the policy whenDeleted says" };
  if (textAt(live, "metadata", "deletionTimestamp") !== undefined)
    return { ...base, verb: "none", reason: "BeingDeleted", message: "it is being deleted" };
  const uid = textAt(live, "metadata", "uid");
  return {
    ...base,
    verb: "delete",
    reason: "NotWanted",
    message: "it is not wanted here any more",
    ...(uid === undefined ? {} : { uid }),
  };
}

function ignoredPaths(wanted: JsonObject, { ignoreFields }: Policy): readonly (readonly string[])[] {
  const kind = textAt(wanted, "kind");
  return ignoreFields.flatMap((rule) => (rule.kind === undefined || rule.kind === kind ? [parsePointer(rule.path) ?? []] : []));
}

/** The pattern's place or anything below it; `*` stands for any one part. */
function covers(pattern: readonly string[], path: readonly (string | number)[]): boolean {
  return pattern.length <= path.length && pattern.every((part, index) => part === "*" || part === String(path[index]));
}

function isMark(path: readonly (string | number)[]): boolean {
  const [top, list, name] = path;
  if (top !== "metadata" || (list !== "labels" && list !== "annotations")) return false;
  return name === undefined || String(name).includes("deploy.meshbridge.io/");
}

function shown(kind: string, diffs: readonly FieldDiff[], applied: (diff: FieldDiff) => boolean): readonly ShownDiff[] {
  return diffs.map((diff) => {
    const hide = kind === "Secret" && (diff.path[0] === "data" || diff.path[0] === "stringData");
    const value = (key: "from" | "to", given: Json | undefined) =>
      given === undefined ? {} : { [key]: hide ? "(secret)" : given };
    return {
      path: pointerText(diff.path),
      change: diff.change,
      ...value("from", diff.from),
      ...value("to", diff.to),
      owners: diff.owners,
      applied: applied(diff),
    };
  });
}

function countText(diffs: readonly FieldDiff[]): string {
  return diffs.length === 1 ? pointerText(diffs[0]?.path ?? []) : `${diffs.length} fields`;
}
