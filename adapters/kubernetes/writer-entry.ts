/**
 * Between a service's registrations and the ServiceEntry that says so to a mesh (networking.istio.io/v1): one for each
 * service and way it has come, with all instances as endpoints. It has no word for an instance that is not to be dialled
 * any more: that one is left out. Pure.
 */
import { isIP } from "node:net";
import { compareText } from "../../src/kernel/compare.ts";
import type { Owner, WantedRecord } from "../../src/sidecar/plan/record.ts";
import type { Registration } from "../../src/sidecar/registration.ts";
import {
  type FoundObject,
  hash,
  keyOf,
  list,
  type Manifest,
  mapping,
  marksOf,
  metadataOf,
  number,
  objectName,
  parseKey,
  readMetadata,
  text,
} from "./writer-marks.ts";

export interface EntrySettings {
  /** `{service}` is the service's name, where a host may be called so; otherwise what its object is called. */
  readonly hosts: readonly string[];
  readonly location: "MESH_EXTERNAL" | "MESH_INTERNAL";
}

interface EntryEndpoint {
  readonly address: string;
  readonly ports: Readonly<Record<string, number>>;
  readonly labels: Readonly<Record<string, string>>;
  /** `REGION/ZONE`; a zone without its region is nothing that a mesh could place. */
  readonly locality: string | null;
  readonly weight: number;
}

/** What is compared: all that we write, and nothing that others add. */
interface EntryContent {
  readonly hosts: readonly string[];
  readonly location: string;
  readonly resolution: string;
  readonly ports: readonly { readonly number: number; readonly name: string; readonly protocol: string }[];
  readonly endpoints: readonly EntryEndpoint[];
}

const KIND = "ServiceEntry";
const PORT = "main";
/** The protocol names of a ServiceEntry's port; whatever else is TCP to it. */
const PROTOCOLS = new Set(["HTTP", "HTTPS", "GRPC", "HTTP2", "MONGO", "TCP", "TLS"]);

/** None for a service that has no instance at an IP literal that may be dialled. Equal registrations give equal records, in whatever order. */
export function entriesOf(
  registrations: readonly Registration[],
  owner: Owner,
  { namespace, hosts, location }: EntrySettings & { readonly namespace: string },
): readonly WantedRecord[] {
  const dialled = registrations.filter(({ address, traffic }) => isIP(address) !== 0 && traffic === "in");
  const services = Map.groupBy(dialled, ({ service, origin }) => JSON.stringify([service, origin]));
  return [...services.values()].flatMap((instances) => {
    const sorted = instances.toSorted((a, b) => compareText(a.address, b.address) || a.port - b.port);
    const [first] = sorted;
    if (first === undefined) return [];
    const { service, origin, port, servicePort = port, protocol = "tcp" } = first;
    const name = `${objectName(service)}-${hash(origin.join(","))}`;
    const content: EntryContent = {
      hosts: hosts.map((template) => template.replaceAll("{service}", hostPart(service))),
      ...{ location, resolution: "STATIC" },
      ports: [{ number: servicePort, name: PORT, protocol: protocolName(protocol) }],
      endpoints: sorted.filter((one, at) => !isSamePlace(one, sorted[at - 1])).map(endpointOf),
    };
    const key = keyOf({ kind: KIND, namespace, name });
    const whole = contentText(service, marksOf(owner, origin), content);
    return [{ key, service, traffic: "in", content: whole, origin }];
  });
}

function isSamePlace(a: Registration, b: Registration | undefined): boolean {
  return a.address === b?.address && a.port === b.port;
}

function endpointOf({ address, port, labels, region, zone, weight }: Registration): EntryEndpoint {
  const valid = Object.entries(labels).filter(([key, value]) => isLabelText(key) && key !== "" && isLabelText(value));
  const locality = region === undefined ? null : zone === undefined ? region : `${region}/${zone}`;
  return { address, ports: { [PORT]: port }, labels: Object.fromEntries(valid.sort(byKey)), locality, weight };
}

function byKey([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return compareText(a, b);
}

/** What Kubernetes takes as a label's value, and as its name without a prefix. */
function isLabelText(value: string): boolean {
  return /^([A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?$/.test(value);
}

/** A DNS name (RFC 1123) stays as it is. */
function hostPart(service: string): string {
  return service.length <= 190 && /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/.test(service)
    ? service
    : objectName(service);
}

function protocolName(protocol: string): string {
  const name = protocol.toUpperCase();
  return PROTOCOLS.has(name) ? name : "TCP";
}

function contentText(service: string, marks: Readonly<Record<string, string>>, content: EntryContent): string {
  return JSON.stringify([service, Object.entries(marks).sort(byKey), content]);
}

/** The object that a record stands for, as it is applied. */
export function entryObjectOf({ key, content }: WantedRecord): Manifest {
  const [service, marks, { endpoints, ...spec }] = JSON.parse(content) as [string, [string, string][], EntryContent];
  const { namespace, name } = parseKey(key);
  return {
    apiVersion: "networking.istio.io/v1",
    kind: KIND,
    metadata: metadataOf({ namespace, name }, service, Object.fromEntries(marks)),
    spec: {
      ...spec,
      endpoints: endpoints.map(({ labels, locality, ...rest }) => ({
        ...rest,
        ...(Object.keys(labels).length > 0 && { labels }),
        ...(locality !== null && { locality }),
      })),
    },
  };
}

/** Undefined when it is no object. */
export function foundEntry(raw: unknown): FoundObject | undefined {
  const metadata = readMetadata(raw);
  if (metadata === undefined) return undefined;
  const { namespace, name, service, marks, owner, resourceVersion, uid, adoption } = metadata;
  const spec = mapping(mapping(raw)["spec"]);
  const content = contentText(service, marks, {
    hosts: list(spec["hosts"]).map((host) => text(host) ?? ""),
    location: text(spec["location"]) ?? "",
    resolution: text(spec["resolution"]) ?? "",
    ports: list(spec["ports"]).map((each) => {
      const port = mapping(each);
      return { number: number(port["number"]), name: text(port["name"]) ?? "", protocol: text(port["protocol"]) ?? "" };
    }),
    endpoints: list(spec["endpoints"]).map((each) => {
      const endpoint = mapping(each);
      const labels = Object.entries(mapping(endpoint["labels"])).map(([of, value]) => [of, text(value) ?? ""] as const);
      const ports = Object.entries(mapping(endpoint["ports"])).map(([of, port]) => [of, number(port)] as const);
      return {
        address: text(endpoint["address"]) ?? "",
        ports: Object.fromEntries(ports),
        labels: Object.fromEntries(labels.sort(byKey)),
        locality: text(endpoint["locality"]) ?? null,
        weight: number(endpoint["weight"]),
      };
    }),
  });
  return {
    record: { key: keyOf({ kind: KIND, namespace, name }), service, traffic: "in", content, owner },
    resourceVersion,
    uid,
    adoption,
  };
}
