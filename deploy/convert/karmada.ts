/** Karmada (policy.karmada.io: PropagationPolicy, OverridePolicy and their cluster-wide forms, with the objects they select) to FederatedWorkloads. Pure. */
import { scalePath } from "../interpret/scale.ts";
import { type Json, type JsonObject, listAt, numberAt, ownValue, textAt, valueAt } from "../json/value.ts";
import { overridesFor } from "./karmada-overrides.ts";
import { placementOf } from "./karmada-placement.ts";
import { replicasOf } from "./karmada-replicas.ts";
import { defined, type WorkloadDraft } from "./output.ts";
import type { Source } from "./source.ts";

export const KARMADA_GROUPS: ReadonlySet<string> = new Set(["policy.karmada.io"]);
const PROPAGATION: ReadonlySet<string> = new Set(["PropagationPolicy", "ClusterPropagationPolicy"]);

/** One workload for each policy; when it divides replicas, one for each object that has some. */
export function convertKarmada(policies: readonly Source[], objects: readonly Source[]): readonly WorkloadDraft[] {
  const overrides = policies.filter(({ kind }) => kind.endsWith("OverridePolicy"));
  const claimed = new Map<Source, Source>();
  const propagation = policies.filter(({ kind }) => PROPAGATION.has(kind)).toSorted(byPrecedence);
  for (const policy of propagation)
    for (const object of objects) if (!claimed.has(object) && selects(policy, object)) claimed.set(object, policy);
  const drafts = propagation.flatMap((policy) => {
    const own = objects.filter((object) => claimed.get(object) === policy);
    return convertPolicy(policy, own, overrides);
  });
  for (const object of objects)
    if (!claimed.has(object)) object.note([], "no policy of the files selects it: it is in no workload");
  for (const policy of overrides) {
    if (objects.some((object) => claimed.has(object) && selects(policy, object))) continue;
    policy.take("spec");
    policy.note([], "it is for no object of the files");
  }
  return drafts;
}

/** A higher priority wins, then a policy of the namespace over one of all, then the name. */
function byPrecedence(a: Source, b: Source): number {
  const [x, y] = [a, b].map((one) => numberAt(one.value, "spec", "priority") ?? 0) as [number, number];
  const wide = (one: Source) => (one.kind === "ClusterPropagationPolicy" ? 1 : 0);
  return y - x || wide(a) - wide(b) || (a.name < b.name ? -1 : 1);
}

/** Without selectors an override policy is for all; a propagation policy always has some. */
function selects(policy: Source, object: Source): boolean {
  const selectors = listAt(policy.value, "spec", "resourceSelectors");
  const near = policy.namespace ?? "default";
  const wide = policy.kind.startsWith("Cluster");
  const inReach = wide || object.namespace === undefined || object.namespace === near;
  if (!inReach) return false;
  if (selectors.length === 0) return policy.kind.endsWith("OverridePolicy");
  return selectors.some((selector) => selectsOne(selector, object));
}

function selectsOne(selector: Json, object: Source): boolean {
  const [name, namespace] = [textAt(selector, "name"), textAt(selector, "namespace")];
  if (textAt(selector, "kind") !== object.kind || textAt(selector, "apiVersion") !== textAt(object.value, "apiVersion"))
    return false;
  if (namespace !== undefined && namespace !== "" && namespace !== (object.namespace ?? "default")) return false;
  if (name !== undefined && name !== "") return name === object.name;
  return Object.entries((valueAt(selector, ["labelSelector", "matchLabels"]) ?? {}) as JsonObject).every(
    ([key, value]) => object.labels[key] === value,
  );
}

function convertPolicy(policy: Source, objects: readonly Source[], overrides: readonly Source[]): readonly WorkloadDraft[] {
  for (const [index, selector] of listAt(policy.value, "spec", "resourceSelectors").entries()) {
    const at = ["spec", "resourceSelectors", index] as const;
    for (const key of ["apiVersion", "kind", "name", "namespace"]) policy.take(...at, key);
    policy.take(...at, "labelSelector", "matchLabels");
    if (ownValue(selector, "name") === undefined)
      policy.note(at, "it selects by kind or label; here a workload names its objects, and new ones must be added to it");
  }
  policy.take("spec", "priority");
  if (objects.length === 0) policy.note([], "it selects no object of the files");
  const placement = placementOf(policy);
  const policyFields = policyOf(policy);
  const type = policy.take("spec", "placement", "replicaScheduling", "replicaSchedulingType");
  const scaled = objects.filter(({ value }) => scalePath(value, []) !== undefined);
  const divided = type === "Divided";
  const draft = (name: string, own: readonly Source[], main: Source | undefined): WorkloadDraft => ({
    name,
    namespace: policy.namespace ?? own[0]?.namespace,
    manifests: own.map(({ value }) => value),
    placement,
    overrides: overridesFor(overrides, own, selects),
    replicas: divided && main !== undefined ? replicasOf(policy, numberAt(main.value, "spec", "replicas") ?? 1) : undefined,
    policy: policyFields,
  });
  if (objects.length === 0) return [];
  if (!divided || scaled.length <= 1) return [draft(policy.name, objects, scaled[0])];
  const rest = objects.filter((object) => !scaled.includes(object));
  return [
    ...scaled.map((object) => draft(`${policy.name}-${object.name}`, [object], object)),
    ...(rest.length > 0 ? [draft(policy.name, rest, undefined)] : []),
  ];
}

/** Objects that Karmada has made are there already: without a difference they are taken over, which is the default. */
function policyOf(policy: Source): JsonObject {
  const follow = policy.take("spec", "propagateDeps") === true || policy.take("spec", "association") === true;
  const overwrite = policy.take("spec", "conflictResolution") === "Overwrite";
  const preserve = policy.take("spec", "preserveResourcesOnDeletion") === true;
  const failover = policy.take("spec", "failover");
  if (failover !== undefined)
    policy.note(
      ["spec", "failover"],
      "no counterpart: workloads leave a cluster by a NoExecute taint of it and their tolerationSeconds, never by health alone",
    );
  return defined({
    whenAlreadyExists: overwrite ? "TakeOver" : undefined,
    whenDeleted: preserve ? "Orphan" : undefined,
    dependencies: follow ? "Follow" : undefined,
  });
}
