/** Who a service is to those who dial it over mutual TLS. Pure. */
import type { ServiceKey } from "../model/service.ts";

export interface TrustDomain {
  readonly name: string;
  /** The secret with its authorities. */
  readonly ca: string;
  readonly clusters: readonly string[];
  readonly networks: readonly string[];
}

export interface MutualTls {
  /** The secret with the certificate that proxies show. */
  readonly certificate: string;
  /** At least one; the first is that of every cluster and network that none names. */
  readonly trustDomains: readonly TrustDomain[];
  /** The secret with the authorities of those who may call. */
  readonly clientCa: string;
  /** With `{trustDomain}`, `{namespace}` and `{service}`. */
  readonly identity: string;
  /** What a sidecar's inbound listener takes. */
  readonly inbound: "strict" | "permissive" | "off";
}

/** The URI that a service's certificate must have. */
export function spiffeId(template: string, { namespace, name }: ServiceKey, trustDomain: string): string {
  const values: Readonly<Record<string, string>> = { trustDomain, namespace, service: name };
  return template.replace(/\{(trustDomain|namespace|service)\}/g, (_, word: string) => values[word] ?? "");
}

export function trustDomainOf({ trustDomains }: MutualTls, cluster: string, network: string): TrustDomain | undefined {
  const named = trustDomains.find(({ clusters, networks }) => clusters.includes(cluster) || networks.includes(network));
  return named ?? trustDomains[0];
}
