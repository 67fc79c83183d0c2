/** From the reply of `/v1/health/service/<name>` to a group. Pure; nothing of a row is believed to have its type. */
import { printable } from "../../src/kernel/text.ts";
import type { Group } from "../../src/model/group.ts";
import type { Health } from "../../src/model/health.ts";
import type { Instance } from "../../src/model/instance.ts";
import type { Locality } from "../../src/model/locality.ts";
import type { Protocol, ServiceKey, ServicePort } from "../../src/model/service.ts";
import type { Source } from "../../src/model/source.ts";
import type { Rejection } from "../../src/registry/adapter.ts";
import type { RegistrySettings } from "../../src/registry/settings.ts";
import { isRecord, isText, type JsonRecord, textAt } from "./guards.ts";

export interface TranslateOptions {
  readonly source: Source;
  readonly service: ServiceKey;
  readonly datacenter: string;
  readonly settings: Pick<RegistrySettings, "cluster" | "network" | "locality">;
  /** Tags an instance must carry; others are not meant. */
  readonly tags: readonly string[];
  readonly defaultProtocol: string;
  readonly warning: "degraded" | "healthy";
  /** Ports of the service so far: kept while it has no instance to tell them from. */
  readonly knownPorts: readonly ServicePort[];
}

export interface Translation {
  /** Undefined when the service is none: all that it has are proxies or gateways. */
  readonly group: Group | undefined;
  readonly rejected: readonly Rejection[];
  /** Nodes the rows are on: checks of these concern the service. */
  readonly nodes: ReadonlySet<string>;
}

const PROTOCOLS: Readonly<Record<string, { readonly name: string; readonly protocol: Protocol }>> = {
  http: { name: "http", protocol: "HTTP" },
  http2: { name: "http2", protocol: "HTTP2" },
  grpc: { name: "grpc", protocol: "GRPC" },
  tcp: { name: "tcp", protocol: "TCP" },
  tls: { name: "tls", protocol: "TLS" },
  https: { name: "tls", protocol: "TLS" },
};

/** A row whose parts have the shape that everything below relies on. */
interface Row {
  readonly node: JsonRecord;
  readonly nodeName: string;
  readonly service: JsonRecord;
  readonly id: string;
  readonly tags: readonly string[];
  readonly checks: readonly JsonRecord[];
}

/** Undefined when the body is no list. */
export function translate(body: unknown, options: TranslateOptions): Translation | undefined {
  if (!Array.isArray(body)) return undefined;
  const rejected: Rejection[] = [];
  const nodes = new Set<string>();
  const instances: Instance[] = [];
  let proxies = 0;
  for (const [index, raw] of body.entries()) {
    const row = readRow(raw, index);
    if ("reason" in row) {
      rejected.push(row);
      continue;
    }
    nodes.add(row.nodeName);
    if (textAt(row.service, "Kind") !== undefined) proxies++;
    else if (options.tags.every((tag) => row.tags.includes(tag))) {
      const instance = toInstance(row, options);
      if ("reason" in instance) rejected.push(instance);
      else instances.push(instance);
    }
  }
  if (body.length > 0 && proxies === body.length) return { group: undefined, rejected, nodes };
  instances.sort((a, b) => (a.id < b.id ? -1 : 1));
  const ports = instances.length === 0 ? options.knownPorts : portsOf(instances);
  const { source, service, datacenter } = options;
  const group = { source, service, ports, labels: {}, instances, nameWords: { datacenter } };
  return { group, rejected, nodes };
}

function readRow(raw: unknown, index: number): Row | Rejection {
  const bad = (reason: string): Rejection => ({ record: `row ${index + 1}`, reason });
  if (!isRecord(raw)) return bad("it is no object");
  const { Node: node, Service: service, Checks: checks } = raw;
  if (!isRecord(node) || !isRecord(service)) return bad("it has no Node or no Service");
  const nodeName = textAt(node, "Node");
  const id = textAt(service, "ID");
  if (nodeName === undefined || id === undefined) return bad("Node.Node or Service.ID is missing");
  const list = checks ?? [];
  if (!Array.isArray(list) || !list.every(isRecord)) return bad("Checks is no list of checks");
  const tags = Array.isArray(service["Tags"]) ? service["Tags"].filter(isText) : [];
  return { node, nodeName, service, id, tags, checks: list };
}

