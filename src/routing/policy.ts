/** What the operator wants of traffic: the configuration's gateways and service policies with all defaults filled in. */
import type { MergeRule } from "../catalog/types.ts";
import type { Protocol, ServiceKey } from "../model/service.ts";
import type { MutualTls } from "./mutual-tls.ts";
import type { LabelSelection } from "./subset.ts";
import type { ExportRule, NetworkSpec, Topology } from "./topology.ts";
import type { VipSpec } from "./vips.ts";

export const LOAD_BALANCERS = ["roundRobin", "leastRequest", "random", "ringHash", "maglev"] as const;
export type LoadBalancer = (typeof LOAD_BALANCERS)[number];

export interface OutlierDetection {
  readonly consecutive5xx: number;
  readonly consecutiveGatewayFailure: number | undefined;
  readonly intervalMs: number;
  readonly baseEjectionMs: number;
  /** Percent, 0–100. */
  readonly maxEjectionPercent: number;
}

export interface CircuitBreaker {
  readonly maxConnections: number | undefined;
  readonly maxPendingRequests: number | undefined;
  readonly maxRequests: number | undefined;
  readonly maxRetries: number | undefined;
}

/** Traffic policy of one service; the first match of the configuration's `services` wins. */
export interface ServicePolicy {
  /** The pattern it came from, for `explain`; undefined for the defaults. */
  readonly match: string | undefined;
  readonly loadBalancer: LoadBalancer;
  /** Replaces what the registry says of every port. */
  readonly protocol: Protocol | undefined;
  readonly connectTimeoutMs: number;
  /** A connection whose other end acknowledges nothing for so long is closed. 0: never. */
  readonly deadAfterMs: number;
  readonly outlierDetection: OutlierDetection | undefined;
  readonly circuitBreaker: CircuitBreaker | undefined;
  /** Percent of usable hosts below which Envoy ignores health. 0: never. */
  readonly panicThreshold: number;
  /** Envoy's overprovisioning factor in percent: 140 means a priority spills over below 1/1.4 = 72 % usable. */
  readonly overprovisioning: number;
  readonly merge: MergeRule;
  readonly failover: FailoverPolicy | undefined;
  /** Whose cluster comes first; undefined: nearness alone counts. */
  readonly affinity: "local" | "remote" | "none" | undefined;
  /** Shares by cluster; where one cannot serve its own, the others do. Undefined: not distributed. */
  readonly distribute: Readonly<Record<string, number>> | undefined;
  /** How its endpoints are dialled. */
  readonly tls: "mutual" | "none";
  /** The way to another network: its gateways, the client's own network's, or none at all: instances are dialled themselves. */
  readonly gatewayMode: "none" | "local" | "remote";
  /** What sidecars try again, and gateways whose route says nothing of it. */
  readonly retries: RetrySpec | undefined;
  readonly probe: ProbeSpec | undefined;
  /** Another service answers in its place, or only that one's instances in one cluster. */
  readonly redirect?: { readonly service: ServiceKey; readonly cluster: string | undefined } | undefined;
  /** It is one name for these. */
  readonly union?: readonly ServiceKey[] | undefined;
  /** Services that answer when it does not, in this order. */
  readonly backups?: readonly ServiceKey[] | undefined;
  /** Whether there is a name `<name>-<cluster>` for each cluster it is in. */
  readonly mirrors?: boolean | undefined;
}

/** Envoy's own checks of endpoints. */
export interface ProbeSpec {
  /** Asked for by HTTP; undefined: that a connection comes about, with TLS where the endpoint has it. */
  readonly path: string | undefined;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly unhealthyThreshold: number;
  readonly healthyThreshold: number;
  /** Whether endpoints on the client's own network are asked as well as gateways. */
  readonly all: boolean;
}

/** Who comes next when the nearest do not suffice. */
export interface FailoverPolicy {
  /**
   * `zone`, `region`, `cluster`, `network` (the client's own), or names of clusters, networks and regions; what none
   * matches comes last. Empty: by zone, region and cluster.
   */
  readonly order: readonly string[];
  /** `label` (the client's own value) or `label=value`; a label counts only where all before it are shared. */
  readonly priorityLabels: readonly string[];
}

