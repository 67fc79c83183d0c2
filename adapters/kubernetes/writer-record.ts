/**
 * Between a registration and the objects that say so in Kubernetes: a Service without a selector, and an EndpointSlice for
 * each instance, so that instances come and go one by one. Pure.
 */
import { isIP } from "node:net";
import type { Owner, Traffic, WantedRecord } from "../../src/sidecar/plan/record.ts";
import type { Registration } from "../../src/sidecar/registration.ts";
import {
  type FoundObject,
  hash,
  type Kind,
  keyOf,
  list,
  MANAGER,
  type Manifest,
  type Marks,
  mapping,
  marksOf,
  metadataOf,
  number,
  objectName,
  readMetadata,
  text,
} from "./writer-marks.ts";

/** What is compared: all that we write, and nothing that others add. */
interface KubeContent {
  readonly kind: Kind;
  readonly namespace: string;
  readonly name: string;
  readonly service: string;
  readonly marks: Marks;
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
  const name = objectName(service);
  const appProtocol = protocol === "http2" || protocol === "grpc" ? "kubernetes.io/h2c" : protocol === "http" ? "http" : null;
  const shared = { namespace, service, marks: marksOf(owner, origin) };
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
  const metadata = metadataOf({ namespace, name }, service, Object.fromEntries(marks));
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

/** Of a Service or a slice; undefined when it is no object. */
export function foundOf(kind: Kind, raw: unknown): FoundObject | undefined {
  const metadata = readMetadata(raw);
  if (metadata === undefined) return undefined;
  const object = mapping(raw);
  const { namespace, name, service, marks, owner, resourceVersion, uid, adoption } = metadata;
  const holder = kind === "Service" ? mapping(object["spec"]) : object;
  const port = mapping(list(holder["ports"])[0]);
  const endpoint = mapping(list(object["endpoints"])[0]);
  const traffic: Traffic = kind === "EndpointSlice" && mapping(endpoint["conditions"])["ready"] === false ? "out" : "in";
  const content = contentText({
    ...{ kind, namespace, name, service, marks, traffic },
    port: { name: text(port["name"]) ?? "", port: number(port["port"]), appProtocol: text(port["appProtocol"]) ?? null },
    ...(kind === "EndpointSlice" && {
      address: text(list(endpoint["addresses"])[0]) ?? "",
      zone: text(endpoint["zone"]) ?? null,
    }),
  });
  return { record: { key: keyOf({ kind, namespace, name }), service, traffic, content, owner }, resourceVersion, uid, adoption };
}
