/** What a workload names and needs: ConfigMaps, Secrets, ServiceAccounts, claims. It follows the workload when asked. Pure. */
import { compareText } from "../../src/kernel/compare.ts";
import { podSpecPath } from "../interpret/pod-template.ts";
import { type Json, type JsonObject, listAt, textAt, valueAt, withKey } from "../json/value.ts";
import { keyOf, keyText, kindRank, type ObjectKey, objectText } from "./object-key.ts";

export interface Reference {
  readonly key: ObjectKey;
  /** It may be missing: the Pod starts without it. */
  readonly optional: boolean;
}

type Kind = "ConfigMap" | "Secret" | "ServiceAccount" | "PersistentVolumeClaim";
type Add = (kind: Kind, name: string | undefined, optional: boolean) => void;

/** In every namespace of every cluster, by Kubernetes itself. */
const EVERYWHERE: ReadonlySet<string> = new Set(["ServiceAccount/default", "ConfigMap/kube-root-ca.crt"]);

/** Each once, sorted. What is in every namespace by itself is none, and claims of a StatefulSet's template are none. */
export function referencesOf(manifest: JsonObject, ownNamespace = "default"): readonly Reference[] {
  const found = new Map<string, Reference>();
  const namespace = textAt(manifest, "metadata", "namespace") ?? ownNamespace;
  const add: Add = (kind, name, optional) => {
    if (name === undefined || name === "" || EVERYWHERE.has(`${kind}/${name}`)) return;
    const key = { group: "", kind, namespace, name };
    const known = found.get(keyText(key));
    // Needed once is needed.
    found.set(keyText(key), { key, optional: optional && (known?.optional ?? true) });
  };
  fromObject(manifest, add);
  const path = podSpecPath(manifest);
  if (path !== undefined) fromPod(valueAt(manifest, path), add);
  return [...found.values()].sort((a, b) => compareText(keyText(a.key), keyText(b.key)));
}

/** Certificates of an Ingress are often made in the cluster, so they may be missing. */
function fromObject(manifest: JsonObject, add: Add): void {
  const kind = textAt(manifest, "kind");
  if (kind === "Ingress") for (const one of listAt(manifest, "spec", "tls")) add("Secret", textAt(one, "secretName"), true);
  if (kind === "ServiceAccount") for (const one of listAt(manifest, "imagePullSecrets")) add("Secret", textAt(one, "name"), true);
}

function fromPod(pod: Json | undefined, add: Add): void {
  add("ServiceAccount", textAt(pod, "serviceAccountName"), false);
  for (const secret of listAt(pod, "imagePullSecrets")) add("Secret", textAt(secret, "name"), false);
  for (const volume of listAt(pod, "volumes")) fromVolume(volume, add);
  for (const list of ["containers", "initContainers"]) for (const container of listAt(pod, list)) fromContainer(container, add);
}

/** Where kinds of volumes name the Secret of their storage; it is in the Pod's namespace. */
const VOLUME_SECRETS: readonly (readonly [volume: string, ...path: string[]])[] = [
  ["azureFile", "secretName"],
  ["cephfs", "secretRef", "name"],
  ["cinder", "secretRef", "name"],
  ["csi", "nodePublishSecretRef", "name"],
  ["flexVolume", "secretRef", "name"],
  ["iscsi", "secretRef", "name"],
  ["rbd", "secretRef", "name"],
  ["scaleIO", "secretRef", "name"],
  ["storageos", "secretRef", "name"],
];

