/** Who a client says it is: the node of its first request, as the bridge understands it. Pure. */
import type { Node } from "../gen/envoy/config/core/v3/base.ts";
import { fail } from "../model/errors.ts";
import { type Locality, locality, localityName } from "../model/locality.ts";
import { type Client, isGatewayRole, ROLES, type Role } from "../routing/client.ts";
import { NODE_METADATA } from "./bootstrap.ts";

/** What a client that says nothing of it is taken for. */
export interface NodeDefaults {
  readonly cluster: string;
  readonly network: string;
  readonly namespace: string;
}

const MAX_TEXT = 253;

/**
 * The client behind a node. A missing role is `grpc` for gRPC's own user agents and `sidecar` otherwise; a gateway
 * without a name is called by `node.cluster`. Throws MB_XDS_NODE_INVALID for what the bootstrap would never contain.
 */
export function clientOf(node: Node | undefined, defaults: NodeDefaults): Client {
  if (node === undefined) throw fail("MB_XDS_NODE_INVALID", { reason: "the first request of the stream carries no node" });
  if (node.id === "") throw fail("MB_XDS_NODE_INVALID", { reason: "node.id is empty" });
  const role = roleOf(node);
  return {
    role,
    gateway: isGatewayRole(role) ? text(node, NODE_METADATA.gateway, node.cluster) : "",
    cluster: text(node, NODE_METADATA.cluster, defaults.cluster),
    network: text(node, NODE_METADATA.network, defaults.network),
    locality: localityOf(node),
    namespace: text(node, NODE_METADATA.namespace, defaults.namespace),
    inbound: inboundOf(node),
    ...(role === "sidecar" && metadata(node, NODE_METADATA.onDemand) === "true" && { onDemand: true }),
  };
}

/** Clients with equal keys see equal resources. Every part is quoted, so that no two clients can collide by their text. */
export function viewKey(client: Client): string {
  const { role, gateway, cluster, network, namespace, inbound, onDemand = false } = client;
  // Only a sidecar's short names depend on its namespace, and only sidecars have an inbound listener or ask on demand.
  const own = role === "sidecar" ? [namespace, inbound?.port ?? 0, inbound?.appPort ?? 0, ...(onDemand ? ["onDemand"] : [])] : [];
  return JSON.stringify([role, gateway, cluster, network, localityName(client.locality), ...own]);
}

/** Name and version of the client program, for people. */
export function agentOf(node: Node | undefined): string {
  const version = node?.userAgentVersionType;
  if (version?.$case === "userAgentVersion") return `${node?.userAgentName ?? ""} ${version.value}`.trim();
  const build = version?.$case === "userAgentBuildVersion" ? version.value.version : undefined;
  const numbers = build === undefined ? "" : `${build.majorNumber}.${build.minorNumber}.${build.patch}`;
  return `${node?.userAgentName ?? ""} ${numbers}`.trim();
}

function roleOf(node: Node): Role {
  const said = metadata(node, NODE_METADATA.role);
  if (said === undefined) return /^grpc/i.test(node.userAgentName) ? "grpc" : "sidecar";
  const role = ROLES.find((known) => known === said);
  if (role === undefined) throw fail("MB_XDS_NODE_INVALID", { reason: `${NODE_METADATA.role} is none of ${ROLES.join(", ")}` });
  return role;
}

function localityOf({ locality: said }: Node): Locality {
  return locality(said === undefined ? {} : { region: said.region, zone: said.zone, subZone: said.subZone });
}

function inboundOf(node: Node): Client["inbound"] {
  const said = metadata(node, NODE_METADATA.inbound);
  if (said === undefined) return undefined;
  const [, port, appPort] = /^(\d{1,5}):(\d{1,5})$/.exec(said)?.map(Number) ?? [];
  if (isPort(port) && isPort(appPort) && port !== appPort) return { port, appPort };
  const reason = `${NODE_METADATA.inbound} is not "<listener port>:<application port>" with two different ports`;
  throw fail("MB_XDS_NODE_INVALID", { reason });
}

function isPort(port: number | undefined): port is number {
  return port !== undefined && port >= 1 && port <= 65535;
}

function text(node: Node, key: string, fallback: string): string {
  const value = metadata(node, key) ?? fallback;
  if (value.length <= MAX_TEXT) return value;
  throw fail("MB_XDS_NODE_INVALID", { reason: `${key} is longer than ${MAX_TEXT} characters` });
}

function metadata(node: Node, key: string): string | undefined {
  const values: Readonly<Record<string, unknown>> = node.metadata ?? {};
  const value = Object.hasOwn(values, key) ? values[key] : undefined;
  return typeof value === "string" && value !== "" ? value : undefined;
}
