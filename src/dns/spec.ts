/** What the operator wants of DNS: the configuration's `dns` with all defaults filled in. */
import type { Locality } from "../model/locality.ts";
import type { ServiceKey } from "../model/service.ts";

/** Who asks from these addresses is there. */
export interface DnsPlace {
  readonly cidrs: readonly string[];
  readonly network: string;
  readonly cluster: string;
  readonly locality: Locality;
}

/** How others reach what runs on a network: addresses that stand for its instances. */
export interface DnsIngress {
  readonly network: string;
  /** IP literals. */
  readonly addresses: readonly string[];
  readonly port: number;
}

/** A name of the operator's own. */
export interface DnsName {
  /** Lower case; `*.` at its front stands for one or more labels. */
  readonly name: string;
  /** The first one that can serve answers. */
  readonly services: readonly ServiceKey[];
  /** As `failover.order` of a service; empty: the service's own. */
  readonly order: readonly string[];
}

export interface DnsSpec {
  /** Seconds, 1 to 5. */
  readonly ttl: number;
  /** `<service>.<namespace>.<domain>`. */
  readonly domain: string;
  /** `<service>.<namespace>.svc.<clusterset>`; undefined: not answered. */
  readonly clusterset: string | undefined;
  /** Further zones, for host names outside the two. */
  readonly zones: readonly string[];
  readonly places: readonly DnsPlace[];
  /** Whose word on their clients' subnet (RFC 7871) counts. */
  readonly clientSubnetFrom: readonly string[];
  /** Askers with a sidecar beside them. */
  readonly vipsFor: readonly string[];
  readonly ingress: readonly DnsIngress[];
  readonly names: readonly DnsName[];
  /** Addresses of this name server, told for `ns.<zone>`. */
  readonly addresses: readonly string[];
}

export interface DnsLimits {
  /** Of one source (an IPv4 /24, an IPv6 /56) over UDP, per second. Loopback has no limit. */
  readonly queriesPerSecond: number;
  readonly tcpConnections: number;
  readonly tcpPerSource: number;
  readonly tcpIdleMs: number;
}

/** Every zone answered for, lower case, each once. */
export function zonesOf({ domain, clusterset, zones }: DnsSpec): readonly string[] {
  const all = [domain, ...(clusterset === undefined ? [] : [clusterset]), ...zones];
  return [...new Set(all.map((zone) => zone.toLowerCase()))];
}
