/** Does what a plan says: clusters side by side, within one in the plan's order. */
import { forEachLimited } from "../../src/kernel/promises.ts";
import type { Json, JsonObject } from "../json/value.ts";
import type { Answer, ClusterClient, KubeRefusal } from "../kube/types.ts";
import { isInventory, kindsIn } from "../plan/inventory.ts";
import { fieldManager, MANAGED_LABEL, REVISION_ANNOTATION, usedByAnnotation, usersOf } from "../plan/ownership.ts";
import type { PlannedAction } from "../plan/types.ts";
import type { ActionOutcome, ApplyOptions, OutcomeResult } from "./types.ts";
import { kindOf } from "./view.ts";

/** Clusters written to at once. */
const CLUSTERS_AT_ONCE = 64;

/** See `Engine.apply`. An action for a cluster that is not given is refused. */
export async function applyActions(
  actions: readonly PlannedAction[],
  clients: ReadonlyMap<string, ClusterClient>,
  options: ApplyOptions,
  signal: AbortSignal,
): Promise<readonly ActionOutcome[]> {
  const outcomes = new Map<PlannedAction, ActionOutcome>();
  const byCluster = Map.groupBy(actions, ({ cluster }) => cluster);
  await forEachLimited(byCluster, CLUSTERS_AT_ONCE, async ([name, own]) => {
    let silent: ActionOutcome | undefined;
    for (const action of own) {
      const outcome = silent === undefined ? await applyOne(action, clients.get(name), options, signal) : skipped(action, silent);
      if (outcome.result === "unreachable") silent ??= outcome;
      outcomes.set(action, outcome);
    }
  });
  return actions.flatMap((action) => outcomes.get(action) ?? []);
}

async function applyOne(
  action: PlannedAction,
  client: ClusterClient | undefined,
  options: ApplyOptions,
  signal: AbortSignal,
): Promise<ActionOutcome> {
  const told = (result: OutcomeResult, message: string): ActionOutcome => ({ action, result, message, conflicts: [] });
  if (action.verb === "none") return told("unchanged", action.message);
  if (["blocked", "held", "queued"].includes(action.verb)) return told("waiting", action.message);
  if (client === undefined) return told("refused", "no connection to this cluster is known");
  const write = { fieldManager: fieldManager(options.workload), dryRun: options.dryRun ?? false };
  switch (action.verb) {
    case "create":
    case "update": {
      if (action.manifest === undefined) return told("refused", "the plan says nothing of what is to be written");
      const answer = await client.apply(action.manifest, { ...write, force: action.force ?? false }, signal);
      return outcomeOf(action, answer, action.verb === "create" ? "created" : "changed");
    }
    case "release":
      return outcomeOf(
        action,
        await client.patch(action.key, withoutMarks(action, options.workload), write, signal),
        "left behind",
      );
    default: {
      // Without the uid that was seen, another object of the same name would be meant as well.
      if (action.uid === undefined) return told("refused", "it is not deleted: the object that was seen had no uid");
      const named = isInventory(action.key) ? await stillNamed(client, action.key, options.workload, signal) : undefined;
      if (named !== undefined) return told("waiting", named);
      const answer = await client.remove(action.key, { uid: action.uid, dryRun: write.dryRun }, signal);
      return outcomeOf(action, answer, "deleted");
    }
  }
}

/**
 * Why the inventory stays; undefined: nothing of the workload is left of any kind that it names. Without this look, an object
 * whose delete was refused or takes its time would be forgotten.
 */
async function stillNamed(
  client: ClusterClient,
  key: PlannedAction["key"],
  workload: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const inventory = await client.get(key, signal);
  if ("error" in inventory) return inventory.status === 404 ? undefined : inventory.error.message;
  const selection = { labelSelector: `${MANAGED_LABEL}=true`, metadataOnly: true };
  for (const kind of kindsIn(inventory.value)) {
    const list = await client.list(kindOf(kind), selection, signal);
    // A kind that is served no more has no objects.
    if ("error" in list && list.status !== 404) return list.error.message;
    if ("value" in list && list.value.some((object) => usersOf(object).includes(workload)))
      return `it stays until nothing of ${kind} is left`;
  }
  return undefined;
}

/** A merge patch that takes our marks away and leaves every other field as it is, whoever owns it. */
function withoutMarks({ reason, uid }: PlannedAction, workload: string): Json {
  const alone = reason !== "UsedByOthers";
  return {
    metadata: {
      ...(uid === undefined ? {} : { uid }),
      annotations: { [usedByAnnotation(workload)]: null, ...(alone ? { [REVISION_ANNOTATION]: null } : {}) },
      ...(alone ? { labels: { [MANAGED_LABEL]: null } } : {}),
    },
  };
}

function outcomeOf(action: PlannedAction, answer: Answer<JsonObject | undefined>, message: string): ActionOutcome {
  if ("error" in answer) return failed(action, answer);
  const object = answer.value === undefined ? {} : { object: answer.value };
  return { action, result: "done", message, conflicts: [], ...object };
}

function failed(action: PlannedAction, { error, status, conflicts }: KubeRefusal): ActionOutcome {
  const leaves = action.verb === "delete" || action.verb === "release";
  if (status === 404 && leaves) return { action, result: "unchanged", message: "it was gone already", conflicts };
  const owned = conflicts.map(({ manager, path }) => `${path} is owned by ${manager}`).join("; ");
  const result = status === undefined ? "unreachable" : status === 409 ? "conflict" : "refused";
  return { action, result, message: owned === "" ? error.message : owned, conflicts };
}

function skipped(action: PlannedAction, { message }: ActionOutcome): ActionOutcome {
  return { action, result: "unreachable", message, conflicts: [] };
}
