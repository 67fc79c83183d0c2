/** KubeFed (types.kubefed.io, scheduling.kubefed.io, core.kubefed.io) to FederatedWorkloads. Pure. */
import { type Json, type JsonObject, listAt, numberAt, ownValue, textAt, valueAt } from "../json/value.ts";
import { defined, targetOf, type WorkloadDraft } from "./output.ts";
import type { Source } from "./source.ts";

export const KUBEFED_GROUPS: ReadonlySet<string> = new Set(["types.kubefed.io", "scheduling.kubefed.io", "core.kubefed.io"]);

/** API versions of the kinds that KubeFed enables by itself; of others its FederatedTypeConfig must be in the files. */
const KNOWN: Readonly<Record<string, string>> = {
  ClusterRole: "rbac.authorization.k8s.io/v1",
  ClusterRoleBinding: "rbac.authorization.k8s.io/v1",
  ConfigMap: "v1",
  CronJob: "batch/v1",
  DaemonSet: "apps/v1",
  Deployment: "apps/v1",
  Ingress: "networking.k8s.io/v1",
  Job: "batch/v1",
  Namespace: "v1",
  PersistentVolumeClaim: "v1",
  ReplicaSet: "apps/v1",
  Role: "rbac.authorization.k8s.io/v1",
  RoleBinding: "rbac.authorization.k8s.io/v1",
  Secret: "v1",
  Service: "v1",
  ServiceAccount: "v1",
  StatefulSet: "apps/v1",
};

/** One workload for each federated object. What it cannot say is noted at the sources. */
export function convertKubefed(sources: readonly Source[]): readonly WorkloadDraft[] {
  const versions = new Map(Object.entries(KNOWN));
  for (const source of sources.filter(({ kind }) => kind === "FederatedTypeConfig")) readTypeConfig(source, versions);
  const preferences = sources.filter(({ kind }) => kind === "ReplicaSchedulingPreference");
  const drafts: WorkloadDraft[] = [];
  const used = new Set<Source>();
  for (const source of sources) {
    if (source.group !== "types.kubefed.io") continue;
    const preference = preferences.find(
      (one) =>
        one.name === source.name && one.namespace === source.namespace && textAt(one.value, "spec", "targetKind") === source.kind,
    );
    if (preference !== undefined) used.add(preference);
    const draft = convertOne(source, versions, preference);
    if (draft !== undefined) drafts.push(draft);
  }
  for (const one of preferences) {
    if (used.has(one)) continue;
    one.take("spec");
    one.note([], "the federated object it is about is not in the files");
  }
  for (const one of sources.filter(({ kind }) => kind === "KubeFedCluster")) {
    one.take("spec");
    one.note([], `join it anew: \`meshbridge deploy clusters join ${one.name}\`; its credentials are not taken over`);
  }
  return drafts;
}

function readTypeConfig(source: Source, versions: Map<string, string>): void {
  const target = source.take("spec", "targetType");
  const [group, version, kind] = [textAt(target, "group") ?? "", textAt(target, "version"), textAt(target, "kind")];
  source.take("spec");
  if (kind !== undefined && version !== undefined) versions.set(kind, group === "" ? version : `${group}/${version}`);
}

function convertOne(
  source: Source,
  versions: ReadonlyMap<string, string>,
  preference: Source | undefined,
): WorkloadDraft | undefined {
  const kind = source.kind.replace(/^Federated/, "");
  const apiVersion = versions.get(kind);
  if (apiVersion === undefined) {
    source.note(["kind"], "of which kind it is is not known: give its FederatedTypeConfig as well");
    source.take("spec");
    return undefined;
  }
  const { name, namespace } = source;
  const template = (source.take("spec", "template") ?? {}) as JsonObject;
  const own = kind === "Namespace" || namespace === undefined ? {} : { namespace };
  const metadata = { ...((ownValue(template, "metadata") ?? {}) as JsonObject), name, ...own };
  const manifest = { apiVersion, kind, ...template, metadata };
  if (kind === "Namespace")
    source.note(
      ["spec", "placement"],
      "other objects of this namespace are placed by themselves: where it is not, they would fail",
    );
  const orphan = textAt(source.value, "metadata", "annotations", "kubefed.io/orphan") === "true";
  const retained = source.take("spec", "retainReplicas") === true;
  const policy = defined({
    whenDeleted: orphan ? "Orphan" : undefined,
    ignoreFields: retained ? [{ kind, path: "/spec/replicas" }] : undefined,
  });
  return {
    name,
    namespace,
    manifests: [manifest],
    placement: placementOf(source),
    overrides: overridesOf(source, manifest),
    replicas: preference === undefined ? undefined : replicasOf(preference),
    policy,
  };
}

/** Names win over the selector; neither places nowhere, and so does an empty list. */
function placementOf(source: Source): JsonObject {
  const names = source.take("spec", "placement", "clusters");
  const selector = source.take("spec", "placement", "clusterSelector");
  if (Array.isArray(names) || selector === undefined)
    return { clusters: listAt(source.value, "spec", "placement", "clusters").flatMap((one) => textAt(one, "name") ?? []) };
  return { clusterSelector: selector };
}

function overridesOf(source: Source, manifest: JsonObject): readonly JsonObject[] {
  return listAt(source.value, "spec", "overrides").map((one, index): JsonObject => {
    const at = ["spec", "overrides", index] as const;
    const cluster = source.take(...at, "clusterName");
    const patches = listAt(one, "clusterOverrides").map((_, item) => {
      const [op = "replace", path, value] = ["op", "path", "value"].map((key) =>
        source.take(...at, "clusterOverrides", item, key),
      );
      return defined({ op, path, value });
    });
    return { clusters: [cluster ?? ""], target: targetOf(manifest), patches };
  });
}

/** Weights are 0 where they are left out, and rebalance moves everything at once. */
function replicasOf(source: Source): JsonObject {
  source.take("spec", "targetKind");
  const rebalance = source.take("spec", "rebalance") === true;
  const clusters = (source.take("spec", "clusters") ?? {}) as JsonObject;
  if (source.take("spec", "intersectWithClusterSelector") === false)
    source.note(
      ["spec", "intersectWithClusterSelector"],
      "placement counts here as well: replicas go only where it places the workload",
    );
  const preferences = Object.fromEntries(Object.entries(clusters).map(([name, one]) => [name, preferenceOf(one)]));
  return defined({
    total: source.take("spec", "totalReplicas") ?? 0,
    preferences: Object.keys(preferences).length > 0 ? preferences : undefined,
    when: rebalance ? { rebalance: "converge" } : undefined,
  });
}

function preferenceOf(one: Json): JsonObject {
  return defined({
    min: valueAt(one, ["minReplicas"]),
    max: valueAt(one, ["maxReplicas"]),
    weight: numberAt(one, "weight") ?? 0,
  });
}
