/** Between a registration and the node that says so, in the formats that ZooKeeper's users keep services in. Pure. */
import { type Static, Type } from "typebox";
import type { FoundRecord, Owner, WantedRecord } from "../../src/sidecar/plan/record.ts";
import type { Registration } from "../../src/sidecar/registration.ts";
import { parseDubboUrl } from "./formats/dubbo-url.ts";
import { type Mapping, mapping, parseJson, text } from "./formats/records.ts";

export const WRITTEN_FORMATS = ["curator", "spring", "dubbo", "dubbo-app", "serverset", "json"] as const;
export type WrittenFormat = (typeof WRITTEN_FORMATS)[number];

const Field = Type.String({
  pattern: "^[^.]+(\\.[^.]+)*$",
  patternErrorMessage: "must be a field such as host or endpoint.host",
});
export const WrittenFields = Type.Object(
  {
    host: Type.Optional({ ...Field, default: "host", description: "Field for the address." }),
    port: Type.Optional({ ...Field, default: "port", description: "Field for the port." }),
    weight: Type.Optional({ ...Field, default: "weight", description: "Field for the weight." }),
    zone: Type.Optional({ ...Field, default: "zone", description: "Field for the zone." }),
    labels: Type.Optional({ ...Field, default: "labels", description: "Field for the map of labels." }),
  },
  { additionalProperties: false, description: "Where records of format `json` keep what; fields within fields with a dot." },
);
export type WrittenFields = Static<typeof WrittenFields>;

/** How and where one target writes. */
export interface Layout {
  readonly format: WrittenFormat;
  /** Without a slash at its end. */
  readonly root: string;
  readonly fields: WrittenFields;
}

/** One node. */
export interface NodeContent {
  readonly path: string;
  readonly data: string;
}

/** Keys of metadata and parameters, or of an object of its own, that say whose record it is. */
const OWNER = "meshbridge-owner";
const EPOCH = "meshbridge-epoch";
const ORIGIN = "meshbridge-origin";
const OBJECT = "meshbridge";

/** Of none of these formats do all clients know a mark that means "do not dial": what is taken out is not there. */
export function recordsOf(registration: Registration, owner: Owner, layout: Layout): readonly WantedRecord[] {
  const { service, traffic, origin } = registration;
  if (traffic === "out") return [];
  const node = nodeOf(registration, marksOf(registration, owner), layout);
  return [{ key: node.path, service, traffic, content: contentOf(node), origin }];
}

function contentOf({ path, data }: NodeContent): string {
  return JSON.stringify({ path, data });
}

export function parseContent(content: string): NodeContent {
  return JSON.parse(content) as NodeContent;
}

/** The node as it was found. `lease`: it is held by this very session; otherwise it has to be written anew. */
export function foundOf(node: NodeContent, layout: Layout, lease: boolean): FoundRecord {
  const content = lease ? contentOf(node) : `of another session: ${contentOf(node)}`;
  return { key: node.path, service: serviceOf(node.path, layout), traffic: "in", content, owner: ownerIn(node, layout) };
}

