/** The main object and its Pods in one cluster, and which of them leave first. */
import { kindKey } from "../interpret/interpret.ts";
import { type JsonObject, textAt, valueAt } from "../json/value.ts";
import type { ClusterClient, Selection } from "../kube/types.ts";
import { keyOf, type ObjectKey } from "../plan/object-key.ts";
import type { LiveWorkload } from "./types.ts";

/** Kubernetes' own annotation: a ReplicaSet that loses replicas takes the cheapest of equally ready Pods first. */
const DELETION_COST = "controller.kubernetes.io/pod-deletion-cost";
/** What we write: below whatever people usually do. */
const OUR_COST = "-1000000";

/** Undefined when anything of it cannot be read. Needs the right to list Pods and ReplicaSets. */
export async function readLive(
  client: ClusterClient,
  main: ObjectKey,
  { now, signal }: { readonly now: () => number; readonly signal: AbortSignal },
): Promise<LiveWorkload | undefined> {
  const observedAt = now();
  const answer = await client.get(main, signal);
  if ("error" in answer && answer.status !== 404) return undefined;
  const object = "error" in answer ? undefined : answer.value;
  const selection = { namespace: main.namespace, ...labelsOf(object) };
  const [pods, replicaSets] = await Promise.all([
    client.list({ group: "", kind: "Pod" }, selection, signal),
    main.kind === "Deployment" ? client.list({ group: "apps", kind: "ReplicaSet" }, selection, signal) : { value: [] },
  ]);
  if ("error" in pods || "error" in replicaSets) return undefined;
  return { object, pods: pods.value, replicaSets: replicaSets.value, observedAt };
}

/** Only those that its selector can mean; all of the namespace when it is gone, or its selector is more than labels. */
function labelsOf(object: JsonObject | undefined): Pick<Selection, "labelSelector"> {
  const selector = valueAt(object, ["spec", "selector"]);
  const labels = Object.entries((valueAt(selector, ["matchLabels"]) ?? {}) as JsonObject);
  if (labels.length === 0 || valueAt(selector, ["matchExpressions"]) !== undefined) return {};
  return { labelSelector: labels.map(([key, value]) => `${key}=${String(value)}`).join(",") };
}

/**
 * See `DriverPorts.markForRemoval`. Marks of an earlier removal that came to nothing are taken off, or others would leave than
 * those that were drained. A StatefulSet takes its highest ordinals whatever is marked.
 */
export async function markForRemoval(
  client: ClusterClient,
  { live, pods, fieldManager }: { readonly live: LiveWorkload; readonly pods: readonly string[]; readonly fieldManager: string },
  signal: AbortSignal,
): Promise<boolean> {
  if (live.object !== undefined && kindKey(live.object) === "apps/StatefulSet") return true;
  const leaving = new Set(pods);
  for (const pod of live.pods) {
    const marked = textAt(pod, "metadata", "annotations", DELETION_COST) === OUR_COST;
    const leaves = leaving.has(textAt(pod, "metadata", "name") ?? "");
    if (marked === leaves) continue;
    const patch = { metadata: { annotations: { [DELETION_COST]: leaves ? OUR_COST : null } } };
    const key = keyOf({ apiVersion: "v1", kind: "Pod", ...pod });
    const answer = await client.patch(key, patch, { fieldManager }, signal);
    if ("error" in answer && answer.status !== 404) return false;
  }
  return true;
}
