/** Which Pods of a workload are new and which are to be replaced, told by its own controller's marks. Pure. */

import { conditionOf } from "../interpret/builtin.ts";
import { kindKey } from "../interpret/interpret.ts";
import { type JsonObject, listAt, numberAt, textAt, valueAt } from "../json/value.ts";

export interface PodSets {
  readonly new: readonly JsonObject[];
  readonly old: readonly JsonObject[];
}

export interface PodObjects {
  readonly pods: readonly JsonObject[];
  /** Of the workload's namespace; needed for a Deployment. */
  readonly replicaSets: readonly JsonObject[];
}

const REVISION = "deployment.kubernetes.io/revision";

/** Undefined when it cannot be told: another kind, or its controller has not looked at it yet. */
export function podSets(workload: JsonObject, { pods, replicaSets }: PodObjects): PodSets | undefined {
  const uid = textAt(workload, "metadata", "uid");
  const generation = numberAt(workload, "metadata", "generation");
  const observed = numberAt(workload, "status", "observedGeneration");
  if (uid === undefined || generation === undefined || observed === undefined || observed < generation) return undefined;
  switch (kindKey(workload)) {
    case "apps/Deployment": {
      const revision = textAt(workload, "metadata", "annotations", REVISION);
      const own = replicaSets.filter((one) => ownerOf(one) === uid);
      const newest = own.find((one) => revision !== undefined && textAt(one, "metadata", "annotations", REVISION) === revision);
      if (newest === undefined) return undefined;
      const owners = new Set(own.map((one) => textAt(one, "metadata", "uid")));
      return split(
        pods.filter((pod) => owners.has(ownerOf(pod))),
        (pod) => ownerOf(pod) === textAt(newest, "metadata", "uid"),
      );
    }
    case "apps/StatefulSet": {
      const update = textAt(workload, "status", "updateRevision");
      if (update === undefined) return undefined;
      return split(
        pods.filter((pod) => ownerOf(pod) === uid),
        (pod) => textAt(pod, "metadata", "labels", "controller-revision-hash") === update,
      );
    }
    default:
      return undefined;
  }
}

/** A Pod that is being deleted is to be replaced, whatever it was made from. */
function split(pods: readonly JsonObject[], isNewest: (pod: JsonObject) => boolean): PodSets {
  const isNew = (pod: JsonObject) => isNewest(pod) && !isLeaving(pod);
  const ended = (pod: JsonObject) => ["Succeeded", "Failed"].includes(textAt(pod, "status", "phase") ?? "");
  return { new: pods.filter((pod) => isNew(pod) && !ended(pod)), old: pods.filter((pod) => !isNew(pod)) };
}

export function isLeaving(pod: JsonObject): boolean {
  return textAt(pod, "metadata", "deletionTimestamp") !== undefined;
}

function ownerOf(object: JsonObject): string | undefined {
  const owner = listAt(object, "metadata", "ownerReferences").find((one) => valueAt(one, ["controller"]) === true);
  return textAt(owner, "uid");
}

/** All its addresses; empty until it has one. */
export function addressesOf(pod: JsonObject): readonly string[] {
  const first = textAt(pod, "status", "podIP");
  const all = listAt(pod, "status", "podIPs").flatMap((one) => textAt(one, "ip") ?? []);
  return [...new Set(first === undefined ? all : [first, ...all])];
}

/**
 * Those that leave first when replicas are taken away: not ready ones, then the youngest. Of a StatefulSet the highest
 * ordinals, since its controller takes no others.
 */
export function victims(workload: JsonObject, pods: readonly JsonObject[], count: number): readonly JsonObject[] {
  const staying = pods.filter((pod) => !isLeaving(pod));
  const ordinal = (pod: JsonObject) => Number(/-(\d+)$/.exec(textAt(pod, "metadata", "name") ?? "")?.[1] ?? -1);
  const ready = (pod: JsonObject) => (conditionOf(pod, "Ready").status === "True" ? 1 : 0);
  const born = (pod: JsonObject) => textAt(pod, "metadata", "creationTimestamp") ?? "";
  const name = (pod: JsonObject) => textAt(pod, "metadata", "name") ?? "";
  const ordered =
    kindKey(workload) === "apps/StatefulSet"
      ? staying.toSorted((a, b) => ordinal(b) - ordinal(a))
      : staying.toSorted((a, b) => ready(a) - ready(b) || compare(born(b), born(a)) || compare(name(a), name(b)));
  return ordered.slice(0, Math.max(0, count));
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