function fromVolume(volume: Json, add: Add): void {
  add("ConfigMap", textAt(volume, "configMap", "name"), isOptional(volume, "configMap"));
  add("Secret", textAt(volume, "secret", "secretName"), isOptional(volume, "secret"));
  add("PersistentVolumeClaim", textAt(volume, "persistentVolumeClaim", "claimName"), false);
  for (const path of VOLUME_SECRETS) add("Secret", textAt(volume, ...path), false);
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

/** One sentence for people, with five of them by name; undefined: nothing is missing. */
export function missingNote(missing: readonly ObjectKey[]): string | undefined {
  if (missing.length === 0) return undefined;
  const names = missing.slice(0, 5).map(objectText);
  const more = missing.length > names.length ? ` and ${missing.length - names.length} more` : "";
  return `the template names ${names.join(", ")}${more}, which it does not hold and which could not be taken from where it comes from`;
}

/** What is named by `from` and is not among the manifests, each once. Namespaces left out are `namespace`. */
export function missingReferences(
  from: readonly JsonObject[],
  manifests: readonly JsonObject[],
  namespace: string,
): readonly ObjectKey[] {
  const given = keysIn(manifests, namespace);
  const missing = new Map<string, ObjectKey>();
  for (const { key } of from.flatMap((one) => referencesOf(one, namespace)))
    if (!given.has(keyText(key))) missing.set(keyText(key), key);
  return [...missing.values()];
}

/**
 * `hub`: objects by `keyText` as they are where the template comes from; what is the API server's own is taken off them, and
 * what they name follows as well. Namespaces left out are `namespace`.
 */
export function followDependencies(
  manifests: readonly JsonObject[],
  hub: ReadonlyMap<string, JsonObject>,
  namespace = "default",
): Followed {
  const all = [...manifests];
  const known = new Set(keysIn(manifests, namespace));
  const missing = new Map<string, ObjectKey>();
  // Grows while it is walked: what follows may name more.
  for (const manifest of all)
    for (const { key, optional } of referencesOf(manifest, namespace)) {
      const text = keyText(key);
      const source = hub.get(text);
      if (known.has(text) || source === undefined) {
        if (!known.has(text) && !optional) missing.set(text, key);
        continue;
      }
      known.add(text);
      // The cluster makes tokens of its own; those of another would be worth nothing there.
      if (textAt(source, "type") !== "kubernetes.io/service-account-token") all.push(portable(source));
    }
  const ordered = all.sort((a, b) => rank(a) - rank(b) || compareText(keyText(keyOf(a)), keyText(keyOf(b))));
  return { manifests: ordered, missing: [...missing.values()] };
}

function keysIn(manifests: readonly JsonObject[], namespace: string): ReadonlySet<string> {
  const keys = manifests.map(keyOf);
  return new Set(keys.map((key) => keyText(key.namespace === "" ? { ...key, namespace } : key)));
}

const rank = (manifest: JsonObject) => kindRank(textAt(manifest, "kind") ?? "");

/** Written by controllers and tools of the cluster that it comes from; the last one holds the whole object once more. */
const FOREIGN = /^(pv|volume|volume\.beta)\.kubernetes\.io\/|^kubectl\.kubernetes\.io\/last-applied-configuration$/;

/** The object as somebody would have written it: no status, of its metadata what people write, and nothing bound to where it was. */
function portable(object: JsonObject): JsonObject {
  const metadata = Object.fromEntries(
    ["name", "namespace", "labels", "annotations"].flatMap((key): [string, Json][] => {
      const value = valueAt(object, ["metadata", key]);
      return value === undefined ? [] : [[key, key === "annotations" ? ownAnnotations(value) : value]];
    }),
  );
  const dropped = textAt(object, "kind") === "ServiceAccount" ? ["status", "secrets"] : ["status"];
  const kept = Object.fromEntries(Object.entries(object).filter(([key]) => !dropped.includes(key)));
  const clean = withKey(kept, "metadata", metadata);
  if (textAt(object, "kind") !== "PersistentVolumeClaim") return clean;
  const { volumeName: _, ...spec } = (valueAt(object, ["spec"]) ?? {}) as JsonObject;
  return withKey(clean, "spec", spec);
}

function ownAnnotations(annotations: Json): JsonObject {
  return Object.fromEntries(Object.entries(annotations as JsonObject).filter(([key]) => !FOREIGN.test(key)));
}
