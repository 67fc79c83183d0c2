/**
 * Service instances as Apache Curator writes them, which Spring Cloud does too: `root/<service>/<id>` with JSON
 * (curator-x-discovery `ServiceInstance`, `JsonInstanceSerializer`; spring-cloud-zookeeper `ZookeeperInstance`).
 */

import { cut, decoded, labelsOf, type Mapping, mapping, parseJson, port, share, text } from "./records.ts";
import type { ReadInstance, ReadPort, ReadService, ZnodeView } from "./types.ts";

/** Curator's JSON of one instance, if it is that. */
export function readCurator(data: Uint8Array | undefined): Mapping | undefined {
  const record = mapping(parseJson(data));
  return text(record["address"]) === undefined && record["payload"] === undefined ? undefined : record;
}

/** Spring's metadata of the payload; empty for plain Curator. */
export function metadataOf(record: Mapping): Mapping {
  return mapping(mapping(record["payload"])["metadata"]);
}

const PORTS: Readonly<Record<string, ReadPort>> = {
  http: { name: "http", protocol: "HTTP" },
  https: { name: "https", protocol: "TLS" },
};

/** The instances of one service whose nodes are called `ids`, and the ports they have. */
export function readCuratorService(
  path: string,
  ids: readonly string[],
  view: ZnodeView,
): Pick<ReadService, "ports" | "instances" | "rejected"> {
  const name = decoded(path.slice(path.lastIndexOf("/") + 1));
  const instances: ReadInstance[] = [];
  const rejected: { record: string; reason: string }[] = [];
  for (const id of [...ids].sort()) {
    const read = readInstance(id, view.data(`${path}/${id}`));
    if ("reason" in read) rejected.push({ record: cut(`${name}/${id}`), reason: read.reason });
    else instances.push(read);
  }
  const names = [...new Set(instances.flatMap(({ ports }) => Object.keys(ports)))].sort();
  const ports = names.map((one) => PORTS[one] ?? { name: one, protocol: "TCP" as const });
  return { ports, instances, rejected };
}

function readInstance(id: string, data: Uint8Array | undefined): ReadInstance | { readonly reason: string } {
  const record = readCurator(data);
  if (record === undefined) return { reason: "its data is no Curator service instance" };
  const host = text(record["address"]);
  if (host === undefined) return { reason: "it has no address" };
  const [plain, secure] = [port(record["port"]), port(record["sslPort"])];
  if (plain === undefined && secure === undefined) return { reason: "it has no port between 1 and 65535" };
  if (record["enabled"] === false) return { reason: "it is switched off (enabled: false)" };
  const metadata = metadataOf(record);
  const { weight, idle } = share(metadata["weight"]);
  const health = healthOf(metadata);
  return {
    id,
    host,
    ports: portsOf(plain, secure, schemeOf(record["uriSpec"])),
    health: idle && health === "healthy" ? "draining" : health,
    weight,
    ...zoneOf(metadata),
    labels: labelsOf(Object.fromEntries(Object.entries(metadata).filter(([key]) => key !== "instance_status"))),
  };
}

/** The plain port speaks TLS when the record's own URI says https and there is no port for that. */
function portsOf(plain: number | undefined, secure: number | undefined, scheme: string | undefined): ReadInstance["ports"] {
  if (scheme === "https" && secure === undefined && plain !== undefined) return { https: plain };
  return { ...(plain !== undefined && { http: plain }), ...(secure !== undefined && { https: secure }) };
}

/**
 * The scheme that a `uriSpec` writes out (`UriSpec.parts`: `{value, variable}`); undefined when it leaves it to the ports, as
 * its default `{scheme}://{address}:{port}` does.
 */
function schemeOf(uriSpec: unknown): string | undefined {
  const { parts } = mapping(uriSpec);
  const [first] = Array.isArray(parts) ? parts.map(mapping) : [];
  if (first === undefined || first["variable"] === true) return undefined;
  return /^([a-z]+)(:\/\/|$)/.exec(text(first["value"]) ?? "")?.[1];
}

/** `UP` and silence are healthy; `OUT_OF_SERVICE` and whatever else it says take it out. */
function healthOf(metadata: Mapping): ReadInstance["health"] {
  const status = text(metadata["instance_status"])?.toUpperCase() ?? "UP";
  if (status === "UP") return "healthy";
  return status === "OUT_OF_SERVICE" ? "draining" : "unhealthy";
}

function zoneOf(metadata: Mapping): Pick<ReadInstance, "zone" | "region"> {
  const [zone, region] = [text(metadata["zone"]), text(metadata["region"])];
  return { ...(zone !== undefined && { zone }), ...(region !== undefined && { region }) };
}
