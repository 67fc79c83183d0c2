/** A workload's manifests as the hub has them: the inline ones, and what they name beside the workload when that follows. */
import type { FederatedWorkload } from "../api/schema/workload.ts";
import { type JsonObject, textAt } from "../json/value.ts";
import type { ClusterClient } from "../kube/types.ts";
import { type Followed, followDependencies } from "../plan/dependencies.ts";
import { fetchDependencies } from "../templates/dependencies.ts";

/**
 * Only objects of the workload's own namespace follow: whoever may declare a workload there need not be allowed to read the
 * Secrets of another, and the controller may. What is in another one is told as missing. Rejects with what the hub refused:
 * half of it would look like something that is to leave.
 */
export async function followedManifests(
  { metadata, spec }: FederatedWorkload,
  hub: ClusterClient,
  signal: AbortSignal,
): Promise<Followed> {
  const manifests = (spec.template.manifests ?? []) as readonly JsonObject[];
  if (spec.policy.dependencies !== "Follow") return { manifests, missing: [] };
  const namespace = metadata.namespace ?? "default";
  const own = manifests.filter((one) => (textAt(one, "metadata", "namespace") ?? namespace) === namespace);
  const { objects, problems } = await fetchDependencies(hub, own, namespace, signal);
  if (problems[0] !== undefined) throw problems[0].error;
  return followDependencies(manifests, objects, namespace);
}
