/** From the flags of `meshbridge bootstrap` and the configuration to the options of a bootstrap. Pure. */

import type { ResolvedConfig } from "../config/resolved.ts";
import type { MeshbridgeError } from "../kernel/errors.ts";
import { parseListen } from "../kernel/listen-address.ts";
import { fail } from "../model/errors.ts";
import { type Locality, UNKNOWN_LOCALITY } from "../model/locality.ts";
import { isGatewayRole, type Role } from "../routing/client.ts";
import type { BootstrapOptions, BootstrapTls } from "../xds/bootstrap.ts";
import { dialable } from "./config-file.ts";

export interface BootstrapFlags {
  readonly role: Role;
  readonly name?: string;
  readonly xds?: string;
  readonly cluster?: string;
  readonly network?: string;
  readonly namespace: string;
  readonly region?: string;
  readonly zone?: string;
  readonly subZone?: string;
  readonly inbound?: string;
  readonly sotw?: boolean;
  readonly onDemand?: boolean;
  readonly adminPort: string;
  readonly nodeId?: string;
  readonly tlsCa?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly xdsServerName?: string;
}

export interface BootstrapSource {
  /** As it was given, for messages. */
  readonly path: string;
  readonly config: ResolvedConfig;
}

/** Flags win over the configuration. Throws MB_USAGE and MB_GATEWAY_UNKNOWN. */
export function bootstrapOptions(flags: BootstrapFlags, source: BootstrapSource | undefined, hostname: string): BootstrapOptions {
  const mesh = source?.config.mesh;
  return {
    role: flags.role,
    name: nameOf(flags, source),
    nodeId: flags.nodeId,
    hostname,
    xds: xdsOf(flags, source),
    cluster: flags.cluster ?? mesh?.cluster ?? "c1",
    network: flags.network ?? mesh?.network ?? "default",
    namespace: flags.namespace,
    locality: localityOf(flags, mesh?.locality ?? UNKNOWN_LOCALITY),
    inbound: inboundOf(flags),
    variant: variantOf(flags),
    onDemand: onDemandOf(flags),
    adminPort: adminPortOf(flags.adminPort),
    tls: tlsOf(flags, source),
  };
}

function variantOf({ role, sotw }: BootstrapFlags): BootstrapOptions["variant"] {
  if (sotw !== true) return "delta";
  if (role === "eastWest") throw usage("--sotw is not for eastWest: clusters on demand need delta xDS");
  return "sotw";
}

function onDemandOf({ role, sotw, onDemand = false }: BootstrapFlags): boolean {
  if (onDemand && role !== "sidecar") throw usage("--on-demand is for sidecars only");
  if (onDemand && sotw === true) throw usage("--on-demand needs delta xDS, so it does not go with --sotw");
  return onDemand;
}

function nameOf({ role, name = "" }: BootstrapFlags, source: BootstrapSource | undefined): string {
  if (!isGatewayRole(role)) return name;
  const known = source?.config.traffic.gateways
    .filter(({ kind }) => (kind === "eastWest") === (role === "eastWest"))
    .map((gateway) => gateway.name);
  if (name === "") throw usage(`a gateway needs --name${known === undefined ? "" : `; the configuration has: ${listed(known)}`}`);
  if (source === undefined || known === undefined || known.includes(name)) return name;
  throw fail("MB_GATEWAY_UNKNOWN", { path: source.path, name, known: listed(known) });
}

function xdsOf({ xds }: BootstrapFlags, source: BootstrapSource | undefined): BootstrapOptions["xds"] {
  if (xds === undefined && source !== undefined) {
    const { host, port } = dialable(source.config.xds.listen);
    if (port === 0) throw usage(`xds.listen of ${source.path} takes any free port; say with --xds which one it took`);
    return { host, port };
  }
  const address = parseListen(xds ?? "");
  if (address?.kind === "tcp" && address.port > 0) return { host: address.host, port: address.port };
  throw usage(`--xds takes host:port, like bridge.example.com:18000 or [::1]:18000, not "${xds}"`);
}

/** A zone of the configuration says nothing about a client that names another region, a sub-zone likewise. */
function localityOf({ region, zone, subZone }: BootstrapFlags, mesh: Locality): Locality {
  const sameRegion = region === undefined || region === mesh.region;
  const sameZone = sameRegion && (zone === undefined || zone === mesh.zone);
  return {
    region: region ?? mesh.region,
    zone: zone ?? (sameRegion ? mesh.zone : ""),
    subZone: subZone ?? (sameZone ? mesh.subZone : ""),
  };
}

function inboundOf({ role, inbound }: BootstrapFlags): BootstrapOptions["inbound"] {
  if (inbound === undefined) return undefined;
  if (role !== "sidecar") throw usage("--inbound is for sidecars only");
  const match = /^(\d{1,5}):(\d{1,5})$/.exec(inbound);
  const [port, appPort] = [Number(match?.[1]), Number(match?.[2])];
  if (match !== null && isPort(port) && isPort(appPort) && port !== appPort) return { port, appPort };
  throw usage(`--inbound takes two different ports, listener:app, like 15006:8080, not "${inbound}"`);
}

function adminPortOf(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : -1;
  if (port === 0 || isPort(port)) return port;
  throw usage(`--admin-port takes a port, or 0 for none, not "${text}"`);
}

function tlsOf(
  { role, tlsCa, tlsCert, tlsKey, xdsServerName: serverName }: BootstrapFlags,
  source: BootstrapSource | undefined,
): BootstrapTls | undefined {
  const served = source?.config.xds.tls;
  if ((tlsCert === undefined) !== (tlsKey === undefined)) throw usage("--tls-cert and --tls-key belong together");
  if (serverName !== undefined && (tlsCa === undefined || role === "grpc"))
    throw usage("--xds-server-name is for Envoy, and needs --tls-ca: the name is that of the bridge's certificate");
  if (tlsCa === undefined) {
    if (tlsCert !== undefined) throw usage("--tls-cert needs --tls-ca: whom the client shall believe to be the bridge");
    if (served !== undefined)
      throw usage(`${source?.path} serves xDS over TLS: --tls-ca names the authority that signed its certificate`);
    return undefined;
  }
  if (served?.clientCaFile !== undefined && tlsCert === undefined) {
    throw usage(`${source?.path} asks clients for a certificate: --tls-cert and --tls-key name it`);
  }
  // As they were given: they are paths on the client's machine, which may be another one.
  return { caFile: tlsCa, certFile: tlsCert, keyFile: tlsKey, serverName };
}

function isPort(port: number): boolean {
  return Number.isInteger(port) && port >= 1 && port <= 65_535;
}

function listed(names: readonly string[]): string {
  return names.length === 0 ? "none" : names.join(", ");
}

function usage(reason: string): MeshbridgeError {
  return fail("MB_USAGE", { reason, command: "meshbridge bootstrap" });
}
