/**
 * The start-up configuration of an xDS client: what an Envoy or a proxyless gRPC program must be told to find the bridge
 * and to say who it is. Pure: plain JSON data out, ready to be printed. The node metadata keys are read again by
 * `node.ts` when the client connects.
 */
import ipaddr from "ipaddr.js";
import type { Locality } from "../model/locality.ts";
import { isGatewayRole, type Role } from "../routing/client.ts";

/** The keys of `node.metadata` through which a client says what it is. All values are strings. */
export const NODE_METADATA = {
  role: "meshbridge.io/role",
  gateway: "meshbridge.io/gateway",
  cluster: "meshbridge.io/cluster",
  network: "meshbridge.io/network",
  namespace: "meshbridge.io/namespace",
  /** `listener:app`, e.g. `15006:8080`. */
  inbound: "meshbridge.io/inbound",
  /** `true`: a sidecar that asks for virtual hosts and clusters when it needs them. */
  onDemand: "meshbridge.io/on-demand",
} as const;

/** Every Envoy knows what a resource's time to live is, and does not say so by itself. */
export const TTL_FEATURE = "xds.config.supports-resource-ttl";
/** Nor that it takes resources wrapped with their TTL in state of the world. */
export const WRAPPED_FEATURE = "xds.config.supports-resource-in-sotw";

/** Plain JSON. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** PEM files on the client's machine; it reads them, the bridge never does. */
export interface BootstrapTls {
  readonly caFile: string;
  /** Present together with `keyFile` when the bridge asks for client certificates. */
  readonly certFile: string | undefined;
  readonly keyFile: string | undefined;
  /** The name the bridge's certificate must have, also sent as SNI; undefined: the host of the address. */
  readonly serverName?: string | undefined;
}

export interface BootstrapOptions {
  readonly role: Role;
  /** Name of the gateway, or of the workload for the other roles; may be empty for those. */
  readonly name: string;
  /** Node id; undefined: `<role>-<name>-<hostname>`. */
  readonly nodeId: string | undefined;
  /** Host the client runs on, for the default node id. */
  readonly hostname: string;
  /** Where the client dials the bridge: an IP literal (v6 without brackets) or a DNS name. */
  readonly xds: { readonly host: string; readonly port: number };
  readonly cluster: string;
  readonly network: string;
  readonly namespace: string;
  readonly locality: Locality;
  /** Sidecars only: the inbound listener's port and the local port it forwards to. */
  readonly inbound: { readonly port: number; readonly appPort: number } | undefined;
  readonly variant: "delta" | "sotw";
  /** Sidecars over delta only: ask for virtual hosts and clusters when a request needs them. Default: have all. */
  readonly onDemand?: boolean;
  /** Port of Envoy's own admin interface on 127.0.0.1; 0: none. */
  readonly adminPort: number;
  readonly tls: BootstrapTls | undefined;
}

/** Name of the static cluster through which Envoy reaches the bridge. */
const XDS_CLUSTER = "xds";
const HTTP_PROTOCOL_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
const TYPE = "type.googleapis.com/";

/** A whole Envoy bootstrap (envoy.config.bootstrap.v3.Bootstrap as JSON): `envoy -c` runs it unchanged. */
export function envoyBootstrap(options: BootstrapOptions): Json {
  const overAds = { ads: {}, resource_api_version: "V3" };
  return {
    node: nodeOf(options),
    ...(options.adminPort === 0 ? {} : { admin: { address: socketAddress("127.0.0.1", options.adminPort) } }),
    dynamic_resources: {
      ads_config: {
        api_type: options.variant === "delta" ? "DELTA_GRPC" : "GRPC",
        transport_api_version: "V3",
        set_node_on_first_message_only: true,
        grpc_services: [{ envoy_grpc: { cluster_name: XDS_CLUSTER, retry_policy: { retry_back_off: RECONNECT } } }],
      },
      lds_config: overAds,
      // Whoever asks for each cluster when it is needed asks for no other.
      ...(options.role === "eastWest" || options.onDemand === true ? {} : { cds_config: overAds }),
    },
    static_resources: { clusters: [xdsCluster(options)] },
    overload_manager: OVERLOAD_MANAGER,
  };
}

/** The bootstrap of a proxyless gRPC client (gRFC A27), for the file named by `GRPC_XDS_BOOTSTRAP`. */
export function grpcBootstrap(options: BootstrapOptions): Json {
  const { host, port } = options.xds;
  return {
    xds_servers: [
      { server_uri: hostPort(host, port), channel_creds: [grpcCredentials(options.tls)], server_features: ["xds_v3"] },
    ],
    node: nodeOf(options),
  };
}

