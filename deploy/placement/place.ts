/** Chooses the clusters of one workload. Every cluster gets a decision with its reason, also those left out. Pure. */
import type { Placement, PlacementGroup } from "../api/schema/placement.ts";
import type { ClusterView, Fleet } from "./fleet.ts";
import { type Choice, choiceOf } from "./selector.ts";
import { chooseGroups } from "./spread.ts";
import { judgeTaints, taintText } from "./taints.ts";

export type DecisionReason =
  | "Chosen"
  | "Kept"
  | "NotSelected"
  | "Cordoned"
  | "Tainted"
  | "Evicted"
  | "NotReady"
  | "Spread"
  | "UnknownCluster";

export interface Decision {
  readonly cluster: string;
  readonly placed: boolean;
  readonly reason: DecisionReason;
  readonly message: string;
  /** A taint is endured until then (ms since the epoch); placement must be asked again. */
  readonly until?: number;
}

export interface PlacementInput {
  readonly placement: Placement;
  readonly fleet: Fleet;
  /** Clusters it is placed in now: these are not left for want of readiness, by a cordon or by NoSchedule. */
  readonly current: ReadonlySet<string>;
  /** Replicas each cluster can hold in all; where none is known, groups count as able to hold it. */
  readonly capacity: ReadonlyMap<string, number>;
  /** Replicas wanted over all clusters; 0 when it does not matter. */
  readonly need: number;
  /** ms since the epoch. */
  readonly now: number;
}

export interface PlacementResult {
  /** Sorted by name. */
  readonly clusters: readonly string[];
  /** One for each cluster of the fleet, in its order, then one for each name that is no cluster. */
  readonly decisions: readonly Decision[];
  /** The group taken, when the placement has groups. */
  readonly group: string | undefined;
  /** Why less is placed than was asked for, as one sentence; undefined when all is well. */
  readonly unsatisfied: string | undefined;
}

/**
 * Without groups, one choice. With groups, the first that can hold the workload; when none can, the one that holds most,
 * the earlier on a tie. A group that cannot satisfy the spread holds nothing.
 */
export function place(input: PlacementInput): PlacementResult {
  const { groups, clusters, clusterSelector } = input.placement;
  if (groups.length === 0) return placeGroup(input, { clusters, clusterSelector });
  let best: { readonly result: PlacementResult; readonly held: number } | undefined;
  for (const group of groups) {
    const result = placeGroup(input, group);
    const held = heldBy(result, input.capacity);
    if (best === undefined || held > best.held) best = { result, held };
    if (result.unsatisfied === undefined && result.clusters.length > 0 && held >= input.need) break;
  }
  return best?.result ?? { clusters: [], decisions: [], group: undefined, unsatisfied: "there is no group" };
}

interface GroupChoice {
  readonly name?: string;
  readonly clusters: PlacementGroup["clusters"] | undefined;
  readonly clusterSelector: PlacementGroup["clusterSelector"] | undefined;
}

function placeGroup(input: PlacementInput, group: Partial<GroupChoice>): PlacementResult {
  const choice = choiceOf(group.clusters, group.clusterSelector);
  const decisions = input.fleet.clusters.map((cluster) => decide(cluster, choice, input));
  const unsatisfied = applySpread(decisions, input);
  for (const name of group.clusters ?? [])
    if (!input.fleet.byName.has(name))
      decisions.push({ cluster: name, placed: false, reason: "UnknownCluster", message: "no cluster of this name has joined" });
  const clusters = decisions.flatMap(({ cluster, placed }) => (placed ? [cluster] : []));
  const nobody = clusters.length === 0 ? (unsatisfied ?? "no cluster is left to place it in") : unsatisfied;
  return { clusters, decisions, group: group.name, unsatisfied: nobody };
}

function decide(cluster: ClusterView, choice: Choice, { placement, current, now }: PlacementInput): Decision {
  const { name } = cluster;
  const why = choice(cluster);
  if (why !== undefined) return { cluster: name, placed: false, reason: "NotSelected", message: why };
  const runs = current.has(name);
  const taint = judgeTaints(cluster.taints, placement.tolerations, now);
  if (taint.verdict === "evicted")
    return { cluster: name, placed: false, reason: "Evicted", message: `the taint ${taintText(taint.taint)} is not endured` };
  if (!runs && taint.verdict === "closed")
    return { cluster: name, placed: false, reason: "Tainted", message: `the taint ${taintText(taint.taint)} is not endured` };
  if (!runs && cluster.unschedulable)
    return { cluster: name, placed: false, reason: "Cordoned", message: "it is cordoned: nothing new is placed" };
  if (!runs && cluster.health !== "ready")
    return { cluster: name, placed: false, reason: "NotReady", message: `it is ${cluster.health}: nothing new is placed` };
  const until = taint.verdict === "until" ? { until: taint.until } : {};
  return runs
    ? { cluster: name, placed: true, reason: "Kept", message: keptBecause(cluster, taint.verdict === "closed"), ...until }
    : { cluster: name, placed: true, reason: "Chosen", message: "chosen, ready and open", ...until };
}

function keptBecause(cluster: ClusterView, closed: boolean): string {
  if (cluster.health !== "ready") return `it is ${cluster.health}, which is no reason to take away what runs there`;
  if (cluster.unschedulable || closed) return "closed for what is new; what runs there stays";
  return "chosen, and it runs there already";
}

/** Changes decisions in place. Returns why the constraint is not satisfied. */
function applySpread(
  decisions: Decision[],
  { placement: { spread }, fleet, current, capacity }: PlacementInput,
): string | undefined {
  if (spread === undefined) return undefined;
  const eligible = decisions.flatMap(({ placed, cluster }) => (placed ? (fleet.byName.get(cluster) ?? []) : []));
  const { satisfied, groups, rejected } = chooseGroups(spread, { eligible, current, capacity });
  const lack = `only ${groups.length} of at least ${spread.minGroups} groups by ${spread.by} can be used`;
  for (const [index, { cluster, placed }] of decisions.entries()) {
    if (!placed) continue;
    const why = rejected.get(cluster);
    if (why !== undefined) decisions[index] = { cluster, placed: false, reason: "Spread", message: why };
    else if (!satisfied && !current.has(cluster)) decisions[index] = { cluster, placed: false, reason: "Spread", message: lack };
  }
  return satisfied ? undefined : lack;
}

/** Infinite as soon as one cluster's room is not known. */
function heldBy({ clusters }: PlacementResult, capacity: ReadonlyMap<string, number>): number {
  let room = 0;
  for (const cluster of clusters) room += capacity.get(cluster) ?? Number.POSITIVE_INFINITY;
  return room;
}
