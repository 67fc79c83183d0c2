/**
 * The gate between what a registry says and what the catalog takes. Everything read from a registry is hostile input:
 * a record that Envoy or gRPC would refuse is left out here, alone, with a reason; its neighbours are untouched.
 * Bounds: Envoy's API (weight ≥ 1, port ≤ 65535, sums ≤ 2^32-1) and what a log line, a label or a name can carry.
 */

import { excerpt } from "../kernel/text.ts";
import type { Group } from "../model/group.ts";
import { HEALTH } from "../model/health.ts";
import type { Instance } from "../model/instance.ts";
import { PROTOCOLS, type ServicePort } from "../model/service.ts";
import type { Rejection } from "./adapter.ts";
import type { AddressRules } from "./address-rules.ts";

export const LIMITS = {
  nameLength: 253,
  portNameLength: 63,
  idLength: 512,
  labels: 256,
  labelKeyLength: 253,
  labelValueLength: 4096,
  weight: 1_000_000,
  instancesPerGroup: 50_000,
  ports: 64,
  hosts: 8,
} as const;

const NAME = /^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$/;
/** Control and format characters: line breaks in logs, direction overrides in names, NUL. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\u2028\u2029]/u;
const FORBIDDEN_KEYS: ReadonlySet<string> = new Set(["__proto__", "constructor", "prototype"]);

export interface Sanitised {
  /** Undefined when the service itself cannot be named: then nothing of the group can be used. */
  readonly group: Group | undefined;
  readonly rejected: readonly Rejection[];
}

/** Pure. Never throws, whatever the group holds. */
export function sanitise(group: Group, rules: AddressRules): Sanitised {
  const nameProblem = nameReason(group.service.namespace, "namespace") ?? nameReason(group.service.name, "service name");
  if (nameProblem !== undefined)
    return { group: undefined, rejected: [{ record: excerpt(group.source.scope), reason: nameProblem }] };
  const rejected: Rejection[] = [];
  const ports = sanitisePorts(group.ports, rejected);
  const instances: Instance[] = [];
  const ids = new Set<string>();
  for (const instance of group.instances) {
    const result = instances.length >= LIMITS.instancesPerGroup ? TOO_MANY : sanitiseInstance(instance, rules);
    if ("reason" in result) rejected.push({ record: recordName(instance), reason: result.reason });
    else if (ids.has(result.instance.id))
      rejected.push({ record: recordName(instance), reason: "another instance of the service has the same id" });
    else {
      ids.add(result.instance.id);
      instances.push(result.instance);
    }
  }
  const labels = labelsReason(group.labels) === undefined ? group.labels : {};
  const { hosts, ...rest } = group;
  const named = hosts === undefined ? [] : sanitiseHosts(hosts, rejected);
  return { group: { ...rest, ports, labels, instances, ...(named.length > 0 && { hosts: named }) }, rejected };
}

const TOO_MANY = { reason: `more than ${LIMITS.instancesPerGroup} instances in one group` } as const;

function sanitiseInstance(instance: Instance, rules: AddressRules): { instance: Instance } | { reason: string } {
  const reason =
    textReason(instance.id, "id", LIMITS.idLength) ??
    portsReason(instance.ports) ??
    weightReason(instance.weight) ??
    (HEALTH.includes(instance.health) ? undefined : `health "${excerpt(String(instance.health))}" is not known`) ??
    labelsReason(instance.labels) ??
    placeReason(instance);
  if (reason !== undefined) return { reason };
  if (typeof instance.address !== "string") return { reason: "address is not text" };
  const address = rules.check(instance.address);
  if ("reason" in address) return address;
  return { instance: address.address === instance.address ? instance : { ...instance, address: address.address } };
}

function sanitisePorts(ports: readonly ServicePort[], rejected: Rejection[]): readonly ServicePort[] {
  const byName = new Map<string, ServicePort>();
  for (const port of ports.slice(0, LIMITS.ports)) {
    const reason =
      portNameReason(port.name) ??
      portNumberReason(port.port, port.name) ??
      (PROTOCOLS.includes(port.protocol) ? undefined : `protocol "${excerpt(String(port.protocol))}" is not known`) ??
      (byName.has(port.name) ? "another port of the service has the same name" : undefined);
    if (reason === undefined) byName.set(port.name, port);
    else rejected.push({ record: `port ${excerpt(String(port.name))}`, reason });
  }
  return [...byName.values()];
}

