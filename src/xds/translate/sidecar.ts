/**
 * What a sidecar listens on: one outbound HTTP listener that routes by host name, a listener for the port of each TCP
 * service, and, when asked for, an inbound listener in front of the application. Pure.
 */
import { TrafficDirection } from "../../gen/envoy/config/core/v3/base.ts";
import { Listener } from "../../gen/envoy/config/listener/v3/listener.ts";
import { type Filter, FilterChain } from "../../gen/envoy/config/listener/v3/listener_components.ts";
import type { Condition } from "../../model/condition.ts";
import { isHttp } from "../../model/service.ts";
import type { Client } from "../../routing/client.ts";
import type { MutualTls } from "../../routing/mutual-tls.ts";
import type { TrafficPolicy } from "../../routing/policy.ts";
import { type VipTable, vipTable, wantsVip } from "../../routing/vips.ts";
import { SIDECAR_INBOUND, SIDECAR_OUTBOUND, sidecarTcpListenerName, sidecarVipListenerName } from "../names.ts";
import type { ServiceOutline } from "../outline.ts";
import { makeResource } from "../resource.ts";
import { type Resource, type ResourceRef, TYPE_URL } from "../types.ts";
import { type PolicyOf, targetsOf } from "./backends.ts";
import { localCluster } from "./clusters.ts";
import { encoded, socketAddress } from "./common.ts";
import { type Shape, tlsInspector } from "./gateway.ts";
import { httpFilter, tcpFilter } from "./hcm.ts";
import { downstreamSecrets, downstreamSocket } from "./mutual-tls.ts";
import { onDemandRoutes } from "./on-demand.ts";
import { sidecarHosts } from "./sidecar-hosts.ts";
import { createHostParts, createRoutesMemo, type HostParts, type SidecarMemos } from "./sidecar-memos.ts";
import { hostResources, wholeRoutes } from "./virtual-hosts.ts";

const LOOPBACK = "127.0.0.1";

/**
 * `services` are those in the client's reach, with their ports as the policies see them, sorted by id. `memos`
 * belong to one configuration.
 */
export function sidecarShape(
  services: readonly ServiceOutline[],
  client: Client,
  traffic: TrafficPolicy,
  memos: SidecarMemos = { parts: createHostParts(), routes: createRoutesMemo() },
): Shape {
  const { address, port } = traffic.sidecar.outbound;
  const { onDemand = false } = client;
  const http = memos.routes.get(services, () => httpRoutes(services, client, traffic, memos.parts));
  const conditions: Condition[] = [...http.conditions];
  const refs = [{ typeUrl: TYPE_URL.route, name: SIDECAR_OUTBOUND }];
  const filter = httpFilter({ statPrefix: "outbound_http", routeConfigName: SIDECAR_OUTBOUND, edge: false, onDemand });
  const resources = [listener({ name: SIDECAR_OUTBOUND, address, port, filter, refs, inbound: false }), ...http.resources];
  const ports = new Set([port, client.inbound?.port ?? 0]);
  const vips = vipsOfShape(services, conditions, traffic);
  resources.push(...tcpListeners(services, ports, { conditions, policyOf: traffic.policyOf, vips, onDemand }));
  resources.push(...services.flatMap((service) => vipListeners(service, vips.get(service.id), { traffic, onDemand })));
  if (client.inbound !== undefined) resources.push(...inbound(client.inbound, traffic.mtls, onDemand));
  return { resources, conditions };
}

function httpRoutes(
  services: readonly ServiceOutline[],
  { namespace, onDemand = false }: Client,
  { domain, policyOf }: TrafficPolicy,
  parts: HostParts,
): Shape {
  const { hosts, conditions } = sidecarHosts(services, { namespace, domain }, parts.hosts);
  const resources = onDemand
    ? [onDemandRoutes(SIDECAR_OUTBOUND), ...hostResources(hosts, policyOf, parts.encoded)]
    : [wholeRoutes(SIDECAR_OUTBOUND, hosts, policyOf, parts.encoded)];
  return { resources, conditions };
}

interface TcpContext {
  readonly conditions: Condition[];
  readonly policyOf: PolicyOf;
  /** Services that are reached at an address of their own besides. */
  readonly vips: VipTable;
  readonly onDemand: boolean;
}

