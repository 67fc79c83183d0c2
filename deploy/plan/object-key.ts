/** Which object of a cluster is meant. Pure. */
import { type JsonObject, textAt } from "../json/value.ts";

export interface ObjectKey {
  /** API group; empty for the core. The version is no part of which object it is. */
  readonly group: string;
  readonly kind: string;
  /** Empty for objects of the whole cluster. */
  readonly namespace: string;
  readonly name: string;
}

export function keyOf(object: JsonObject): ObjectKey {
  const apiVersion = textAt(object, "apiVersion") ?? "";
  const slash = apiVersion.indexOf("/");
  return {
    group: slash < 0 ? "" : apiVersion.slice(0, slash),
    kind: textAt(object, "kind") ?? "",
    namespace: textAt(object, "metadata", "namespace") ?? "",
    name: textAt(object, "metadata", "name") ?? "",
  };
}

/** `apps/Deployment/shop/web`: no part may hold a slash, so it is unique. */
export function keyText({ group, kind, namespace, name }: ObjectKey): string {
  return `${group}/${kind}/${namespace}/${name}`;
}

/** `Deployment shop/web`. */
export function objectText({ kind, namespace, name }: ObjectKey): string {
  return namespace === "" ? `${kind} ${name}` : `${kind} ${namespace}/${name}`;
}

/** What others need comes first; what leaves goes the other way round. As Helm and kubectl order kinds, roughly. */
const ORDER = [
  "Namespace",
  "CustomResourceDefinition",
  "ResourceQuota",
  "LimitRange",
  "ServiceAccount",
  "Secret",
  "ConfigMap",
  "StorageClass",
  "PersistentVolume",
  "PersistentVolumeClaim",
  "ClusterRole",
  "ClusterRoleBinding",
  "Role",
  "RoleBinding",
  "Service",
];
const LAST = ["HorizontalPodAutoscaler", "PodDisruptionBudget", "Ingress", "HTTPRoute"];

/** Lower comes first. Kinds that are not known, custom ones too, come between Services and what points at workloads. */
export function kindRank(kind: string): number {
  const early = ORDER.indexOf(kind);
  if (early >= 0) return early;
  const late = LAST.indexOf(kind);
  return late < 0 ? ORDER.length : ORDER.length + 1 + late;
}
