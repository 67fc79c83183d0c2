/** How things are called on the wire. Pure. */
import { compareText } from "../kernel/compare.ts";
import type { ServiceKey } from "../model/service.ts";
import type { LabelSelection } from "../routing/subset.ts";

/**
 * Envoy cluster, and EDS resource, of one port of a service: `<namespace>/<name>/<port name>`; of its instances with
 * some labels alone: `…{key=value,key=value}`, sorted by key.
 */
export function clusterName({ namespace, name }: ServiceKey, portName: string, labels?: LabelSelection): string {
  if (labels === undefined) return `${namespace}/${name}/${portName}`;
  const chosen = Object.entries(labels).sort(([a], [b]) => compareText(a, b));
  const subset = chosen.length === 0 ? "" : `{${chosen.map(([key, value]) => `${key}=${value}`).join(",")}}`;
  return `${namespace}/${name}/${portName}${subset}`;
}

/** The view of a port for the share of one cluster, where a service is distributed over clusters. */
export function shareName(service: ServiceKey, portName: string, cluster: string): string {
  return `${clusterName(service, portName)}~${cluster}`;
}

/** A gateway's listener and, for HTTP, its route configuration: `<gateway>/<listener>`. */
export function gatewayListenerName(gateway: string, listener: string): string {
  return `${gateway}/${listener}`;
}

/** What a gateway between networks lets in, apart from its listeners. */
export function exportsFilterName(gateway: string): string {
  return `${gateway}/exports`;
}

/** The route configuration of those connections of an HTTPS listener that were opened for a group of server names. */
export function gatewayChainName(listenerName: string, serverName: string): string {
  return `${listenerName}/${serverName}`;
}

/** A sidecar's listeners and route configurations. */
export const SIDECAR_OUTBOUND = "outbound/http";
export const SIDECAR_INBOUND = "inbound";
/** As Envoy asks for the virtual host of a request's host: lower case, with the port that the request names. */
export function virtualHostName(host: string): string {
  return `${SIDECAR_OUTBOUND}/${host}`;
}
export function sidecarTcpListenerName(port: number): string {
  return `outbound/tcp/${port}`;
}
/** The listener of a port at an address that stands for one service. */
export function sidecarVipListenerName(address: string, port: number): string {
  return `outbound/vip/${address}/${port}`;
}
