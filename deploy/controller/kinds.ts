/** The hub's objects that the controller reads and writes. Pure. */
import { API_VERSION } from "../api/schema/common.ts";
import { type JsonObject, textAt, valueAt } from "../json/value.ts";
import type { KindRef } from "../kube/types.ts";
import type { ObjectKey } from "../plan/object-key.ts";

const GROUP = API_VERSION.slice(0, API_VERSION.indexOf("/"));
export const WORKLOAD_KIND: KindRef = { group: GROUP, kind: "FederatedWorkload" };
export const CLUSTER_KIND: KindRef = { group: GROUP, kind: "Cluster" };
export const FIELD_MANAGER = "meshbridge-controller";
/** Held on every FederatedWorkload, so that it is not gone before what it made is. */
export const FINALIZER = "deploy.meshbridge.io/clean-up";
/** Somebody lets the deletes go that the condition DeletionHeld asked about: its value is the hash named there. */
export const APPROVE_DELETES = "deploy.meshbridge.io/approve-deletes";
/** `true`: the last healthy copy may go, and the last endpoint may be drained. */
export const ALLOW_LAST_COPY = "deploy.meshbridge.io/allow-last-copy";

/** `namespace/name` of a FederatedWorkload. */
export function workloadKeyOf(key: string): ObjectKey {
  const slash = key.indexOf("/");
  return { ...WORKLOAD_KIND, namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}

export function annotationOf(object: JsonObject, name: string): string | undefined {
  return textAt(object, "metadata", "annotations", name);
}

/** Without what only the API server writes: for checks that know every field. */
export function declaredPart(object: JsonObject): JsonObject {
  const metadata = (valueAt(object, ["metadata"]) ?? {}) as JsonObject;
  const kept = ["name", "namespace", "labels", "annotations", "generation"].flatMap((key) =>
    metadata[key] === undefined ? [] : [[key, metadata[key]] as const],
  );
  const { status: _, ...rest } = object;
  return { ...rest, metadata: Object.fromEntries(kept) };
}