function toInstance(row: Row, options: TranslateOptions): Instance | Rejection {
  const { node, service } = row;
  const id = `${row.nodeName}/${row.id}`;
  const address = textAt(service, "Address") ?? textAt(node, "Address");
  if (address === undefined) return { record: id, reason: "neither the service nor its node has an address" };
  const port = service["Port"];
  // The service's own port is inferred from its instances, so a bad one must not get that far.
  if (typeof port !== "number" || !Number.isInteger(port) || port < 1 || port > 65_535)
    return {
      record: id,
      reason: `its Port is ${printable(JSON.stringify(port) ?? "missing")}, not a whole number from 1 to 65535`,
    };
  const { state, health } = healthOf(row.checks, options.warning);
  return {
    id,
    address,
    ports: { [protocolOf(row, options.defaultProtocol).name]: port },
    locality: localityOf(row, options),
    cluster: options.settings.cluster,
    network: options.settings.network,
    health,
    weight: weightOf(service["Weights"], state),
    labels: labelsOf(row, options.datacenter),
  };
}

type CheckState = "maintenance" | "critical" | "warning" | "unknown" | "passing";
const WORST_FIRST: readonly CheckState[] = ["maintenance", "critical", "warning", "unknown"];

function healthOf(checks: readonly JsonRecord[], warning: "degraded" | "healthy"): { state: CheckState; health: Health } {
  const states = new Set(checks.map(stateOf));
  const state = WORST_FIRST.find((candidate) => states.has(candidate)) ?? "passing";
  const health: Readonly<Record<CheckState, Health>> = {
    maintenance: "draining",
    critical: "unhealthy",
    warning,
    unknown: "unknown",
    passing: "healthy",
  };
  return { state, health: health[state] };
}

/** Consul shows maintenance as a critical check of a reserved name. */
function stateOf(check: JsonRecord): CheckState {
  const id = textAt(check, "CheckID") ?? "";
  if (id === "_node_maintenance" || id.startsWith("_service_maintenance:")) return "maintenance";
  const status = textAt(check, "Status");
  return status === "critical" || status === "warning" || status === "passing" ? status : "unknown";
}

function weightOf(weights: unknown, state: CheckState): number {
  const weight = isRecord(weights) ? weights[state === "warning" ? "Warning" : "Passing"] : undefined;
  return typeof weight === "number" && Number.isInteger(weight) && weight > 0 ? weight : 1;
}

/** Metadata wins over a tag of the same name. `Object.fromEntries` makes own properties of whatever the key is. */
function labelsOf({ tags, service }: Row, datacenter: string): Record<string, string> {
  const labels = new Map<string, string>();
  for (const tag of tags) {
    const at = tag.indexOf("=");
    if (at > 0) labels.set(tag.slice(0, at), tag.slice(at + 1));
    else labels.set(`tag.${tag}`, "true");
  }
  const meta = service["Meta"];
  if (isRecord(meta)) for (const [key, value] of Object.entries(meta)) if (isText(value)) labels.set(key, value);
  labels.set("consul.datacenter", datacenter);
  return Object.fromEntries(labels);
}

function protocolOf({ service, tags }: Row, defaultProtocol: string): { name: string; protocol: Protocol } {
  const tag = tags.find((candidate) => candidate.startsWith("protocol="))?.slice("protocol=".length);
  for (const name of [textAt(service["Meta"], "protocol"), tag, defaultProtocol]) {
    const key = name?.toLowerCase() ?? "";
    const known = Object.hasOwn(PROTOCOLS, key) ? PROTOCOLS[key] : undefined;
    if (known !== undefined) return known;
  }
  return { name: "http", protocol: "HTTP" };
}

/** Each part from the first place that names it: the service's own word counts more than its node's, both more than ours. */
function localityOf({ service, node }: Row, { settings, datacenter }: TranslateOptions): Locality {
  const part = (plain: string, topology: string | undefined, structured: string | undefined) => {
    for (const meta of [service["Meta"], node["Meta"]]) {
      const value = textAt(meta, plain) ?? (topology === undefined ? undefined : textAt(meta, topology));
      if (value !== undefined) return value;
    }
    return structured === undefined
      ? undefined
      : (textAt(service["Locality"], structured) ?? textAt(node["Locality"], structured));
  };
  return {
    region: part("region", "topology.kubernetes.io/region", "Region") ?? settings.locality.region ?? datacenter,
    zone: part("zone", "topology.kubernetes.io/zone", "Zone") ?? settings.locality.zone ?? "",
    subZone: part("sub_zone", undefined, undefined) ?? settings.locality.subZone ?? "",
  };
}

/** One port for each protocol; its number is the one all instances share, else the lowest, since Consul declares none. */
function portsOf(instances: readonly Instance[]): ServicePort[] {
  const lowest = new Map<string, number>();
  for (const { ports } of instances)
    for (const [name, port] of Object.entries(ports)) lowest.set(name, Math.min(port, lowest.get(name) ?? port));
  return [...lowest]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, port]) => ({ name, port, protocol: PROTOCOLS[name]?.protocol ?? "HTTP", inferred: true }));
}
