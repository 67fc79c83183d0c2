/**
 * Between a registration and the objects that say so in Kubernetes: a Service without a selector, and an EndpointSlice for
 * each instance, so that instances come and go one by one. Pure.
 */
import { createHash } from "node:crypto";
import { isIP } from "node:net";
import type { FoundRecord, Owner, Traffic, WantedRecord } from "../../src/sidecar/plan/record.ts";
import type { Registration } from "../../src/sidecar/registration.ts";

export const IMPORTED_LABEL = "meshbridge.io/imported";
const OWNER = "meshbridge.io/owner";
const EPOCH = "meshbridge.io/epoch";
const ORIGIN = "meshbridge.io/origin";
/** As the registry calls it. */
const SERVICE = "meshbridge.io/service";
const MANAGER = "meshbridge";

export type Kind = "Service" | "EndpointSlice";
export type Manifest = Readonly<Record<string, unknown>>;

/** What is compared: all that we write, and nothing that others add. */
export interface KubeContent {
  readonly kind: Kind;
  readonly namespace: string;
  readonly name: string;
  readonly service: string;
  readonly marks: Readonly<Record<string, string>>;
  readonly port: { readonly name: string; readonly port: number; readonly appProtocol: string | null };
  /** Of a slice alone. */
  readonly address?: string;
  readonly zone?: string | null;
  readonly traffic: Traffic;
}

/** A Service for all instances alike, and this one's slice. None when the address is no IP literal. */
export function recordsOf(registration: Registration, owner: Owner, namespace: string): readonly WantedRecord[] {
  const { service, address, port, servicePort = port, protocol = "tcp", zone = null, traffic, origin, id } = registration;
  if (isIP(address) === 0) return [];
  const marks = { [OWNER]: `${owner.cluster}/${owner.instance}`, [EPOCH]: String(owner.epoch), [ORIGIN]: origin.join(",") };
  const name = objectName(service);
  const appProtocol = protocol === "http2" || protocol === "grpc" ? "kubernetes.io/h2c" : protocol === "http" ? "http" : null;
  const shared = { namespace, service, marks };
  const main = { name: "main", appProtocol };
  const objects: readonly KubeContent[] = [
    { ...shared, kind: "Service", name, port: { ...main, port: servicePort }, traffic: "in" },
    {
      ...{ ...shared, kind: "EndpointSlice", name: `${name}-${hash(id)}`, port: { ...main, port }, traffic },
      ...{ address, zone },
    },
  ];
  return objects.map((content) => ({
    ...{ key: keyOf(content), service, traffic: content.traffic, content: contentText(content), origin },
  }));
}

/** `Service namespace/name`. */
function keyOf({ kind, namespace, name }: Pick<KubeContent, "kind" | "namespace" | "name">): string {
  return `${kind} ${namespace}/${name}`;
}

export function parseKey(key: string): Pick<KubeContent, "kind" | "namespace" | "name"> {
  const [kind = "", rest = ""] = key.split(" ");
  const [namespace = "", name = ""] = rest.split("/");
  return { kind: kind === "Service" ? "Service" : "EndpointSlice", namespace, name };
}

function contentText({ kind, namespace, name, service, marks, port, address, zone, traffic }: KubeContent): string {
  return JSON.stringify([
    kind,
    namespace,
    name,
    service,
    Object.entries(marks).sort(),
    port.name,
    port.port,
    port.appProtocol,
    address ?? null,
    zone ?? null,
    traffic,
  ]);
}

/** The object that a content stands for, as it is applied. */
export function objectOf(record: WantedRecord): Manifest {
  const [kind, namespace, name, service, marks, portName, port, appProtocol, address, zone, traffic] = JSON.parse(
    record.content,
  ) as [Kind, string, string, string, [string, string][], string, number, string | null, string | null, string | null, Traffic];
  const metadata = {
    ...{ namespace, name },
    labels: { [IMPORTED_LABEL]: "true", "app.kubernetes.io/managed-by": MANAGER },
    annotations: { ...Object.fromEntries(marks), [SERVICE]: service },
  };
  const ports = [{ name: portName, port, protocol: "TCP", ...(appProtocol !== null && { appProtocol }) }];
  if (kind === "Service") return { apiVersion: "v1", kind, metadata, spec: { type: "ClusterIP", ports } };
  const labels = {
    ...metadata.labels,
    "kubernetes.io/service-name": objectName(service),
    "endpointslice.kubernetes.io/managed-by": MANAGER,
  };
  const out = traffic === "out";
  const conditions = { ready: !out, serving: true, terminating: out };
  const endpoint = { addresses: [address], conditions, ...(zone !== null && { zone }) };
  const addressType = isIP(address ?? "") === 6 ? "IPv6" : "IPv4";
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind,
    metadata: { ...metadata, labels },
    addressType,
    endpoints: [endpoint],
    ports,
  };
}

/** What an object that is there says, and at which version. Undefined when it is none. */
export interface FoundObject {
  readonly record: FoundRecord;
  readonly resourceVersion: string;
  readonly uid: string;
}

export function foundOf(kind: Kind, raw: unknown): FoundObject | undefined {
  const object = mapping(raw);
  const metadata = mapping(object["metadata"]);
  const [namespace, name, resourceVersion, uid] = ["namespace", "name", "resourceVersion", "uid"].map((key) =>
    text(metadata[key]),
  );
  if (namespace === undefined || name === undefined || resourceVersion === undefined || uid === undefined) return undefined;
  const annotations = mapping(metadata["annotations"]);
  const service = text(annotations[SERVICE]) ?? name;
  const marks = Object.fromEntries(
    [OWNER, EPOCH, ORIGIN].flatMap((key) => (text(annotations[key]) === undefined ? [] : [[key, String(annotations[key])]])),
  );
  const holder = kind === "Service" ? mapping(object["spec"]) : object;
  const port = mapping(list(holder["ports"])[0]);
  const endpoint = mapping(list(object["endpoints"])[0]);
  const traffic: Traffic = kind === "EndpointSlice" && mapping(endpoint["conditions"])["ready"] === false ? "out" : "in";
  const content = contentText({
    ...{ kind, namespace, name, service, marks, traffic },
    port: { name: text(port["name"]) ?? "", port: Number(port["port"]), appProtocol: text(port["appProtocol"]) ?? null },
    ...(kind === "EndpointSlice" && {
      address: text(list(endpoint["addresses"])[0]) ?? "",
      zone: text(endpoint["zone"]) ?? null,
    }),
  });
  const record = { key: keyOf({ kind, namespace, name }), service, traffic, content, owner: ownerOf(annotations) };
  return { record, resourceVersion, uid };
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

function hash(of: string): string {
  return createHash("sha256").update(of).digest("hex").slice(0, 8);
}

function mapping(value: unknown): Manifest {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Manifest) : {};
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}