export interface ListenerSpec {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  readonly protocol: "HTTP" | "HTTPS" | "TCP" | "TLS";
  /** HTTPS only: at least one, no host in two of them. */
  readonly tls?: readonly ListenerTls[] | undefined;
}

/** A certificate for some server names (SNI) of an HTTPS listener. */
export interface ListenerTls {
  /** `*.x` and `*` allowed, lower case. Empty: every name that no other entry has. */
  readonly hosts: readonly string[];
  /** Name of the secret with the certificate. */
  readonly secret: string;
  /** Name of the secret with the authorities that clients' certificates must come from; undefined: none is asked for. */
  readonly clientCa: string | undefined;
}

export interface HeaderMatch {
  readonly name: string;
  readonly kind: "exact" | "prefix" | "present" | "absent";
  readonly value: string;
}

export interface RouteBackend {
  readonly service: ServiceKey;
  /** Port name or number; undefined: the service's only or first port. */
  readonly port: string | number | undefined;
  readonly weight: number;
  /** Only instances with these labels; undefined: all. */
  readonly labels?: LabelSelection;
}

export interface RetrySpec {
  readonly attempts: number;
  /** Envoy's retry-on conditions, comma separated. */
  readonly on: string;
  readonly perTryTimeoutMs: number | undefined;
  /** Requests that were sent when their connection broke: which of them are sent again. */
  readonly resets: "idempotent" | "all" | "none";
}

export interface RouteSpec {
  /** HTTP: Host headers; TLS: SNI names; `*.x` and `*` allowed. Empty: every host. */
  readonly hosts: readonly string[];
  /** Names of the listeners it belongs to; empty: all of a protocol that fits. */
  readonly listeners: readonly string[];
  readonly path: { readonly kind: "prefix" | "exact"; readonly value: string };
  readonly headers: readonly HeaderMatch[];
  /** At least one; weights count relative to each other. */
  readonly backends: readonly RouteBackend[];
  /** Undefined: Envoy's default of 15 s. 0: none. */
  readonly timeoutMs: number | undefined;
  readonly retries: RetrySpec | undefined;
  /** Replaces the matched prefix. */
  readonly prefixRewrite: string | undefined;
}

export interface GatewaySpec {
  readonly name: string;
  /** `eastWest`: passes connections from other networks on by their server name; it has no routes. */
  readonly kind: "edge" | "eastWest";
  readonly listeners: readonly ListenerSpec[];
  readonly routes: readonly RouteSpec[];
  /** `eastWest`: new connections that each Envoy takes in a second; undefined: as many as come. */
  readonly connectionsPerSecond?: number | undefined;
}

export interface SidecarSpec {
  /** Where a sidecar's outbound HTTP listener binds. */
  readonly outbound: { readonly address: string; readonly port: number };
  /** Absent: services have no addresses of their own on sidecars. */
  readonly vips?: VipSpec;
}

/** Everything of the configuration that shapes what clients get. Compared as a whole on reload. */
export interface TrafficPolicy {
  /** Suffix of service host names: `<service>.<namespace>.<domain>`. */
  readonly domain: string;
  readonly gateways: readonly GatewaySpec[];
  readonly sidecar: SidecarSpec;
  readonly networks: readonly NetworkSpec[];
  /** Undefined: the configuration says nothing of exports. */
  readonly exports: readonly ExportRule[] | undefined;
  /** Undefined: no service can be dialled by mutual TLS. */
  readonly mtls: MutualTls | undefined;
  /** Made of `networks` and `exports`, with the addresses of gateways as far as they are known. */
  readonly topology: Topology;
  /** Services that exist because the configuration makes them of others. */
  readonly aliases?: readonly ServiceKey[];
  policyOf(service: ServiceKey): ServicePolicy;
}

/** What applies to services that no policy matches: the schema's own defaults. */
export const DEFAULT_POLICY: ServicePolicy = {
  match: undefined,
  loadBalancer: "roundRobin",
  protocol: undefined,
  connectTimeoutMs: 2000,
  deadAfterMs: 2000,
  outlierDetection: undefined,
  circuitBreaker: undefined,
  panicThreshold: 0,
  overprovisioning: 140,
  merge: { mode: "merge", order: [] },
  failover: undefined,
  affinity: undefined,
  distribute: undefined,
  tls: "none",
  gatewayMode: "remote",
  retries: undefined,
  probe: undefined,
};