/** What DNS and Envoy take for a host name: labels of at most 63 characters, at most 253 in all (RFC 1035, 2.3.4). */
const HOST = /^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*$/;

function sanitiseHosts(hosts: readonly string[], rejected: Rejection[]): readonly string[] {
  return hosts.slice(0, LIMITS.hosts).filter((host) => {
    if (HOST.test(host)) return true;
    rejected.push({ record: `host name ${excerpt(host)}`, reason: "is no DNS name" });
    return false;
  });
}

function nameReason(name: unknown, what: string): string | undefined {
  if (typeof name !== "string" || name.length === 0) return `${what} is empty`;
  if (name.length > LIMITS.nameLength) return `${what} is longer than ${LIMITS.nameLength} characters`;
  return NAME.test(name) ? undefined : `${what} "${excerpt(name)}" has characters other than letters, digits, "-", "_" and "."`;
}

function portNameReason(name: unknown): string | undefined {
  const reason = nameReason(name, "port name");
  if (reason !== undefined) return reason;
  return String(name).length > LIMITS.portNameLength ? `port name is longer than ${LIMITS.portNameLength} characters` : undefined;
}

function portNumberReason(port: unknown, name: string): string | undefined {
  if (typeof port === "number" && Number.isInteger(port) && port >= 1 && port <= 65535) return undefined;
  return `port ${excerpt(name)} is ${excerpt(String(port))}, not a whole number from 1 to 65535`;
}

function portsReason(ports: Readonly<Record<string, number>>): string | undefined {
  const entries = Object.entries(ports);
  if (entries.length === 0) return "it has no port";
  if (entries.length > LIMITS.ports) return `it has more than ${LIMITS.ports} ports`;
  for (const [name, port] of entries) {
    const reason = portNameReason(name) ?? portNumberReason(port, name);
    if (reason !== undefined) return reason;
  }
  return undefined;
}

function weightReason(weight: unknown): string | undefined {
  if (typeof weight === "number" && Number.isInteger(weight) && weight >= 1 && weight <= LIMITS.weight) return undefined;
  return `weight ${excerpt(String(weight))} is not a whole number from 1 to ${LIMITS.weight}`;
}

function labelsReason(labels: Readonly<Record<string, string>>): string | undefined {
  const entries = Object.entries(labels);
  if (entries.length > LIMITS.labels) return `it has more than ${LIMITS.labels} labels`;
  for (const [key, value] of entries) {
    const reason =
      textReason(key, "a label's key", LIMITS.labelKeyLength) ??
      (FORBIDDEN_KEYS.has(key) ? `a label is called ${key}` : undefined) ??
      (value === "" ? undefined : textReason(value, `label ${excerpt(key)}`, LIMITS.labelValueLength));
    if (reason !== undefined) return reason;
  }
  return undefined;
}

function placeReason({ locality, cluster, network }: Instance): string | undefined {
  const places = { region: locality.region, zone: locality.zone, subZone: locality.subZone, cluster, network };
  for (const [what, value] of Object.entries(places)) {
    if (value === "") continue;
    const reason = textReason(value, what, LIMITS.nameLength);
    if (reason !== undefined) return reason;
  }
  return undefined;
}

function textReason(text: unknown, what: string, max: number): string | undefined {
  if (typeof text !== "string") return `${what} is not text`;
  if (text.length === 0) return `${what} is empty`;
  if (text.length > max) return `${what} is longer than ${max} characters`;
  if (UNPRINTABLE.test(text)) return `${what} has control characters`;
  return text.isWellFormed() ? undefined : `${what} is not valid Unicode`;
}

function recordName(instance: Instance): string {
  return typeof instance.id === "string" && instance.id !== "" ? excerpt(instance.id) : "an instance without id";
}
