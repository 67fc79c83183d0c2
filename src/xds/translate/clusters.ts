/** A service's port as an Envoy cluster: how to connect, whom to prefer, when to give up on an endpoint. Pure. */
import { Cluster, Cluster_DiscoveryType, Cluster_LbPolicy } from "../../gen/envoy/config/cluster/v3/cluster.ts";
import { HttpProtocolOptions } from "../../gen/envoy/extensions/upstreams/http/v3/http_protocol_options.ts";
import type { ServiceKey, ServicePort } from "../../model/service.ts";
import type { Role } from "../../routing/client.ts";
import type { MutualTls } from "../../routing/mutual-tls.ts";
import type { CircuitBreaker, LoadBalancer, ServicePolicy } from "../../routing/policy.ts";
import type { LabelSelection } from "../../routing/subset.ts";
import { clusterName } from "../names.ts";
import { makeResource } from "../resource.ts";
import { type Resource, type ResourceRef, TYPE_URL } from "../types.ts";
import { type ClusterTemplate, clusterTemplate, encodeCluster } from "./cluster-template.ts";
import { adsSource, any, duration, encoded, positiveDuration, socketAddress, statName } from "./common.ts";
import { deadPeerOptions, HTTP2_KEEPALIVE, healthCheck, outlierDetection, UNREACHABLE_DETECTION } from "./liveness.ts";
import { upstreamSecrets, upstreamSockets } from "./mutual-tls.ts";

const LB_POLICY: Readonly<Record<LoadBalancer, Cluster_LbPolicy>> = {
  roundRobin: Cluster_LbPolicy.ROUND_ROBIN,
  leastRequest: Cluster_LbPolicy.LEAST_REQUEST,
  random: Cluster_LbPolicy.RANDOM,
  ringHash: Cluster_LbPolicy.RING_HASH,
  maglev: Cluster_LbPolicy.MAGLEV,
};

const HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

export interface ClusterInput {
  readonly service: ServiceKey;
  readonly port: ServicePort;
  readonly policy: ServicePolicy;
  readonly role: Role;
  /** Of instances with these labels alone. */
  readonly labels?: LabelSelection | undefined;
  /** Whose certificates its hosts show; default: the service's own. */
  readonly identities?: readonly ServiceKey[] | undefined;
  /** Default: that of the service's port, or of those instances. */
  readonly name?: string | undefined;
  /** Undefined: its hosts are dialled in plain text, whatever the policy says. */
  readonly mtls: MutualTls | undefined;
}

export function clusterResource(input: ClusterInput): Resource {
  const name = input.name ?? clusterName(input.service, input.port.name, input.labels);
  const mtls = input.role === "grpc" || input.policy.tls !== "mutual" ? undefined : input.mtls;
  const endpoints: readonly ResourceRef[] = [{ typeUrl: TYPE_URL.endpoint, name }];
  const refs = mtls === undefined ? endpoints : endpoints.concat(upstreamSecrets(mtls));
  return makeResource(TYPE_URL.cluster, name, bodyOf({ ...input, mtls }, name), refs);
}

function bodyOf(input: ClusterInput, name: string): Uint8Array {
  if (input.role === "grpc") return encoded(Cluster, grpcCluster(input, name));
  // Sockets say whose certificates are believed.
  if (input.mtls !== undefined) return encoded(Cluster, envoyCluster(input, name));
  return encodeCluster(templateOf(input, name), { name, altStatName: altStatName(name), metadata: metadata(input) });
}

/** By all that makes a difference beside the names: the policy, and what is said of the role and of the protocol. */
const templates = new WeakMap<ServicePolicy, Map<string, ClusterTemplate>>();

function templateOf(input: ClusterInput, name: string): ClusterTemplate {
  const ofPolicy = templates.get(input.policy) ?? new Map<string, ClusterTemplate>();
  templates.set(input.policy, ofPolicy);
  const key = `${input.role} ${input.port.protocol}`;
  const template = ofPolicy.get(key) ?? clusterTemplate(envoyCluster(input, name));
  ofPolicy.set(key, template);
  return template;
}

/**
 * gRPC refuses a cluster with a policy it does not know. Every version of it knows round robin (gRFC A27) and those in
 * use ring hash (A42); least request (A48) is not everywhere, so it becomes round robin, as do Envoy's own ones.
 */
