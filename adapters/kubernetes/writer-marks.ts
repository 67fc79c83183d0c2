/** What every object says that a sync has made, whichever kind it is of: whose it is, where it has been, how the registry calls it. Pure. */
import { createHash } from "node:crypto";
import type { FoundRecord, Owner } from "../../src/sidecar/plan/record.ts";

export const IMPORTED_LABEL = "meshbridge.io/imported";
export const MANAGER = "meshbridge";
/** Whose the fields are that we write, to the API server. */
export const FIELD_MANAGER = "meshbridge-sidecar";
const OWNER = "meshbridge.io/owner";
const EPOCH = "meshbridge.io/epoch";
const ORIGIN = "meshbridge.io/origin";
/** As the registry calls it. */
const SERVICE = "meshbridge.io/service";

const KINDS = ["Service", "EndpointSlice", "ServiceEntry"] as const;
export type Kind = (typeof KINDS)[number];
export type Manifest = Readonly<Record<string, unknown>>;

/** Which object it is. */
export interface ObjectName {
  readonly kind: Kind;
  readonly namespace: string;
  readonly name: string;
}

/** `KIND NAMESPACE/NAME`. */
export function keyOf({ kind, namespace, name }: ObjectName): string {
  return `${kind} ${namespace}/${name}`;
}

/** Of a key that `keyOf` made. */
export function parseKey(key: string): ObjectName {
  const [of = "", rest = ""] = key.split(" ");
  const [namespace = "", name = ""] = rest.split("/");
  return { kind: KINDS.find((kind) => kind === of) ?? "EndpointSlice", namespace, name };
}

export type Marks = Readonly<Record<string, string>>;

export function marksOf({ cluster, instance, epoch }: Owner, origin: readonly string[]): Marks {
  return { [OWNER]: `${cluster}/${instance}`, [EPOCH]: String(epoch), [ORIGIN]: origin.join(",") };
}

/** With the marks as annotations, since labels have no room for them. */
export function metadataOf({ namespace, name }: Omit<ObjectName, "kind">, service: string, marks: Marks) {
  return {
    ...{ namespace, name },
    labels: { [IMPORTED_LABEL]: "true", "app.kubernetes.io/managed-by": MANAGER },
    annotations: { ...marks, [SERVICE]: service },
  };
}

/** What an object that is there says, and at which version. */
export interface FoundObject {
  readonly record: FoundRecord;
  readonly resourceVersion: string;
  readonly uid: string;
  /** Step of a JSON Patch that is due before the object is applied, so that what an apply leaves out goes. */
  readonly adoption: object | undefined;
}

export interface FoundMetadata extends Omit<FoundObject, "record">, Omit<ObjectName, "kind"> {
  readonly service: string;
  readonly marks: Marks;
  /** Undefined: it says of none. */
  readonly owner: Owner | undefined;
}

/** Undefined when it is no object. */
export function readMetadata(raw: unknown): FoundMetadata | undefined {
  const metadata = mapping(mapping(raw)["metadata"]);
  const [namespace, name, resourceVersion, uid] = ["namespace", "name", "resourceVersion", "uid"].map((key) =>
    text(metadata[key]),
  );
  if (namespace === undefined || name === undefined || resourceVersion === undefined || uid === undefined) return undefined;
  const annotations = mapping(metadata["annotations"]);
  const marks = Object.fromEntries(
    [OWNER, EPOCH, ORIGIN].flatMap((key) => (text(annotations[key]) === undefined ? [] : [[key, String(annotations[key])]])),
  );
  const service = text(annotations[SERVICE]) ?? name;
  const adoption = adoptionOf(list(metadata["managedFields"]).map(mapping));
  return { namespace, name, resourceVersion, uid, adoption, service, marks, owner: ownerOf(annotations) };
}

/**
 * What was created by a POST is held by an `Update` of ours, which no apply ever lets go of: a port that has changed would be
 * there beside the new one (Kubernetes, "Server-Side Apply", transferring ownership). It becomes an `Apply`, or goes where there is one.
 */
function adoptionOf(managers: readonly Manifest[]): object | undefined {
  const of = (operation: string) =>
    managers.findIndex(
      (each) => each["manager"] === FIELD_MANAGER && each["operation"] === operation && !text(each["subresource"]),
    );
  const at = of("Update");
  if (at < 0) return undefined;
  const path = `/metadata/managedFields/${at}`;
  return of("Apply") < 0 ? { op: "replace", path: `${path}/operation`, value: "Apply" } : { op: "remove", path };
}

function ownerOf(annotations: Manifest): Owner | undefined {
  const [owner, epoch] = [text(annotations[OWNER]), text(annotations[EPOCH])];
  const at = owner?.indexOf("/") ?? -1;
  if (owner === undefined || at < 1 || epoch === undefined || !/^\d{1,15}$/.test(epoch)) return undefined;
  return { cluster: owner.slice(0, at), instance: owner.slice(at + 1), epoch: Number(epoch) };
}

/** A DNS label (RFC 1035); what had to be changed for that has a hash of how it was, so that two never become one. */
export function objectName(service: string): string {
  if (/^[a-z]([a-z0-9-]{0,48}[a-z0-9])?$/.test(service)) return service;
  const plain = service
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^[^a-z]+|-+$/g, "");
  return `${plain.slice(0, 48).replace(/-+$/, "") || "service"}-${hash(service)}`;
}

/** Eight hexadecimal digits. */
export function hash(of: string): string {
  return createHash("sha256").update(of).digest("hex").slice(0, 8);
}

/** Empty when it is none. */
export function mapping(value: unknown): Manifest {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Manifest) : {};
}

/** Empty when it is none. */
export function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** Undefined when it is none, or empty. */
export function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** 0 when it is none. */
export function number(value: unknown): number {
  return typeof value === "number" ? value : 0;
}
