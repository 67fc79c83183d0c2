/** Gateways and service policies of the file to what routing works with. Pure. */
import ipaddr from "ipaddr.js";
import type { Static } from "typebox";
import { parseDuration } from "../kernel/duration.ts";
import { locality } from "../model/locality.ts";
import { parseServiceId, type ServiceKey, serviceId } from "../model/service.ts";
import type { DerivingPolicy } from "../routing/derived.ts";
import type { ProbeRule } from "../routing/gateway-health.ts";
import { topologyOf } from "../routing/gateway-table.ts";
import { matchesService } from "../routing/match.ts";
import type { MutualTls } from "../routing/mutual-tls.ts";
import {
  DEFAULT_POLICY,
  type GatewaySpec,
  type HeaderMatch,
  type ListenerSpec,
  type RetrySpec,
  type RouteBackend,
  type RouteSpec,
  type ServicePolicy,
  type TrafficPolicy,
} from "../routing/policy.ts";
import type { LabelSelection } from "../routing/subset.ts";
import type { GatewayTarget, NetworkSpec, SniDialect } from "../routing/topology.ts";
import type { GatewaySchema } from "./schema/gateways.ts";
import type { NetworkSchema } from "./schema/networks.ts";
import type { ServicePolicySchema } from "./schema/services.ts";
import type { ConfigFile } from "./schema.ts";

type FileGateway = Static<typeof GatewaySchema>;
type FileRoute = FileGateway["routes"][number];
type FileNetwork = Static<typeof NetworkSchema>;
type FilePolicy = Static<typeof ServicePolicySchema>;

/** Ms of a duration that the schema has checked. */
export function milliseconds(text: string): number {
  return parseDuration(text) ?? 0;
}

/** As many answers of `policyOf` are remembered; services come and go for as long as the process runs. */
const REMEMBERED = 100_000;

export function resolveTraffic(file: ConfigFile): TrafficPolicy {
  const policies = file.services.map(toPolicy);
  const answers = new Map<string, ServicePolicy>();
  const networks = file.networks.map(toNetwork);
  const exports = file.exports?.map(({ match, to, scope }) => ({ match, to, local: scope === "local" }));
  return {
    networks,
    exports,
    mtls: file.mtls && toMutualTls(file.mtls),
    aliases: policies.flatMap(({ match = "", redirect, union }) => {
      const key = match.includes("*") || (redirect ?? union) === undefined ? undefined : parseServiceId(match);
      return key === undefined ? [] : [key];
    }),
    topology: topologyOf({ networks, exports }, literalHost, new Map()),
    domain: file.mesh.domain,
    gateways: file.gateways.map(toGateway),
    sidecar: { outbound: { ...file.sidecar.outbound }, ...(file.sidecar.vips !== undefined && { vips: file.sidecar.vips }) },
    policyOf(service: ServiceKey) {
      const id = serviceId(service);
      let answer = answers.get(id);
      if (answer === undefined) {
        answer = policies.find(({ match }) => match !== undefined && matchesService(match, service)) ?? DEFAULT_POLICY;
        if (answers.size >= REMEMBERED) answers.clear();
        answers.set(id, answer);
      }
      return answer;
    },
  };
}

/** Everything that `resolveTraffic` reads, as one comparable text. */
export function trafficKeyOf({ mesh, gateways, networks, exports, mtls, services, sidecar }: ConfigFile): string {
  return JSON.stringify([mesh.domain, gateways, networks, exports ?? null, mtls ?? null, services, sidecar]);
}

/** Before anything is resolved, gateways that are written as addresses are known already. */
function literalHost(host: string): string | undefined {
  return ipaddr.isValid(host) ? host : undefined;
}

function toMutualTls({ clientCa, ...mtls }: NonNullable<ConfigFile["mtls"]>): MutualTls {
  return { ...mtls, clientCa: clientCa ?? mtls.trustDomains[0]?.ca ?? "" };
}