function grpcCluster({ policy }: ClusterInput, name: string): Cluster {
  return Cluster.fromPartial({
    ...edsOf(name),
    lbPolicy: policy.loadBalancer === "ringHash" ? Cluster_LbPolicy.RING_HASH : Cluster_LbPolicy.ROUND_ROBIN,
    connectTimeout: positiveDuration(policy.connectTimeoutMs),
  });
}

/** What the bytes say; `mtls` is that of clusters that are dialled by it alone. */
export function envoyCluster(input: ClusterInput, name: string): Cluster {
  const { service, port, policy, role, mtls, identities = [service] } = input;
  return Cluster.fromPartial({
    ...edsOf(name),
    altStatName: altStatName(name),
    connectTimeout: positiveDuration(policy.connectTimeoutMs),
    lbPolicy: LB_POLICY[policy.loadBalancer],
    commonLbConfig: {
      // The registry's word on health is obeyed: docs/explanation/decisions/0001-panic-threshold-zero.md.
      healthyPanicThreshold: { value: policy.panicThreshold },
      localityConfigSpecifier: { $case: "localityWeightedLbConfig", value: {} },
      // Envoy waits 1 s by default to merge changes of health and weight; what arrives here has been merged already.
      updateMergeWindow: duration(0),
    },
    // An endpoint that the registry removed with proof goes at once, whatever Envoy's own checks think of it.
    ignoreHealthOnHostRemoval: true,
    ...deadPeerOptions(policy.deadAfterMs),
    ...(policy.outlierDetection !== undefined
      ? { outlierDetection: outlierDetection(policy.outlierDetection) }
      : (mtls !== undefined || port.protocol === "TLS" || role === "eastWest") && { outlierDetection: UNREACHABLE_DETECTION }),
    circuitBreakers: { thresholds: [thresholds(policy.circuitBreaker)] },
    ...(mtls !== undefined && upstreamSockets(identities, mtls)),
    ...(policy.probe !== undefined && { healthChecks: [healthCheck(policy.probe)], closeConnectionsOnHostHealthFailure: true }),
    ...(isHttp2(port) && { typedExtensionProtocolOptions: { [HTTP_OPTIONS]: http2() } }),
    metadata: { filterMetadata: metadata(input) },
  });
}

/** Only where it differs: it would lengthen every cluster otherwise. */
function altStatName(name: string): string {
  const stat = statName(name);
  return stat === name ? "" : stat;
}

function metadata({ service: { namespace, name }, port }: ClusterInput) {
  return { "meshbridge.io": { namespace, service: name, port: port.name } };
}

function edsOf(name: string) {
  return {
    name,
    clusterDiscoveryType: { $case: "type" as const, value: Cluster_DiscoveryType.EDS },
    edsClusterConfig: { serviceName: name, edsConfig: adsSource() },
  };
}

function isHttp2({ protocol }: ServicePort): boolean {
  return protocol === "HTTP2" || protocol === "GRPC";
}

function http2() {
  const options = HttpProtocolOptions.fromPartial({
    upstreamProtocolOptions: {
      $case: "explicitHttpConfig",
      value: { protocolConfig: { $case: "http2ProtocolOptions", value: { connectionKeepalive: HTTP2_KEEPALIVE } } },
    },
  });
  return any(HTTP_OPTIONS, HttpProtocolOptions, options);
}

/**
 * As many retries as requests, by default: Envoy's own bound of 3 at a time would fail what is under way when a whole
 * cluster hangs, since all of it is tried again at the same moment.
 */
function thresholds(rule: CircuitBreaker | undefined) {
  const given = Object.fromEntries(Object.entries(rule ?? {}).filter(([, limit]) => limit !== undefined));
  return { maxRetries: rule?.maxRequests ?? MAX_RETRIES, ...given };
}

const MAX_RETRIES = 1024;

/** The application behind a sidecar's inbound listener: on this host, always there. */
export function localCluster(name: string, port: number): Resource {
  const cluster = Cluster.fromPartial({
    name,
    clusterDiscoveryType: { $case: "type", value: Cluster_DiscoveryType.STATIC },
    connectTimeout: duration(1000),
    loadAssignment: {
      clusterName: name,
      endpoints: [
        { lbEndpoints: [{ hostIdentifier: { $case: "endpoint", value: { address: socketAddress("127.0.0.1", port) } } }] },
      ],
    },
  });
  return makeResource(TYPE_URL.cluster, name, encoded(Cluster, cluster));
}
