/** The section `dns` of the file to what the name server works with. Pure. */
import type { DnsLimits, DnsSpec } from "../dns/spec.ts";
import { type ListenAddress, parseListen } from "../kernel/listen-address.ts";
import { locality } from "../model/locality.ts";
import { parseServiceId } from "../model/service.ts";
import type { ConfigFile } from "./schema.ts";
import { milliseconds } from "./traffic.ts";

export interface DnsConfig {
  readonly listen: ListenAddress & { readonly kind: "tcp" };
  readonly limits: DnsLimits;
  readonly spec: DnsSpec;
}

/** Undefined: no name server is wanted. */
export function resolveDns({ dns, mesh }: ConfigFile): DnsConfig | undefined {
  if (dns === undefined) return undefined;
  const listen = parseListen(dns.listen);
  if (listen?.kind !== "tcp") throw new TypeError(`${dns.listen} passed the checks as an address`);
  const any = /^(0\.0\.0\.0|[:0]+)$/.test(listen.host);
  const { tcpIdle, ...limits } = dns.limits;
  return {
    listen,
    limits: { ...limits, tcpIdleMs: milliseconds(tcpIdle) },
    spec: {
      ttl: milliseconds(dns.ttl) / 1000,
      domain: mesh.domain,
      clusterset: dns.clusterset === false ? undefined : dns.clusterset,
      zones: dns.zones,
      places: dns.places.map(({ cidrs, network, cluster = "", locality: place }) => ({
        ...{ cidrs, network, cluster, locality: locality(place) },
      })),
      clientSubnetFrom: dns.clientSubnetFrom,
      vipsFor: dns.vipsFor,
      ingress: dns.ingress,
      names: dns.names.map(({ name, services, order }) => ({
        name,
        services: services.flatMap((id) => parseServiceId(id) ?? []),
        order,
      })),
      addresses: dns.addresses.length > 0 || any ? dns.addresses : [listen.host],
    },
  };
}
