/** One pass of one workload: from what is declared and seen to placement, numbers, and the plan with its rails. Pure. */
import type { FederatedWorkload } from "../api/schema/workload.ts";
import { podSpecPath } from "../interpret/pod-template.ts";
import { scalePath } from "../interpret/scale.ts";
import { type JsonObject, valueAt } from "../json/value.ts";
import type { OverrideProblem } from "../overrides/apply.ts";
import type { Fleet } from "../placement/fleet.ts";
import { type PlacementResult, place } from "../placement/place.ts";
import { keyOf, keyText, type ObjectKey } from "../plan/object-key.ts";
import { usersOf } from "../plan/ownership.ts";
import { planWorkload } from "../plan/plan-workload.ts";
import { type RailInput, railPlan } from "../plan/rails.ts";
import type { Plan } from "../plan/types.ts";
import { inNamespace, revisionOf, wantedIn, workloadKey } from "../plan/wanted.ts";
import { divideReplicas } from "../replicas/divide.ts";
import type { Division } from "../replicas/request.ts";
import type { Observation } from "./types.ts";

export type Rails = Pick<RailInput, "maxDeletes" | "maxDeletePercent" | "approvedDeletes" | "allowLastCopy">;

/** What makes one revision: enough to bring a cluster to it again when the declaration has moved on. */
export interface RevisionTemplate {
  readonly revision: string;
  /** The template rendered. */
  readonly manifests: readonly JsonObject[];
  readonly overrides: FederatedWorkload["spec"]["overrides"];
}

export interface PassInput {
  readonly workload: FederatedWorkload;
  /** The template rendered. */
  readonly manifests: readonly JsonObject[];
  /** `group/Kind` of what has no namespace, beside Kubernetes' own. */
  readonly clusterScoped: ReadonlySet<string>;
  /** With the health that was observed. */
  readonly fleet: Fleet;
  readonly observation: Observation;
  /** Replicas last known of clusters that do not answer now. What is not in it is assumed, see `assumeReplicas`. */
  readonly lastKnown: ReadonlyMap<string, number>;
  readonly rails: Rails;
  /** True: nothing is wanted anywhere any more. */
  readonly deleting: boolean;
  /**
   * The revision that a cluster is told to have; null: none was told to it yet, so it is left as it is. Default: the one that
   * is declared. Placement and replicas are always as declared now.
   */
  readonly templateFor?: (cluster: string) => RevisionTemplate | null;
  /** ms since the epoch. */
  readonly now: number;
}

export interface Pass {
  readonly revision: string;
  readonly placement: PlacementResult;
  /** Undefined when the workload says nothing of replicas. */
  readonly division: Division | undefined;
  /** What is wanted, by cluster. */
  readonly wanted: ReadonlyMap<string, readonly JsonObject[]>;
  readonly plan: Plan;
  /** Overrides that cannot be applied; with any, nothing is planned. */
  readonly problems: readonly OverrideProblem[];
}

/** The objects of the template, and the one whose replicas and health are the workload's. */
export function templateKeys({
  workload,
  manifests,
  clusterScoped,
}: Pick<PassInput, "workload" | "manifests" | "clusterScoped">): {
  readonly keys: readonly ObjectKey[];
  readonly main: ObjectKey | undefined;
} {
  const namespace = workload.metadata.namespace ?? "default";
  const placed = manifests.map((manifest) => inNamespace(manifest, namespace, clusterScoped));
  const scaled = placed.find((manifest) => scalePath(manifest, workload.spec.interpret) !== undefined);
  const main = scaled ?? placed.find((manifest) => podSpecPath(manifest) !== undefined);
  return { keys: placed.map(keyOf), main: main === undefined ? undefined : keyOf(main) };
}

