/** What a workload names and needs: ConfigMaps, Secrets, ServiceAccounts, claims. It follows the workload when asked. Pure. */
import { compareText } from "../../src/kernel/compare.ts";
import { podSpecPath } from "../interpret/pod-template.ts";
import { type Json, type JsonObject, listAt, numberAt, textAt, valueAt, withKey } from "../json/value.ts";
import { keyOf, keyText, kindRank, type ObjectKey } from "./object-key.ts";

export interface Reference {
  readonly key: ObjectKey;
  /** It may be missing: the Pod starts without it. */
  readonly optional: boolean;
}

type Kind = "ConfigMap" | "Secret" | "ServiceAccount" | "PersistentVolumeClaim";
type Add = (kind: Kind, name: string | undefined, optional: boolean) => void;

/** Each once, sorted. A ServiceAccount named `default` is there by itself, and claims of a StatefulSet's template as well. */
export function referencesOf(manifest: JsonObject): readonly Reference[] {
  const path = podSpecPath(manifest);
  if (path === undefined) return [];
  const found = new Map<string, Reference>();
  const namespace = textAt(manifest, "metadata", "namespace") ?? "default";
  const add: Add = (kind, name, optional) => {
    if (name === undefined || name === "" || (kind === "ServiceAccount" && name === "default")) return;
    const key = { group: "", kind, namespace, name };
    const known = found.get(keyText(key));
    // Needed once is needed.
    found.set(keyText(key), { key, optional: optional && (known?.optional ?? true) });
  };
  const pod = valueAt(manifest, path);
  add("ServiceAccount", textAt(pod, "serviceAccountName"), false);
  for (const secret of listAt(pod, "imagePullSecrets")) add("Secret", textAt(secret, "name"), false);
  for (const volume of listAt(pod, "volumes")) fromVolume(volume, add);
  for (const list of ["containers", "initContainers"]) for (const container of listAt(pod, list)) fromContainer(container, add);
  return [...found.values()].sort((a, b) => compareText(keyText(a.key), keyText(b.key)));
}

function fromVolume(volume: Json, add: Add): void {
  add("ConfigMap", textAt(volume, "configMap", "name"), isOptional(volume, "configMap"));
  add("Secret", textAt(volume, "secret", "secretName"), isOptional(volume, "secret"));
  add("PersistentVolumeClaim", textAt(volume, "persistentVolumeClaim", "claimName"), false);
  for (const source of listAt(volume, "projected", "sources")) {
    add("ConfigMap", textAt(source, "configMap", "name"), isOptional(source, "configMap"));
    add("Secret", textAt(source, "secret", "name"), isOptional(source, "secret"));
  }
}

function fromContainer(container: Json, add: Add): void {
  for (const source of listAt(container, "envFrom")) {
    add("ConfigMap", textAt(source, "configMapRef", "name"), isOptional(source, "configMapRef"));
    add("Secret", textAt(source, "secretRef", "name"), isOptional(source, "secretRef"));
  }
  for (const variable of listAt(container, "env")) {
    const from = valueAt(variable, ["valueFrom"]);
    add("ConfigMap", textAt(from, "configMapKeyRef", "name"), isOptional(from, "configMapKeyRef"));
    add("Secret", textAt(from, "secretKeyRef", "name"), isOptional(from, "secretKeyRef"));
  }
}

function isOptional(value: Json | undefined, key: string): boolean {
  return valueAt(value, [key, "optional"]) === true;
}

export interface Followed {
  /** The manifests and what they need, each once, in the order of need. */
  readonly manifests: readonly JsonObject[];
  /** Needed, neither in the template nor in the hub. */
  readonly missing: readonly ObjectKey[];
}

/** `hub`: objects by `keyText` as they are where the template comes from; what is the API server's own is taken off them. */
export function followDependencies(manifests: readonly JsonObject[], hub: ReadonlyMap<string, JsonObject>): Followed {
  const all = new Map(manifests.map((manifest) => [keyText(keyOf(manifest)), manifest]));
  const missing: ObjectKey[] = [];
  const given = new Set([...all.keys()].map((text) => text.replace(/^(\/[^/]+\/)\/(.*)$/, "$1default/$2")));
  for (const { key, optional } of manifests.flatMap(referencesOf)) {
    const text = keyText(key);
    if (all.has(text) || given.has(text)) continue;
    const source = hub.get(text);
    if (source !== undefined) all.set(text, withoutServerFields(source));
    else if (!optional && !missing.some((one) => keyText(one) === text)) missing.push(key);
  }
  const ordered = [...all.values()].sort((a, b) => rank(a) - rank(b) || compareText(keyText(keyOf(a)), keyText(keyOf(b))));
  return { manifests: ordered, missing };
}

const rank = (manifest: JsonObject) => kindRank(textAt(manifest, "kind") ?? "");

/** The object as somebody would have written it: no status, and of its metadata what people write. */
function withoutServerFields(object: JsonObject): JsonObject {
  const metadata = Object.fromEntries(
    ["name", "namespace", "labels", "annotations"].flatMap((key): [string, Json][] => {
      const value = valueAt(object, ["metadata", key]);
      return value === undefined ? [] : [[key, value]];
    }),
  );
  const kept = Object.entries(object).filter(([key]) => key !== "status");
  return withKey(withKey(Object.fromEntries(kept), "metadata", metadata), "kind", textAt(object, "kind") ?? "");
}

/** Whether a manifest has replicas that can be set: a Pod template and a number, or a kind that has one by itself. */
export function isScalable(manifest: JsonObject): boolean {
  if (podSpecPath(manifest) === undefined) return false;
  return (
    ["Deployment", "StatefulSet", "ReplicaSet"].includes(textAt(manifest, "kind") ?? "") ||
    numberAt(manifest, "spec", "replicas") !== undefined
  );
}