/** As `recordsOf` was told it: in all layouts the first name below the root, which only Dubbo's providers have as it is. */
function serviceOf(path: string, { format, root }: Layout): string {
  const [name = ""] = path.slice(root.length + 1).split("/");
  if (format === "dubbo") return name;
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

/** Whose node it is, by what it says itself; undefined: it does not say, or not in our words. A name of a cluster has no slash. */
export function ownerIn({ path, data }: NodeContent, { format }: Pick<Layout, "format">): Owner | undefined {
  const marks = marksIn(path, data, format);
  const [owner, epoch] = [text(marks[OWNER]), text(marks[EPOCH])];
  const at = owner?.indexOf("/") ?? -1;
  if (owner === undefined || at < 1 || epoch === undefined || !/^\d{1,15}$/.test(epoch)) return undefined;
  return { cluster: owner.slice(0, at), instance: owner.slice(at + 1), epoch: Number(epoch) };
}

function marksIn(path: string, data: string, format: WrittenFormat): Mapping {
  if (format === "dubbo") {
    const url = parseDubboUrl(path.slice(path.lastIndexOf("/") + 1));
    return "reason" in url ? {} : Object.fromEntries(url.parameters);
  }
  const record = mapping(parseJson(new TextEncoder().encode(data)));
  return format === "serverset" || format === "json" ? mapping(record[OBJECT]) : mapping(mapping(record["payload"])["metadata"]);
}

type Texts = Readonly<Record<string, string>>;

function marksOf({ origin }: Registration, { cluster, instance, epoch }: Owner): Texts {
  return { [OWNER]: `${cluster}/${instance}`, [EPOCH]: String(epoch), [ORIGIN]: origin.join(",") };
}

function nodeOf(registration: Registration, marks: Texts, layout: Layout): NodeContent {
  const { format, root } = layout;
  const { service, id } = registration;
  const name = encodeURIComponent(service);
  if (format === "dubbo") return dubboUrl(registration, marks, root);
  if (format === "dubbo-app") {
    const at = authority(registration);
    return json(`${root}/${name}/${at}`, curator(registration, at, dubboPayload(registration, at, marks)));
  }
  if (format === "spring" || format === "curator")
    return json(`${root}/${name}/${id}`, curator(registration, id, payload(registration, marks, format)));
  if (format === "serverset") return json(`${root}/${name}/member_${id}`, { ...serverset(registration), [OBJECT]: marks });
  return json(`${root}/${name}/${id}`, { ...generic(registration, layout.fields), [OBJECT]: marks });
}

function json(path: string, value: object): NodeContent {
  return { path, data: JSON.stringify(value) };
}

function authority({ address, port }: Registration): string {
  return `${address.includes(":") ? `[${address}]` : address}:${port}`;
}

/** curator-x-discovery, `ServiceInstance` and its default `UriSpec`. */
function curator({ service, address, port, ports, startedAt }: Registration, id: string, body: object): object {
  const part = (value: string, variable: boolean) => ({ value, variable });
  const uriSpec = {
    parts: [part("scheme", true), part("://", false), part("address", true), part(":", false), part("port", true)],
  };
  const record = { name: service, id, address, port, sslPort: ports["https"] ?? null, payload: body };
  return { ...record, registrationTimeUTC: startedAt, serviceType: "DYNAMIC", uriSpec, enabled: true };
}

/** What goes beside the address: labels, zone, region and weight, where the adapter and Spring Cloud look for them. */
function metadata({ labels, zone, region, weight }: Registration, marks: Texts): Texts {
  const place = { ...(zone !== undefined && { zone }), ...(region !== undefined && { region }) };
  return { ...labels, ...place, weight: String(weight), ...marks };
}

/** Plain Curator knows the payload's class by its reader; Spring Cloud writes it into the record. */
function payload(registration: Registration, marks: Texts, format: "spring" | "curator"): object {
  const all = metadata(registration, marks);
  if (format === "curator") return { metadata: all };
  const { id, service: name } = registration;
  const type = "org.springframework.cloud.zookeeper.discovery.ZookeeperInstance";
  return { "@class": type, id, name, metadata: { ...all, instance_status: "UP" } };
}

/** apache/dubbo, `ZookeeperInstance` and `ServiceInstanceMetadataUtils`. Labels may say more, such as the revision. */
function dubboPayload(registration: Registration, id: string, marks: Texts): object {
  const { service: name, port, ports, protocol = "dubbo" } = registration;
  const others = Object.entries(ports).map(([other, number]) => ({ port: number, protocol: other }));
  const said = {
    "dubbo.endpoints": JSON.stringify([{ port, protocol }, ...others]),
    "dubbo.metadata.storage-type": "local",
    "dubbo.metadata.revision": "0",
  };
  const type = "org.apache.dubbo.registry.zookeeper.ZookeeperInstance";
  return { "@class": type, id, name, metadata: { ...said, ...metadata(registration, marks) } };
}

/** apache/dubbo, `URL.toFullString`: the path is the interface, the service's name here. Labels are its parameters. */
function dubboUrl(registration: Registration, marks: Texts, root: string): NodeContent {
  const { service, protocol = "dubbo", weight, labels, address, startedAt } = registration;
  const fixed = { category: "providers", dynamic: "true", interface: service, side: "provider" };
  const given = { application: service, ...labels, ...marks, timestamp: String(startedAt), weight: String(weight) };
  const parameters = Object.entries({ ...given, ...fixed }).sort(([a], [b]) => (a < b ? -1 : 1));
  const query = parameters.map(([key, value]) => `${key}=${encodeURIComponent(value)}`).join("&");
  const url = `${protocol}://${authority(registration)}/${service}?${query}`;
  return { path: `${root}/${service}/providers/${encodeURIComponent(url)}`, data: address };
}

/** twitter/commons, `ServiceInstance` of serversets. */
function serverset({ address: host, port, ports }: Registration): object {
  const others = Object.entries(ports).map(([name, number]) => [name, { host, port: number }] as const);
  return { serviceEndpoint: { host, port }, additionalEndpoints: Object.fromEntries(others), status: "ALIVE" };
}

function generic(registration: Registration, fields: WrittenFields): object {
  const { address, port, weight, zone, labels } = registration;
  const values = { host: address, port, weight, zone, labels };
  const record: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(values))
    if (value !== undefined) setAt(record, (fields[name as keyof WrittenFields] ?? name).split("."), value);
  return record;
}

function setAt(record: Record<string, unknown>, [first = "", ...rest]: readonly string[], value: unknown): void {
  if (rest.length === 0) record[first] = value;
  else {
    const inner: Record<string, unknown> = { ...mapping(record[first]) };
    setAt(inner, rest, value);
    record[first] = inner;
  }
}
