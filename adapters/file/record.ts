/** One service record of a file to one group. Pure. */
import { checkSchema } from "../../src/kernel/schema-check.ts";
import { type Path, type Position, pathText } from "../../src/kernel/text.ts";
import type { Instance } from "../../src/model/instance.ts";
import { type Locality, locality } from "../../src/model/locality.ts";
import { type ServiceKey, type ServicePort, serviceId } from "../../src/model/service.ts";
import type { RegistrySettings } from "../../src/registry/settings.ts";
import { InstanceRecord, ServiceRecord } from "./schema.ts";

/** Where the part of the record at the path stands; undefined where that is not known (JSON). */
export type Locate = (path: Path, of: "key" | "value") => Position | undefined;

export interface PlacedProblem {
  readonly position: Position | undefined;
  readonly path: Path;
  readonly message: string;
}

/** What a source says of one service, before it is known which source that is. */
export interface ServiceReading {
  readonly key: ServiceKey;
  readonly ports: readonly ServicePort[];
  readonly labels: Readonly<Record<string, string>>;
  readonly instances: readonly Instance[];
  /** Instances that were left out. */
  readonly rejected: readonly RejectedInstance[];
}

export interface RejectedInstance {
  readonly index: number;
  readonly line: number | undefined;
  readonly reason: string;
}

export interface RecordReading {
  readonly line: number | undefined;
  /** `namespace/name` as far as it can be read, also of a bad record: what it said before is kept. */
  readonly scope: string | undefined;
  /** Undefined: the record is bad as a whole, for the problems given. */
  readonly service: ServiceReading | undefined;
  readonly problems: readonly PlacedProblem[];
}

/** A record is taken whole or not at all, but for its instances: a bad one of them is left out alone. */
export function readRecord(value: unknown, locate: Locate, settings: RegistrySettings): RecordReading {
  const line = locate([], "value")?.line;
  const problems = checkSchema(ServiceRecord, value)
    .map(({ path, at, message }) => ({ position: locate(path, at), path, message }))
    .sort((a, b) => (a.position?.line ?? 0) - (b.position?.line ?? 0));
  if (problems.length > 0) return { line, scope: scopeOf(value, settings), service: undefined, problems };
  const record = value as ServiceRecord;
  const key = { namespace: record.namespace ?? settings.namespace, name: record.name };
  const instances: Instance[] = [];
  const rejected: RejectedInstance[] = [];
  for (const [index, raw] of (record.instances ?? []).entries()) {
    const result = readInstance(raw, record, settings);
    if ("instance" in result) instances.push(result.instance);
    else rejected.push({ index, line: locate(["instances", index], "value")?.line, reason: result.reason });
  }
  const ports = record.ports.map(({ name, port, protocol = "HTTP" }) => ({ name, port, protocol, inferred: false }));
  return { line, scope: serviceId(key), service: { key, ports, labels: record.labels ?? {}, instances, rejected }, problems: [] };
}

function scopeOf(value: unknown, settings: RegistrySettings): string | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { name, namespace = settings.namespace } = value as { readonly name?: unknown; readonly namespace?: unknown };
  return typeof name === "string" && typeof namespace === "string" ? serviceId({ namespace, name }) : undefined;
}

function readInstance(
  raw: unknown,
  record: ServiceRecord,
  settings: RegistrySettings,
): { instance: Instance } | { reason: string } {
  const [problem] = checkSchema(InstanceRecord, raw);
  if (problem !== undefined)
    return { reason: problem.path.length === 0 ? problem.message : `${pathText(problem.path)} ${problem.message}` };
  const written = raw as InstanceRecord;
  const ports = written.ports ?? Object.fromEntries(record.ports.map(({ name, port }) => [name, port]));
  if (record.ports.length > 0 && !record.ports.some(({ name }) => Object.hasOwn(ports, name))) {
    const names = record.ports.map(({ name }) => name).join(", ");
    return { reason: `ports has none of the service's ports (${names})` };
  }
  const instance: Instance = {
    id: written.id ?? defaultId(written.address, ports),
    address: written.address,
    ports,
    locality: localityOf(written.locality, locality(settings.locality)),
    cluster: written.cluster ?? settings.cluster,
    network: written.network ?? settings.network,
    // Who writes an instance down and says no more of it means it to be used.
    health: written.health ?? "healthy",
    weight: written.weight ?? 1,
    labels: written.labels ?? {},
  };
  return { instance };
}

/** `address:port,…` with the ports in ascending order; IPv6 in brackets. */
function defaultId(address: string, ports: Readonly<Record<string, number>>): string {
  const numbers = [...new Set(Object.values(ports))].sort((a, b) => a - b);
  return `${address.includes(":") ? `[${address}]` : address}:${numbers.join()}`;
}

/** What is written, with the wider parts left out taken from the registry's own: a zone alone is in its region. */
function localityOf(written: Partial<Locality> | undefined, fallback: Locality): Locality {
  if (written === undefined) return fallback;
  if (written.region !== undefined) return locality(written);
  if (written.zone !== undefined) return locality({ ...written, region: fallback.region });
  return locality({ ...written, region: fallback.region, zone: fallback.zone });
}