function toDialect(sni: FileNetwork["sni"]): SniDialect {
  if (sni?.dialect === "istio") return { dialect: "istio", clusterDomain: sni.clusterDomain ?? "cluster.local" };
  if (sni?.dialect !== "consul") return { dialect: "meshbridge" };
  return { dialect: "consul", datacenter: sni.datacenter ?? "", trustDomain: sni.trustDomain ?? "" };
}

const DEFAULT_PROBE: ProbeRule = { intervalMs: 300, timeoutMs: 500, failures: 3, holdMs: 30_000, rampMs: 30_000 };

function toProbe(probe: FileNetwork["probe"], failback: FileNetwork["failback"]): ProbeRule | undefined {
  if (probe?.enabled === false) return undefined;
  const { intervalMs, timeoutMs, failures } =
    probe === undefined
      ? DEFAULT_PROBE
      : { intervalMs: milliseconds(probe.interval), timeoutMs: milliseconds(probe.timeout), failures: probe.failures };
  const { holdMs, rampMs } =
    failback === undefined ? DEFAULT_PROBE : { holdMs: milliseconds(failback.hold), rampMs: milliseconds(failback.ramp) };
  return { intervalMs, timeoutMs, failures, holdMs, rampMs };
}

function toNetwork({ egress, cidrs, gateways, sni, probe, failback, ...network }: FileNetwork): NetworkSpec {
  return {
    ...network,
    sni: toDialect(sni),
    probe: toProbe(probe, failback),
    cidrs,
    egress: egress.length > 0 ? egress : cidrs,
    gateways: gateways.map(toNetworkGateway),
  };
}

const GATEWAY_PORT = 15443;

function toNetworkGateway({
  address,
  service,
  servicePort,
  port,
  locality: place,
}: FileNetwork["gateways"][number]): GatewayTarget {
  const key = service === undefined ? undefined : parseServiceId(service);
  return {
    host: address,
    service: key && { key, port: servicePort },
    port: port ?? (address === undefined ? undefined : GATEWAY_PORT),
    locality: locality(place),
  };
}

function toGateway({ name, kind, listeners, routes, connectionsPerSecond }: FileGateway): GatewaySpec {
  const bound = kind === "eastWest" && connectionsPerSecond > 0 ? { connectionsPerSecond } : {};
  return { name, kind, listeners: listeners.map(toListener), routes: routes.map(toRoute), ...bound };
}

function toListener({ tls, ...listener }: FileGateway["listeners"][number]): ListenerSpec {
  if (tls === undefined) return listener;
  const entries = Array.isArray(tls) ? tls : [tls];
  const toTls = ({ hosts, secret, clientCa }: (typeof entries)[number]) => {
    return { hosts: hosts.map((host) => host.toLowerCase()), secret, clientCa };
  };
  return { ...listener, tls: entries.map(toTls) };
}

function toRoute(route: FileRoute): RouteSpec {
  const { retries } = route;
  return {
    // Envoy compares host names in lower case.
    hosts: route.hosts.map((host) => host.toLowerCase()),
    listeners: typeof route.listeners === "string" ? [route.listeners] : route.listeners,
    path: route.path === undefined ? { kind: "prefix", value: route.prefix ?? "/" } : { kind: "exact", value: route.path },
    headers: route.headers.map(toHeader),
    backends: toBackends(route),
    timeoutMs: route.timeout === undefined ? undefined : milliseconds(route.timeout),
    retries: toRetries(retries),
    prefixRewrite: route.prefixRewrite,
  };
}

function toRetries(retries: FileRoute["retries"]): RetrySpec | undefined {
  return (
    retries && {
      attempts: retries.attempts,
      on: retries.on.replaceAll(" ", ""),
      perTryTimeoutMs: retries.perTryTimeout === undefined ? undefined : milliseconds(retries.perTryTimeout),
      resets: retries.resets,
    }
  );
}

