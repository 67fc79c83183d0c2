/** The status of a FederatedWorkload after one turn: per cluster and revision, with the conditions. Pure. */
import type { ClusterStatus, DeployCondition } from "../api/schema/status.ts";
import type { PlacementResult } from "../placement/place.ts";
import { missingNote } from "../plan/dependencies.ts";
import type { ObjectKey } from "../plan/object-key.ts";
import type { Plan, PlannedAction } from "../plan/types.ts";
import type { Division } from "../replicas/request.ts";
import { revisionFor } from "../rollout/commands.ts";
import type { ClusterFacts, RolloutState } from "../rollout/types.ts";
import { clusterStatus, healthCondition } from "./cluster-status.ts";
import { type ConditionUpdate, updateConditions } from "./conditions.ts";

export interface StatusInput {
  readonly generation: number;
  readonly conditions: readonly DeployCondition[];
  readonly placement: PlacementResult;
  readonly division: Division | undefined;
  readonly facts: ReadonlyMap<string, ClusterFacts>;
  readonly rollout: RolloutState;
  readonly plan: Plan;
  /** What the template names and is nowhere to be taken from. */
  readonly missing: readonly ObjectKey[];
  /** What was tried and not done: one sentence each. */
  readonly refused: readonly string[];
  readonly freshForMs: number;
  /** ms since the epoch. */
  readonly now: number;
}

export interface ToldStatus {
  readonly observedGeneration: number;
  readonly conditions: readonly DeployCondition[];
  readonly clusters: readonly ClusterStatus[];
}

export function workloadStatus(input: StatusInput): ToldStatus {
  const { placement, division, facts, rollout, freshForMs, now, generation } = input;
  const clusters = placement.decisions
    .filter(({ placed }) => placed)
    .map(({ cluster, message }) =>
      clusterStatus({
        cluster,
        facts: facts.get(cluster) ?? {},
        share: division?.shares.find((share) => share.cluster === cluster),
        placement: message,
        revision: revisionFor(rollout, cluster) ?? rollout.revision,
        freshForMs,
        now,
      }),
    );
  const updates = [
    VALID,
    placed(input),
    healthCondition(clusters),
    applied(input),
    rolledOut(rollout),
    deletionHeld(input.plan),
    dependenciesFound(input.missing),
  ];
  return {
    observedGeneration: generation,
    conditions: updateConditions(input.conditions, updates, { generation, now }),
    clusters,
  };
}

const VALID: ConditionUpdate = { type: "Valid", status: "True", reason: "Valid", message: "it can be carried out as written" };

/** What is wrong with the declaration itself; nothing is done while it is so. */
export function invalidCondition(message: string): ConditionUpdate {
  return { type: "Valid", status: "False", reason: "Invalid", message };
}

function placed({ placement }: StatusInput): ConditionUpdate {
  const names = placement.decisions.filter((one) => one.placed).map(({ cluster }) => cluster);
  if (placement.unsatisfied !== undefined)
    return { type: "Placed", status: "False", reason: "Unsatisfied", message: placement.unsatisfied };
  return names.length === 0
    ? { type: "Placed", status: "False", reason: "NoClusters", message: "no cluster is chosen" }
    : { type: "Placed", status: "True", reason: "Placed", message: `placed in ${names.length} clusters` };
}

function applied({ plan, refused }: StatusInput): ConditionUpdate {
  const tell = (status: ConditionUpdate["status"], reason: string, message: string): ConditionUpdate => ({
    ...{ type: "Applied", status, reason, message },
  });
  if (refused[0] !== undefined) return tell("False", "Refused", refused.slice(0, 3).join("; "));
  const of = (...verbs: readonly PlannedAction["verb"][]) => plan.actions.filter(({ verb }) => verbs.includes(verb));
  const [blocked] = of("blocked");
  if (blocked !== undefined) return tell("False", blocked.reason, `${blocked.cluster}: ${blocked.message}`);
  const queued = [...new Set(of("queued").map(({ cluster }) => cluster))];
  if (queued.length > 0) return tell("Unknown", "Unreachable", `waits for ${queued.join(", ")} to answer`);
  return of("create", "update", "delete", "release").length > 0
    ? tell("False", "Progressing", "changes are under way")
    : tell("True", "InSync", "every cluster is as told");
}

function rolledOut({ phase, reason, message }: RolloutState): ConditionUpdate {
  const status = phase === "Succeeded" ? "True" : "False";
  return { type: "RolledOut", status, reason: reason === "" ? phase : reason, message };
}

function deletionHeld({ ask, actions }: Plan): ConditionUpdate {
  const held = actions.find(({ verb }) => verb === "held");
  if (ask !== undefined)
    return { type: "DeletionHeld", status: "True", reason: "TooManyDeletes", message: `${ask.message} (${ask.hash})` };
  if (held !== undefined)
    return { type: "DeletionHeld", status: "True", reason: held.reason, message: `${held.cluster}: ${held.message}` };
  return { type: "DeletionHeld", status: "False", reason: "NothingHeld", message: "no delete is held back" };
}

/** Members may have them all the same, made there by somebody else: it holds nothing up. */
function dependenciesFound(missing: readonly ObjectKey[]): ConditionUpdate {
  const note = missingNote(missing);
  return note === undefined
    ? { type: "DependenciesFound", status: "True", reason: "Found", message: "all that is to follow was found" }
    : { type: "DependenciesFound", status: "False", reason: "Missing", message: note };
}

/**
 * What to write in place of what is there: the same when only the times of observations differ and none of them is older than
 * `refreshMs`, so that a workload at rest costs few writes.
 */
export function worthWriting(
  before: Partial<ToldStatus>,
  after: ToldStatus,
  { refreshMs, now }: { readonly refreshMs: number; readonly now: number },
): boolean {
  const bare = (clusters: readonly ClusterStatus[] = []) => clusters.map(({ observedAt: _, ...rest }) => rest);
  const same =
    before.observedGeneration === after.observedGeneration &&
    JSON.stringify(before.conditions) === JSON.stringify(after.conditions) &&
    JSON.stringify(bare(before.clusters)) === JSON.stringify(bare(after.clusters));
  if (!same) return true;
  return (before.clusters ?? []).some(({ observedAt }, index) => {
    const newer = after.clusters[index]?.observedAt;
    return newer !== observedAt && now - Date.parse(observedAt ?? "1970-01-01T00:00:00Z") > refreshMs;
  });
}
