/**
 * Deployment, StatefulSet, DaemonSet, Job and Pod, read as `kubectl rollout status` reads them: a status about an older
 * generation never counts. Pure.
 */
import { type Json, type JsonObject, listAt, numberAt, textAt } from "../json/value.ts";
import { type Counts, NO_COUNTS, outdated, type WorkloadState } from "./workload-state.ts";

export type Interpreter = (object: JsonObject) => WorkloadState;

/** By `group/Kind`; the version does not count. */
export const BUILT_IN: ReadonlyMap<string, Interpreter> = new Map([
  ["apps/Deployment", deployment],
  ["apps/StatefulSet", statefulSet],
  ["apps/DaemonSet", daemonSet],
  ["batch/Job", job],
  ["/Pod", pod],
]);

function deployment(object: JsonObject): WorkloadState {
  const count = counter(object);
  const counts = {
    desired: numberAt(object, "spec", "replicas") ?? 1,
    updated: count("updatedReplicas"),
    ready: count("readyReplicas"),
  };
  if (!isObserved(object)) return outdated(counts);
  const progressing = conditionOf(object, "Progressing");
  if (progressing.reason === "ProgressDeadlineExceeded")
    return { health: "Degraded", message: `its rollout does not go on: ${progressing.message}`, current: true, ...counts };
  if (conditionOf(object, "ReplicaFailure").status === "True")
    return {
      health: "Degraded",
      message: `its Pods cannot be made: ${conditionOf(object, "ReplicaFailure").message}`,
      current: true,
      ...counts,
    };
  return rolled(counts, { available: count("availableReplicas"), all: count("replicas") });
}

function statefulSet(object: JsonObject): WorkloadState {
  const count = counter(object);
  const desired = numberAt(object, "spec", "replicas") ?? 1;
  const counts = { desired, updated: count("updatedReplicas"), ready: count("readyReplicas") };
  if (!isObserved(object)) return outdated(counts);
  // With a partition only the Pods above it are meant to be new.
  const partition = numberAt(object, "spec", "updateStrategy", "rollingUpdate", "partition") ?? 0;
  if (partition > 0) {
    const meant = Math.max(0, desired - partition);
    const done = counts.updated >= meant && counts.ready >= desired;
    return {
      health: done ? "Healthy" : "Progressing",
      message: `${counts.updated} of ${meant} above the partition are new`,
      current: true,
      ...counts,
    };
  }
  return rolled(counts, { available: numberAt(object, "status", "availableReplicas") ?? counts.ready, all: count("replicas") });
}

function daemonSet(object: JsonObject): WorkloadState {
  const count = counter(object);
  const desired = numberAt(object, "status", "desiredNumberScheduled");
  const counts = { desired: desired ?? 0, updated: count("updatedNumberScheduled"), ready: count("numberReady") };
  if (!isObserved(object) || desired === undefined) return outdated(counts);
  return rolled(counts, { available: count("numberAvailable"), all: counts.updated });
}

function rolled(counts: Counts, { available, all }: { readonly available: number; readonly all: number }): WorkloadState {
  const { desired, updated } = counts;
  const state = (health: "Healthy" | "Progressing", message: string): WorkloadState => ({
    health,
    message,
    current: true,
    ...counts,
  });
  if (updated < desired) return state("Progressing", `${updated} of ${desired} replicas are new`);
  if (all > updated) return state("Progressing", `${all - updated} old replicas are still there`);
  if (available < desired) return state("Progressing", `${available} of ${desired} replicas are available`);
  return state("Healthy", `${desired} of ${desired} replicas are new and available`);
}

function job(object: JsonObject): WorkloadState {
  const counts = {
    desired: numberAt(object, "spec", "completions") ?? 1,
    updated: numberAt(object, "status", "succeeded") ?? 0,
    ready: numberAt(object, "status", "ready") ?? 0,
  };
  const failed = conditionOf(object, "Failed");
  if (failed.status === "True") return { health: "Degraded", message: `it failed: ${failed.message}`, current: true, ...counts };
  if (conditionOf(object, "Complete").status === "True")
    return { health: "Healthy", message: "it is complete", current: true, ...counts };
  const started = textAt(object, "status", "startTime") !== undefined;
  return {
    health: "Progressing",
    message: started ? `${counts.updated} of ${counts.desired} have succeeded` : "it has not started",
    current: started,
    ...counts,
  };
}

function pod(object: JsonObject): WorkloadState {
  const phase = textAt(object, "status", "phase");
  const ready = conditionOf(object, "Ready").status === "True";
  const counts = { desired: 1, updated: 1, ready: ready ? 1 : 0 };
  if (phase === undefined) return { health: "Unknown", message: "it has no phase", current: false, ...NO_COUNTS };
  if (phase === "Failed")
    return { health: "Degraded", message: `it failed: ${textAt(object, "status", "message") ?? ""}`, current: true, ...counts };
  const done = phase === "Succeeded" || ready;
  return { health: done ? "Healthy" : "Progressing", message: `its phase is ${phase}`, current: true, ...counts };
}

function isObserved(object: JsonObject): boolean {
  const generation = numberAt(object, "metadata", "generation");
  const observed = numberAt(object, "status", "observedGeneration");
  return generation !== undefined && observed !== undefined && observed >= generation;
}

/** Kubernetes leaves out counts that are 0. */
function counter(object: JsonObject): (name: string) => number {
  return (name) => numberAt(object, "status", name) ?? 0;
}

/** The condition of the object's status; one that is not there has no status, and `Ready: False` is not ready. */
export function conditionOf(
  object: JsonObject,
  type: string,
): { readonly status: string; readonly reason: string; readonly message: string } {
  const found: Json | undefined = listAt(object, "status", "conditions").find((one) => textAt(one, "type") === type);
  return {
    status: textAt(found, "status") ?? "",
    reason: textAt(found, "reason") ?? "",
    message: textAt(found, "message") ?? "",
  };
}