/** One listener per port number: which service is meant cannot be seen from a TCP connection, so the first one has it. */
function tcpListeners(
  services: readonly ServiceOutline[],
  taken: Set<number>,
  { conditions, policyOf, vips, onDemand }: TcpContext,
): readonly Resource[] {
  const resources: Resource[] = [];
  for (const { id, key, ports } of services) {
    for (const { name, port, protocol } of ports) {
      if (isHttp(protocol)) continue;
      if (taken.has(port)) {
        const message = `port ${port} of ${id} is taken on sidecars by another service or listener; it is not reachable there`;
        if (!vips.has(id)) conditions.push({ type: "ListenerConflict", reason: "PortTaken", message });
        continue;
      }
      taken.add(port);
      const targets = targetsOf(key, name, policyOf(key));
      const filter = tcpFilter(`outbound_tcp_${port}`, targets, onDemand);
      const refs = targets.map(({ cluster }) => ({ typeUrl: TYPE_URL.cluster, name: cluster }));
      resources.push(listener({ name: sidecarTcpListenerName(port), address: LOOPBACK, port, filter, refs, inbound: false }));
    }
  }
  return resources;
}

/** The services' addresses; a condition for each that has none because the range is too full. */
function vipsOfShape(services: readonly ServiceOutline[], conditions: Condition[], traffic: TrafficPolicy): VipTable {
  const { vips } = traffic.sidecar;
  if (vips === undefined) return new Map();
  const wanting = services.filter((service) => wantsVip(service, traffic.policyOf(service.key), vips)).map(({ id }) => id);
  const table = vipTable(wanting, vips);
  for (const id of wanting) {
    const message = `${id} has no address of its own on sidecars: the range ${vips.range} is too full`;
    if (!table.has(id)) conditions.push({ type: "ListenerConflict", reason: "RangeFull", message });
  }
  return table;
}

/**
 * A listener for each port of a service that has an address of its own: there the port is the service's alone. HTTP goes by
 * its host name, as on the common listener.
 */
function vipListeners(
  { key, ports }: ServiceOutline,
  address: string | undefined,
  context: Omit<VipContext, "address">,
): readonly Resource[] {
  return address === undefined ? [] : ports.map((port) => vipListener(key, port, { address, ...context }));
}

interface VipContext {
  readonly address: string;
  readonly traffic: TrafficPolicy;
  readonly onDemand: boolean;
}

function vipListener(
  key: ServiceOutline["key"],
  { name: portName, port, protocol }: ServiceOutline["ports"][number],
  { address, traffic, onDemand }: VipContext,
): Resource {
  const name = sidecarVipListenerName(address, port);
  const parts = { name, address, port, inbound: false };
  if (isHttp(protocol)) {
    const filter = httpFilter({ statPrefix: "outbound_http", routeConfigName: SIDECAR_OUTBOUND, edge: false, onDemand });
    return listener({ ...parts, filter, refs: [{ typeUrl: TYPE_URL.route, name: SIDECAR_OUTBOUND }] });
  }
  const targets = targetsOf(key, portName, traffic.policyOf(key));
  const refs = targets.map(({ cluster }) => ({ typeUrl: TYPE_URL.cluster, name: cluster }));
  return listener({ ...parts, filter: tcpFilter(`outbound_vip_${address}_${port}`, targets, onDemand), refs });
}

type Inbound = NonNullable<Client["inbound"]>;

function inbound({ port, appPort }: Inbound, mtls: MutualTls | undefined, onDemand: boolean): readonly Resource[] {
  const filter = tcpFilter("inbound", [{ cluster: SIDECAR_INBOUND, weight: 1 }], onDemand);
  const cluster = { typeUrl: TYPE_URL.cluster, name: SIDECAR_INBOUND };
  const app = localCluster(SIDECAR_INBOUND, appPort);
  const parts = { name: SIDECAR_INBOUND, address: "0.0.0.0", port, filter, inbound: true };
  if (mtls === undefined || mtls.inbound === "off") return [app, listener({ ...parts, refs: [cluster] })];
  const strict = mtls.inbound === "strict";
  const mutual = FilterChain.fromPartial({
    filters: [filter],
    transportSocket: downstreamSocket(mtls),
    ...(!strict && { filterChainMatch: { transportProtocol: "tls" } }),
  });
  const chains = strict ? [mutual] : [mutual, FilterChain.fromPartial({ filters: [filter] })];
  return [app, listener({ ...parts, refs: [cluster, ...downstreamSecrets(mtls)], chains })];
}

interface ListenerParts {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  readonly filter: Filter;
  readonly refs: readonly ResourceRef[];
  readonly inbound: boolean;
  /** Default: one chain with the filter. */
  readonly chains?: readonly FilterChain[];
}

function listener({ name, address, port, filter, refs, inbound: isInbound, chains }: ListenerParts): Resource {
  const message = Listener.fromPartial({
    name,
    address: socketAddress(address, port),
    filterChains: chains === undefined ? [{ filters: [filter] }] : [...chains],
    ...(chains !== undefined && chains.length > 1 && { listenerFilters: [tlsInspector()] }),
    trafficDirection: isInbound ? TrafficDirection.INBOUND : TrafficDirection.OUTBOUND,
  });
  return makeResource(TYPE_URL.listener, name, encoded(Listener, message), refs);
}