function toHeader({ name, exact, prefix, present, absent }: FileRoute["headers"][number]): HeaderMatch {
  const lower = name.toLowerCase();
  if (exact !== undefined) return { name: lower, kind: "exact", value: exact };
  if (prefix !== undefined) return { name: lower, kind: "prefix", value: prefix };
  return { name: lower, kind: present === true || absent === false ? "present" : "absent", value: "" };
}

function toBackends({ service, port, labels, services }: FileRoute): readonly RouteBackend[] {
  if (services !== undefined) return services.map(toBackend);
  return service === undefined ? [] : [toBackend({ service, port, labels, weight: 1 })];
}

interface FileBackend {
  readonly service: string;
  readonly port?: string | number | undefined;
  readonly labels?: LabelSelection | undefined;
  readonly weight: number;
}

/** `text` has passed the schema as namespace/name. */
function keyOf(text: string): ServiceKey {
  const key = parseServiceId(text);
  if (key === undefined) throw new TypeError(`${text} passed the schema as namespace/name`);
  return key;
}

function toBackend({ service, port, labels, weight }: FileBackend): RouteBackend {
  return { service: keyOf(service), port, weight, ...(labels !== undefined && { labels }) };
}

function toPolicy(policy: FilePolicy): ServicePolicy {
  const { outlierDetection: outlier, circuitBreaker: breaker } = policy;
  return {
    match: policy.match,
    loadBalancer: policy.loadBalancer,
    protocol: policy.protocol,
    connectTimeoutMs: milliseconds(policy.connectTimeout),
    deadAfterMs: milliseconds(policy.deadAfter),
    outlierDetection: outlier && {
      consecutive5xx: outlier.consecutive5xx,
      consecutiveGatewayFailure: outlier.consecutiveGatewayFailure,
      intervalMs: milliseconds(outlier.interval),
      baseEjectionMs: milliseconds(outlier.baseEjectionTime),
      maxEjectionPercent: outlier.maxEjectionPercent,
    },
    circuitBreaker: breaker && {
      maxConnections: breaker.maxConnections,
      maxPendingRequests: breaker.maxPendingRequests,
      maxRequests: breaker.maxRequests,
      maxRetries: breaker.maxRetries,
    },
    panicThreshold: policy.panicThreshold,
    overprovisioning: spillFactor(policy.failover?.threshold) ?? policy.overprovisioning,
    merge: { mode: policy.merge, order: policy.registries },
    failover: policy.failover && { order: policy.failover.order, priorityLabels: policy.failover.priorityLabels },
    affinity: policy.affinity,
    distribute: policy.distribute,
    tls: policy.tls,
    gatewayMode: policy.gatewayMode,
    ...derivedBy(policy),
    retries: toRetries(policy.retries),
    probe: policy.probe && {
      path: policy.probe.path,
      intervalMs: milliseconds(policy.probe.interval),
      timeoutMs: milliseconds(policy.probe.timeout),
      unhealthyThreshold: policy.probe.unhealthyThreshold,
      healthyThreshold: policy.probe.healthyThreshold,
      all: policy.probe.all,
    },
  };
}

/** What makes it of other services, or others of it; nothing, for most. */
function derivedBy({ redirect, union, failover, mirrors }: FilePolicy): DerivingPolicy {
  return {
    ...(redirect !== undefined && { redirect: { service: keyOf(redirect.service), cluster: redirect.cluster } }),
    ...(union !== undefined && { union: union.map(keyOf) }),
    ...(failover !== undefined && failover.services.length > 0 && { backups: failover.services.map(keyOf) }),
    ...(mirrors && { mirrors }),
  };
}

/** Envoy spills when usable share × factor falls below 100 %. */
function spillFactor(threshold: string | undefined): number | undefined {
  return threshold === undefined ? undefined : Math.round(10_000 / Number(threshold.slice(0, -1)));
}
