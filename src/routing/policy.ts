/** What the operator wants of traffic: the configuration's gateways and service policies with all defaults filled in. */
import type { MergeRule } from "../catalog/types.ts";
import type { Protocol, ServiceKey } from "../model/service.ts";

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
  readonly outlierDetection: OutlierDetection | undefined;
  readonly circuitBreaker: CircuitBreaker | undefined;
  /** Percent of usable hosts below which Envoy ignores health. 0: never. */
  readonly panicThreshold: number;
  /** Envoy's overprovisioning factor in percent: 140 means a priority spills over below 1/1.4 = 72 % usable. */
  readonly overprovisioning: number;
  readonly merge: MergeRule;
}

export interface ListenerSpec {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  readonly protocol: "HTTP" | "TCP" | "TLS";
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
}

export interface RetrySpec {
  readonly attempts: number;
  /** Envoy's retry-on conditions, comma separated. */
  readonly on: string;
  readonly perTryTimeoutMs: number | undefined;
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
  readonly listeners: readonly ListenerSpec[];
  readonly routes: readonly RouteSpec[];
}

export interface SidecarSpec {
  /** Where a sidecar's outbound HTTP listener binds. */
  readonly outbound: { readonly address: string; readonly port: number };
}

/** Everything of the configuration that shapes what clients get. Compared as a whole on reload. */
export interface TrafficPolicy {
  /** Suffix of service host names: `<service>.<namespace>.<domain>`. */
  readonly domain: string;
  readonly gateways: readonly GatewaySpec[];
  readonly sidecar: SidecarSpec;
  policyOf(service: ServiceKey): ServicePolicy;
}