export function planPass(input: PassInput): Pass {
  const { workload, manifests, observation, deleting, clusterScoped } = input;
  const key = workloadKey(workload);
  const revision = revisionOf(workload, manifests);
  const placement = placeNow(input, key);
  const division = deleting ? undefined : divideNow(input, placement, key);
  const wanted = new Map<string, readonly JsonObject[]>();
  const problems: OverrideProblem[] = [];
  const untold = new Set<string>();
  const declared = { revision, manifests, overrides: workload.spec.overrides };
  for (const name of deleting ? [] : placement.clusters) {
    const cluster = input.fleet.byName.get(name);
    if (cluster === undefined) continue;
    const template = input.templateFor === undefined ? declared : input.templateFor(name);
    if (template === null) {
      untold.add(name);
      continue;
    }
    const share = division?.shares.find((one) => one.cluster === name);
    const result = wantedIn({ workload: withOverrides(workload, template), ...template, cluster, share, clusterScoped });
    if ("problems" in result) problems.push(...result.problems);
    else wanted.set(name, result.manifests);
  }
  const observed = new Map([...observation.clusters].filter(([name]) => !untold.has(name)));
  const context = { workload: key, policy: workload.spec.policy, observed };
  const actions = problems.length > 0 ? [] : planWorkload({ ...context, wanted });
  const { main } = templateKeys(input);
  const plan = railPlan(actions, {
    ...input.rails,
    observed: observation.clusters,
    wantedSynced: true,
    ownedObjects: observation.ownedObjects,
    health: (cluster, of) =>
      main !== undefined && keyText(of) === keyText(main)
        ? (observation.facts.get(cluster)?.workload?.health ?? "Unknown")
        : "Unknown",
    isWorkload: (of) => !deleting && main !== undefined && keyText(of) === keyText(main),
  });
  return { revision, placement, division, wanted, plan, problems };
}

function withOverrides(workload: FederatedWorkload, { overrides }: RevisionTemplate): FederatedWorkload {
  return { ...workload, spec: { ...workload.spec, overrides } };
}

/** Where it is to run, as far as that can be told from what is seen. */
export function placementOf(input: PassInput): PlacementResult {
  return placeNow(input, workloadKey(input.workload));
}

/** Where it runs by what is seen; a cluster that cannot be seen is not left for that. */
function placeNow({ workload, fleet, observation, now }: PassInput, key: string): PlacementResult {
  const runs = [...observation.clusters].filter(
    ([, { reachable, objects }]) => !reachable || [...objects.values()].some((object) => usersOf(object).includes(key)),
  );
  const { replicas, placement } = workload.spec;
  const need = replicas?.mode === "divided" ? replicas.total : 0;
  const current = new Set(runs.map(([name]) => name));
  return place({ placement, fleet, current, capacity: observation.capacity, need, now });
}

function divideNow(input: PassInput, placement: PlacementResult, key: string): Division | undefined {
  const { replicas } = input.workload.spec;
  if (replicas === undefined) return undefined;
  const request = { replicas, clusters: placement.clusters, capacity: input.observation.capacity, key };
  const current = new Map([
    ...input.observation.replicas,
    ...assumeReplicas(input, (none) => divideReplicas({ ...request, current: none })),
  ]);
  return divideReplicas({ ...request, current });
}

/**
 * Replicas of clusters that do not answer: what was last known of them, else the share they would have if nothing ran
 * anywhere. So their part waits for them, and an outage moves nothing.
 */
function assumeReplicas(
  { observation, lastKnown }: PassInput,
  ideal: (none: ReadonlyMap<string, number>) => Division,
): readonly (readonly [string, number])[] {
  const silent = [...observation.clusters].flatMap(([name, { reachable }]) => (reachable ? [] : [name]));
  if (silent.length === 0) return [];
  const shares = new Map(ideal(new Map()).shares.map(({ cluster, replicas, pending }) => [cluster, replicas + pending]));
  return silent.flatMap((name) => {
    const replicas = lastKnown.get(name) ?? shares.get(name);
    return replicas === undefined ? [] : [[name, replicas] as const];
  });
}

/** What one replica of the workload is made from; undefined: no Pods. */
export function podSpecOf(manifests: readonly JsonObject[]) {
  const main = manifests.find((manifest) => scalePath(manifest, []) !== undefined);
  const path = main === undefined ? undefined : podSpecPath(main);
  return path === undefined ? undefined : valueAt(main, path);
}