/** Jittered by Envoy. Its own default of up to 30 s would keep a proxy away long after the bridge is back. */
const RECONNECT = { base_interval: "0.5s", max_interval: "5s" };

/** Envoy warns at every start while nothing bounds its downstream connections. */
const OVERLOAD_MANAGER = {
  resource_monitors: [
    {
      name: "envoy.resource_monitors.global_downstream_max_connections",
      typed_config: {
        "@type": `${TYPE}envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig`,
        max_active_downstream_connections: 50_000,
      },
    },
  ],
};

function nodeOf(options: BootstrapOptions): Json {
  const { role, name, hostname, locality, inbound, onDemand = false } = options;
  const id = options.nodeId ?? [role, name, hostname].filter((part) => part !== "").join("-");
  const parts = { region: locality.region, zone: locality.zone, sub_zone: locality.subZone };
  return {
    id,
    cluster: name === "" ? role : name,
    ...(role === "grpc" ? {} : { client_features: options.variant === "sotw" ? [TTL_FEATURE, WRAPPED_FEATURE] : [TTL_FEATURE] }),
    locality: Object.fromEntries(Object.entries(parts).filter(([, value]) => value !== "")),
    metadata: {
      [NODE_METADATA.role]: role,
      ...(isGatewayRole(role) ? { [NODE_METADATA.gateway]: name } : {}),
      [NODE_METADATA.cluster]: options.cluster,
      [NODE_METADATA.network]: options.network,
      [NODE_METADATA.namespace]: options.namespace,
      ...(inbound === undefined ? {} : { [NODE_METADATA.inbound]: `${inbound.port}:${inbound.appPort}` }),
      ...(onDemand ? { [NODE_METADATA.onDemand]: "true" } : {}),
    },
  };
}

function xdsCluster(options: BootstrapOptions): Json {
  const { host, port } = options.xds;
  const endpoint = { endpoint: { address: socketAddress(host, port) } };
  return {
    name: XDS_CLUSTER,
    // A name may move to another address or have several: only the DNS type looks again.
    type: isIpLiteral(host) ? "STATIC" : "STRICT_DNS",
    connect_timeout: "5s",
    load_assignment: { cluster_name: XDS_CLUSTER, endpoints: [{ lb_endpoints: [endpoint] }] },
    typed_extension_protocol_options: {
      [HTTP_PROTOCOL_OPTIONS]: {
        "@type": `${TYPE}${HTTP_PROTOCOL_OPTIONS}`,
        // The stream is idle while nothing changes: pings find a peer that vanished without closing.
        explicit_http_config: { http2_protocol_options: { connection_keepalive: { interval: "30s", timeout: "10s" } } },
      },
    },
    upstream_connection_options: { tcp_keepalive: { keepalive_probes: 3, keepalive_time: 30, keepalive_interval: 10 } },
    ...(options.tls === undefined ? {} : { transport_socket: tlsSocket(options.tls, options.tls.serverName ?? host) }),
  };
}

function tlsSocket(tls: BootstrapTls, host: string): Json {
  const ip = isIpLiteral(host);
  const certificate =
    tls.certFile === undefined || tls.keyFile === undefined
      ? {}
      : { tls_certificates: [{ certificate_chain: { filename: tls.certFile }, private_key: { filename: tls.keyFile } }] };
  return {
    name: "envoy.transport_sockets.tls",
    typed_config: {
      "@type": `${TYPE}envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext`,
      ...(ip ? {} : { sni: host }),
      common_tls_context: {
        alpn_protocols: ["h2"],
        ...certificate,
        validation_context: {
          trusted_ca: { filename: tls.caFile },
          // Without it any certificate of the same authority would pass for the bridge.
          match_typed_subject_alt_names: [{ san_type: ip ? "IP_ADDRESS" : "DNS", matcher: { exact: host } }],
        },
      },
    },
  };
}

/** `tls` is the credential type of gRFC A65. */
function grpcCredentials(tls: BootstrapTls | undefined): Json {
  if (tls === undefined) return { type: "insecure" };
  return {
    type: "tls",
    config: {
      ca_certificate_file: tls.caFile,
      ...(tls.certFile === undefined ? {} : { certificate_file: tls.certFile }),
      ...(tls.keyFile === undefined ? {} : { private_key_file: tls.keyFile }),
    },
  };
}

function socketAddress(address: string, port: number): Json {
  return { socket_address: { address, port_value: port } };
}

function isIpLiteral(host: string): boolean {
  return ipaddr.IPv4.isValidFourPartDecimal(host) || ipaddr.IPv6.isValid(host);
}

function hostPort(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
