/** From what a format read of a service to a group. Pure, but for asking what is known of a host. */

import type { Resolution } from "../../src/kernel/resolver.ts";
import type { Group } from "../../src/model/group.ts";
import type { Instance } from "../../src/model/instance.ts";
import type { Locality } from "../../src/model/locality.ts";
import type { ServicePort } from "../../src/model/service.ts";
import type { Rejection } from "../../src/registry/adapter.ts";
import type { RegistrySettings } from "../../src/registry/settings.ts";
import type { ReadInstance, ReadService } from "./formats/types.ts";
import { isWarming, weightAt } from "./warm-up.ts";

export interface TranslateOptions {
  /** The registry's name. */
  readonly registry: string;
  /** The root the service was read from. */
  readonly path: string;
  readonly settings: Pick<RegistrySettings, "namespace" | "cluster" | "network" | "locality">;
  readonly resolve: (host: string) => Resolution;
  /** Wall-clock ms, for warm-up. */
  readonly now: number;
  /** Ports of the service so far: kept while it has no instance to tell them from. */
  readonly knownPorts: readonly ServicePort[];
}

export interface Translation {
  readonly group: Group;
  readonly rejected: readonly Rejection[];
  /** Host names of its instances. */
  readonly hosts: ReadonlySet<string>;
  /** A host is still being asked for: the group is not whole yet. */
  readonly pending: boolean;
  /** An instance is left out because no name server answered, which proves nothing. */
  readonly doubtful: boolean;
  /** Weights will change by the passing of time. */
  readonly warming: boolean;
}

/** Whatever the record holds, one group of one service; what cannot be an instance is rejected with its reason. */
export function translate(service: ReadService, options: TranslateOptions): Translation {
  const { registry, path, settings, now } = options;
  const rejected: Rejection[] = [...service.rejected];
  const hosts = new Set<string>();
  const instances: Instance[] = [];
  let pending = false;
  let doubtful = false;
  for (const read of service.instances) {
    const found = options.resolve(read.host);
    if (found === "pending" || !("address" in found) || found.address !== read.host) hosts.add(read.host);
    if (found === "pending") pending = true;
    else if ("address" in found) instances.push(toInstance(read, found.address, options));
    else {
      rejected.push({ record: read.id, reason: found.reason });
      if (found.doubtful) doubtful = true;
    }
  }
  const group: Group = {
    source: { registry, scope: scopeOf(path, service.scope) },
    service: { namespace: settings.namespace, name: service.name },
    nameWords: { path: path.slice(1).replaceAll("/", "-") },
    ports: portsOf(service, options.knownPorts),
    labels: service.labels,
    instances,
  };
  const warming = service.instances.some(({ warmup }) => isWarming(warmup, now));
  return { group, rejected, hosts, pending, doubtful, warming };
}

/** The same service name below two roots is two sources. */
export function scopeOf(path: string, scope: string): string {
  return `${path === "/" ? "" : path.slice(1)}/${scope}`;
}

function toInstance(read: ReadInstance, address: string, { settings, now }: TranslateOptions): Instance {
  return {
    id: read.id,
    address,
    ports: read.ports,
    locality: localityOf(read, settings.locality),
    cluster: settings.cluster,
    network: settings.network,
    health: read.health,
    weight: weightAt(read, now),
    labels: read.labels,
  };
}

/** The instance's own word counts more than the registry's; a zone or rack of ours is in no region of another name. */
function localityOf({ region, zone }: ReadInstance, ours: RegistrySettings["locality"]): Locality {
  const foreign = region !== undefined && region !== ours.region;
  const elsewhere = foreign || (zone !== undefined && zone !== ours.zone);
  return {
    region: region ?? ours.region ?? "",
    zone: zone ?? (foreign ? "" : (ours.zone ?? "")),
    subZone: elsewhere ? "" : (ours.subZone ?? ""),
  };
}

/** A port's number is the lowest that an instance listens on, since ZooKeeper's records declare none. */
function portsOf({ ports, instances }: ReadService, known: readonly ServicePort[]): readonly ServicePort[] {
  return ports.flatMap(({ name, protocol }): readonly ServicePort[] => {
    const numbers = instances.flatMap((instance) => {
      const port = Object.hasOwn(instance.ports, name) ? instance.ports[name] : undefined;
      return port !== undefined && Number.isInteger(port) && port >= 1 && port <= 65_535 ? [port] : [];
    });
    const before = known.find((other) => other.name === name)?.port;
    const port = numbers.length === 0 ? before : numbers.reduce((a, b) => Math.min(a, b));
    return port === undefined ? [] : [{ name, port, protocol, inferred: true }];
  });
}
