/** What is wanted in one cluster: the template with overrides, replicas, namespace and marks. Pure. */
import { createHash } from "node:crypto";
import type { FederatedWorkload } from "../api/schema/workload.ts";
import { scalePath } from "../interpret/scale.ts";
import { pointerText } from "../json/pointer.ts";
import { canonicalText, type Json, type JsonObject, jsonEqual, textAt, valueAt, withKey, withValueAt } from "../json/value.ts";
import { applyOverrides, type OverrideProblem } from "../overrides/apply.ts";
import type { ClusterView } from "../placement/fleet.ts";
import type { Share } from "../replicas/request.ts";
import { marked } from "./ownership.ts";

export interface WantedInput {
  readonly workload: FederatedWorkload;
  /** The template rendered, dependencies with it. */
  readonly manifests: readonly JsonObject[];
  readonly cluster: ClusterView;
  /** Undefined when the workload says nothing of replicas. */
  readonly share: Share | undefined;
  readonly revision: string;
  /** `group/Kind` of what has no namespace, beside Kubernetes' own. */
  readonly clusterScoped: ReadonlySet<string>;
}

export type Wanted = { readonly manifests: readonly JsonObject[] } | { readonly problems: readonly OverrideProblem[] };

const CLUSTER_SCOPED = new Set([
  "/Namespace",
  "/PersistentVolume",
  "/Node",
  "rbac.authorization.k8s.io/ClusterRole",
  "rbac.authorization.k8s.io/ClusterRoleBinding",
  "apiextensions.k8s.io/CustomResourceDefinition",
  "storage.k8s.io/StorageClass",
  "scheduling.k8s.io/PriorityClass",
  "networking.k8s.io/IngressClass",
]);

/** `shop/web`. */
export function workloadKey({ metadata }: FederatedWorkload): string {
  return `${metadata.namespace ?? "default"}/${metadata.name}`;
}

/** All or nothing, as for overrides. Each manifest gets the workload's namespace unless it has one or none is possible. */
export function wantedIn({ workload, manifests, cluster, share, revision, clusterScoped }: WantedInput): Wanted {
  const overridden = applyOverrides(manifests, workload.spec.overrides, cluster);
  if ("problems" in overridden) return overridden;
  const scales = overridden.manifests.map((manifest) => scalePath(manifest, workload.spec.interpret));
  if (share !== undefined) {
    const problem = replicasProblem(manifests, overridden.manifests, scales);
    if (problem !== undefined) return { problems: [{ cluster: cluster.name, rule: -1, manifest: undefined, message: problem }] };
  }
  const namespace = workload.metadata.namespace ?? "default";
  return {
    manifests: overridden.manifests.map((manifest, index) => {
      const path = scales[index];
      const sized =
        share === undefined || path === undefined ? manifest : withValueAt(manifest, path, share.replicas + share.pending);
      return marked(inNamespace(sized, namespace, clusterScoped), workloadKey(workload), revision);
    }),
  };
}

function replicasProblem(
  before: readonly JsonObject[],
  after: readonly JsonObject[],
  scales: readonly (readonly string[] | undefined)[],
): string | undefined {
  const scalable = scales.flatMap((path, index) => (path === undefined ? [] : [{ path, index }]));
  if (scalable.length > 1)
    return `spec.replicas is for one workload, and the template has ${scalable.length}: make one object of each`;
  const [only] = scalable;
  if (only === undefined) return "spec.replicas is given, and the template has nothing that has replicas";
  const { path, index } = only;
  const same = jsonEqual(valueAt(before[index], path), valueAt(after[index], path));
  return same ? undefined : `an override writes ${pointerText(path)}, which spec.replicas writes as well`;
}

/** With the namespace, unless the manifest has one or its kind has none. */
export function inNamespace(manifest: JsonObject, namespace: string, clusterScoped: ReadonlySet<string>): JsonObject {
  const apiVersion = textAt(manifest, "apiVersion") ?? "";
  const kind = `${apiVersion.includes("/") ? apiVersion.slice(0, apiVersion.indexOf("/")) : ""}/${textAt(manifest, "kind") ?? ""}`;
  if (CLUSTER_SCOPED.has(kind) || clusterScoped.has(kind) || textAt(manifest, "metadata", "namespace") !== undefined)
    return manifest;
  return withKey(manifest, "metadata", withKey((valueAt(manifest, ["metadata"]) ?? {}) as JsonObject, "namespace", namespace));
}

/**
 * Name of what is rolled out: 10 hexadecimal digits of template and overrides. Replicas, placement and policy are no part
 * of it: changing those is no new revision.
 */
export function revisionOf(workload: FederatedWorkload, manifests: readonly JsonObject[]): string {
  const text = canonicalText([[...manifests], workload.spec.overrides as unknown as Json]);
  return createHash("sha256").update(text).digest("hex").slice(0, 10);
}
