/** Who asks, as far as it matters for what it may reach. */
import type { Locality } from "../model/locality.ts";

export const ROLES = ["gateway", "eastWest", "sidecar", "grpc"] as const;
export type Role = (typeof ROLES)[number];

/** Whether clients of the role are gateways of the configuration, called by name. */
export function isGatewayRole(role: Role): boolean {
  return role === "gateway" || role === "eastWest";
}

export interface Client {
  readonly role: Role;
  /** Name of the gateway in the configuration; empty for the other roles. */
  readonly gateway: string;
  readonly cluster: string;
  readonly network: string;
  readonly locality: Locality;
  /** The client's own namespace: short names resolve there. */
  readonly namespace: string;
  /** Sidecars only: where an inbound listener binds and the local port it forwards to. */
  readonly inbound: { readonly port: number; readonly appPort: number } | undefined;
  /** Sidecars over delta xDS only: it asks for virtual hosts and clusters when a request needs them. Absent: it has all. */
  readonly onDemand?: boolean;
}
