/** How things are called on the wire. Pure. */
import type { ServiceKey } from "../model/service.ts";

/** Envoy cluster, and EDS resource, of one port of a service: `<namespace>/<name>/<port name>`. */
export function clusterName({ namespace, name }: ServiceKey, portName: string): string {
  return `${namespace}/${name}/${portName}`;
}

/** The host name clients dial: `<service>.<namespace>.<domain>`, lower case since Envoy compares hosts so. */
export function hostName({ namespace, name }: ServiceKey, domain: string): string {
  return `${name}.${namespace}.${domain}`.toLowerCase();
}

/** A gateway's listener and, for HTTP, its route configuration: `<gateway>/<listener>`. */
export function gatewayListenerName(gateway: string, listener: string): string {
  return `${gateway}/${listener}`;
}

/** A sidecar's listeners and route configurations. */
export const SIDECAR_OUTBOUND = "outbound/http";
export const SIDECAR_INBOUND = "inbound";
export function sidecarTcpListenerName(port: number): string {
  return `outbound/tcp/${port}`;
}
