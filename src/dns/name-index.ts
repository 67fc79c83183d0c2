/**
 * Which names there are: made of the catalog, kept by its changes. A name that only has names below it exists as well, or
 * else a resolver would conclude from it that there is nothing below (RFC 8020).
 */
import { isDeepStrictEqual } from "node:util";
import type { CatalogService } from "../catalog/types.ts";
import type { ServiceId } from "../model/service.ts";
import { hostName } from "../routing/host-name.ts";
import { type DnsSpec, zonesOf } from "./spec.ts";

export interface NameIndex {
  /**
   * The service of that host name. Of several the first by id; a name that a service has by itself is never another's that
   * was given it besides. Both as on sidecars.
   */
  find(host: string): ServiceId | undefined;
  /** Whether there are names below it. */
  hasBelow(name: string): boolean;
  /** The zone the name is in; undefined: we do not answer for it. */
  zoneOf(name: string): string | undefined;
  set(id: ServiceId, service: CatalogService | undefined): void;
}

export function createNameIndex(spec: DnsSpec): NameIndex {
  const zones = new Set(zonesOf(spec));
  const owners = new Map<string, Set<ServiceId>>();
  const given = new Map<string, Set<ServiceId>>();
  const hostsOf = new Map<ServiceId, Hosts>();
  const below = new Map<string, number>();

  const zoneOf = (name: string): string | undefined => {
    for (const one of suffixes(name)) if (zones.has(one)) return one;
    return undefined;
  };

  const count = (host: string, by: 1 | -1) => {
    const zone = zoneOf(host);
    for (const parent of suffixes(host).slice(1)) {
      if (zone === undefined || parent === zone) return;
      const next = (below.get(parent) ?? 0) + by;
      if (next === 0) below.delete(parent);
      else below.set(parent, next);
    }
  };

  const tablesOf = ({ own, further }: Hosts) => [
    ...own.map((host) => [host, owners] as const),
    ...further.map((host) => [host, given] as const),
  ];
  const add = (table: Map<string, Set<ServiceId>>, host: string, id: ServiceId) => {
    count(host, 1);
    table.set(host, (table.get(host) ?? new Set()).add(id));
  };
  const remove = (table: Map<string, Set<ServiceId>>, host: string, id: ServiceId) => {
    count(host, -1);
    const ids = table.get(host);
    ids?.delete(id);
    if (ids?.size === 0) table.delete(host);
  };

  for (const { name } of spec.names) count(name, 1);

  return {
    zoneOf,
    find(host) {
      const ids = owners.get(host) ?? given.get(host);
      if (ids === undefined) return undefined;
      if (ids.size === 1) return ids.values().next().value;
      return [...ids].sort()[0];
    },
    hasBelow: (name) => below.has(name),
    set(id, service) {
      const before = hostsOf.get(id);
      const now = service === undefined ? undefined : hostsOfService(service, spec);
      // Most changes are of instances.
      if (isDeepStrictEqual(before, now)) return;
      if (before !== undefined) for (const [host, table] of tablesOf(before)) remove(table, host, id);
      if (now !== undefined) for (const [host, table] of tablesOf(now)) add(table, host, id);
      if (now === undefined) hostsOf.delete(id);
      else hostsOf.set(id, now);
    },
  };
}

interface Hosts {
  readonly own: readonly string[];
  readonly further: readonly string[];
}

function hostsOfService({ key, hosts = [] }: CatalogService, { domain, clusterset }: DnsSpec): Hosts {
  const own = [hostName(key, domain), ...(clusterset === undefined ? [] : [hostName(key, `svc.${clusterset}`)])];
  return { own, further: hosts.filter((host) => !own.includes(host)) };
}

/** The name, then what is left of it label by label. */
export function suffixes(name: string): readonly string[] {
  const all = [name];
  for (let at = name.indexOf("."); at !== -1; at = name.indexOf(".", at + 1)) all.push(name.slice(at + 1));
  return all;
}
