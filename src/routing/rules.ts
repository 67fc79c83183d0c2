/** From the policy of a service to the rules of its reach, the same for endpoints and for `explain`. Pure. */
import type { ServiceKey, ServicePort } from "../model/service.ts";
import type { ServicePolicy, TrafficPolicy } from "./policy.ts";
import type { Endpoint, ReachRules } from "./reach.ts";
import { ownSni } from "./sni.ts";
import type { SniDialect } from "./topology.ts";

export interface RuleChoices {
  /** The cluster whose share it is, where the service is distributed. */
  readonly first?: string | undefined;
  readonly passTo?: string | undefined;
}

export function reachRules(
  port: Pick<ServicePort, "protocol">,
  policy: ServicePolicy,
  { topology, mtls }: Pick<TrafficPolicy, "topology" | "mtls">,
  { first, passTo }: RuleChoices = {},
): ReachRules {
  const { failover, affinity, gatewayMode: mode, tls, overprovisioning } = policy;
  const named = port.protocol === "TLS" || (tls === "mutual" && mtls !== undefined);
  return { topology, preference: { failover, affinity, first }, mode, passTo, named, spill: overprovisioning / 100 };
}

export interface SniContext {
  readonly policy: ServicePolicy;
  readonly traffic: Pick<TrafficPolicy, "topology" | "domain">;
}

/** The server name by which an endpoint is dialled: what its gateway understands. */
export function endpointSni(
  { gateway, network, instance: { origin } }: Pick<Endpoint, "gateway" | "network" | "instance">,
  service: ServiceKey,
  own: ServicePort,
  { policy, traffic }: SniContext,
): string {
  // A gateway knows a service by the name that it has where it runs.
  const key = origin?.key ?? service;
  const port = origin?.ports[own.name] ?? own;
  const cluster = origin?.cluster;
  if (gateway === undefined) return ownSni({ key, port: port.name }, traffic.domain);
  if (policy.gatewayMode === "local") return ownSni({ key, port: port.name, via: network }, traffic.domain);
  const sni = traffic.topology.sniOf(network);
  if (cluster !== undefined && sni.dialect === "meshbridge") return ownSni({ key, port: port.name, cluster }, traffic.domain);
  return inDialect(sni, key, port, traffic.domain);
}

function inDialect(sni: SniDialect, key: ServiceKey, port: ServicePort, domain: string): string {
  const { name, namespace } = key;
  if (sni.dialect === "istio") return `outbound_.${port.port}_._.${name}.${namespace}.svc.${sni.clusterDomain}`;
  if (sni.dialect === "consul") return `${name}.${namespace}.${sni.datacenter}.internal.${sni.trustDomain}`;
  return ownSni({ key, port: port.name }, domain);
}
