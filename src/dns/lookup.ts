/** What a name means: a service, a part of one, a zone's own names, nothing, or nothing of ours. Pure. */
import type { CatalogInstance, CatalogService } from "../catalog/types.ts";
import type { ServiceId } from "../model/service.ts";
import { serviceId } from "../model/service.ts";
import { type NameIndex, suffixes } from "./name-index.ts";
import type { DnsName, DnsSpec } from "./spec.ts";

/** A service, or what of it is meant. */
export interface Target {
  readonly service: CatalogService;
  /** The host name asked for without what comes before the service: what names of its instances end with. */
  readonly host: string;
  /** Only instances of this cluster. */
  readonly cluster?: string;
  /** Only the instance of this name. */
  readonly instance?: string;
  /** SRV: the port of this name, or all. */
  readonly port?: string;
  /** In place of the service's own order of failover. */
  readonly order?: readonly string[];
}

export type Meaning =
  /** In no zone of ours. */
  | { readonly kind: "outside" }
  | { readonly kind: "apex"; readonly zone: string }
  | { readonly kind: "nameServer"; readonly zone: string }
  /** The first one that can serve answers. */
  | { readonly kind: "targets"; readonly zone: string; readonly targets: readonly [Target, ...Target[]]; readonly srv: boolean }
  /** It exists, and has no records. */
  | { readonly kind: "empty"; readonly zone: string }
  | { readonly kind: "none"; readonly zone: string };

export interface LookupInput {
  readonly spec: DnsSpec;
  readonly index: NameIndex;
  readonly services: ReadonlyMap<ServiceId, CatalogService>;
}

/** `name`: lower case, without the last dot. */
export function lookUp(name: string, { spec, index, services }: LookupInput): Meaning {
  const zone = index.zoneOf(name);
  if (zone === undefined) return { kind: "outside" };
  if (name === zone) return { kind: "apex", zone };
  if (name === `ns.${zone}`) return { kind: "nameServer", zone };
  const ofHost = (host: string) => {
    const id = index.find(host);
    return id === undefined ? undefined : services.get(id);
  };
  const targets = (found: readonly Target[], srv = false): Meaning => {
    const [first, ...rest] = found;
    return first === undefined ? { kind: "none", zone } : { kind: "targets", zone, targets: [first, ...rest], srv };
  };

  const service = ofHost(name);
  if (service !== undefined) return targets([{ service, host: name }]);
  const own = spec.names.find((one) => one.name === name);
  if (own !== undefined) return targets(targetsOf(own, name, services));
  const part = partOf(name, zone, { ofHost, spec });
  if (part === "empty" || index.hasBelow(name)) return { kind: "empty", zone };
  if (part !== undefined) return targets([part.target], part.srv);
  // The closest one: what is nearer to the name says more (RFC 4592).
  for (const parent of suffixes(name).slice(1)) {
    const wildcard = spec.names.find((one) => one.name === `*.${parent}`);
    if (wildcard !== undefined) return targets(targetsOf(wildcard, name, services));
    if (parent === zone || index.hasBelow(parent) || ofHost(parent) !== undefined) break;
  }
  return { kind: "none", zone };
}

/** A service that is not there cannot serve, but the name exists by the operator's word; only then is it empty. */
function targetsOf(
  { services: keys, order }: DnsName,
  host: string,
  services: ReadonlyMap<ServiceId, CatalogService>,
): readonly Target[] {
  const known = keys.map((key) => services.get(serviceId(key)) ?? EMPTY(serviceId(key), key));
  return known.map((service) => ({ service, host, ...(order.length > 0 && { order }) }));
}

const EMPTY = (id: ServiceId, key: CatalogService["key"]): CatalogService => ({
  id,
  key,
  ports: [],
  labels: {},
  instances: [],
  sources: [],
  conditions: [],
});

interface PartContext {
  readonly spec: DnsSpec;
  ofHost(host: string): CatalogService | undefined;
}

interface Part {
  readonly target: Target;
  readonly srv: boolean;
}

/**
 * `_port._proto.HOST`, `CLUSTER.HOST`, `INSTANCE.HOST`, `INSTANCE.CLUSTER.HOST`, `_port._proto.CLUSTER.HOST`, where HOST is a
 * service's. `empty`: it is on the way to such a name.
 */
function partOf(name: string, zone: string, { ofHost, spec }: PartContext): Part | "empty" | undefined {
  const labels = name.slice(0, -zone.length - 1).split(".");
  for (let from = 1; from < Math.min(labels.length, MAX_BEFORE + 1); from++) {
    const host = [...labels.slice(from), zone].join(".");
    const service = ofHost(host);
    if (service !== undefined) return partOfService(labels.slice(0, from), { service, host }, spec);
  }
  return undefined;
}

/** `_port`, `_proto` and a cluster. */
const MAX_BEFORE = 3;

function partOfService(before: readonly string[], { service, host }: Target, spec: DnsSpec): Part | "empty" | undefined {
  const last = before.at(-1) ?? "";
  const cluster = service.instances.find((one) => one.cluster.toLowerCase() === last)?.cluster;
  if (cluster !== undefined) {
    const target = { service, host: `${last}.${host}`, cluster };
    return before.length === 1 ? { target, srv: false } : insideOf(before.slice(0, -1), target, spec);
  }
  return insideOf(before, { service, host }, spec);
}

function insideOf(before: readonly string[], target: Target, { ingress }: DnsSpec): Part | "empty" | undefined {
  const [first = "", second, ...more] = before;
  if (more.length > 0) return undefined;
  const { ports } = target.service;
  if (second !== undefined) {
    if (second !== "_tcp" || !first.startsWith("_")) return undefined;
    const port = ports.find(({ name }) => name.toLowerCase() === first.slice(1));
    return port === undefined ? undefined : { target: { ...target, port: port.name }, srv: true };
  }
  if (first === "_tcp" && ports.length > 0) return "empty";
  const known =
    target.service.instances.some((one) => isCalled(one, first)) ||
    ingress.some(({ addresses }) => addresses.some((address) => addressLabel(address) === first));
  return known ? { target: { ...target, instance: first }, srv: false } : undefined;
}

/** By its address, or by its id where that can be a name. `label` is in lower case. */
export function isCalled({ id, address }: CatalogInstance, label: string): boolean {
  return id.toLowerCase() === label || addressLabel(address) === label;
}

/** An address as one label: `10-0-0-1`, `fd00--1`, as cluster DNS writes it. Addresses of the catalog are canonical. */
export function addressLabel(address: string): string {
  return address.replaceAll(/[.:]/g, "-");
}
