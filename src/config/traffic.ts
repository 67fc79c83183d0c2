/** Gateways and service policies of the file to what routing works with. Pure. */
import type { Static } from "typebox";
import { parseDuration } from "../kernel/duration.ts";
import { parseServiceId, type ServiceKey, serviceId } from "../model/service.ts";
import { matchesService } from "../routing/match.ts";
import type { GatewaySpec, HeaderMatch, RouteBackend, RouteSpec, ServicePolicy, TrafficPolicy } from "../routing/policy.ts";
import type { GatewaySchema } from "./schema/gateways.ts";
import type { ServicePolicySchema } from "./schema/services.ts";
import type { ConfigFile } from "./schema.ts";

type FileGateway = Static<typeof GatewaySchema>;
type FileRoute = FileGateway["routes"][number];
type FilePolicy = Static<typeof ServicePolicySchema>;

/** Ms of a duration that the schema has checked. */
export function milliseconds(text: string): number {
  return parseDuration(text) ?? 0;
}

/** What applies to services that no policy matches: the schema's own defaults. */
export const DEFAULT_POLICY: ServicePolicy = {
  match: undefined,
  loadBalancer: "roundRobin",
  protocol: undefined,
  connectTimeoutMs: 5000,
  outlierDetection: undefined,
  circuitBreaker: undefined,
  panicThreshold: 0,
  overprovisioning: 140,
  merge: { mode: "merge", order: [] },
};

/** As many answers of `policyOf` are remembered; services come and go for as long as the process runs. */
const REMEMBERED = 100_000;

export function resolveTraffic(file: ConfigFile): TrafficPolicy {
  const policies = file.services.map(toPolicy);
  const answers = new Map<string, ServicePolicy>();
  return {
    domain: file.mesh.domain,
    gateways: file.gateways.map(toGateway),
    sidecar: { outbound: { ...file.sidecar.outbound } },
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
export function trafficKeyOf({ mesh, gateways, services, sidecar }: ConfigFile): string {
  return JSON.stringify([mesh.domain, gateways, services, sidecar]);
}

function toGateway({ name, listeners, routes }: FileGateway): GatewaySpec {
  return { name, listeners: listeners.map((listener) => ({ ...listener })), routes: routes.map(toRoute) };
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
    retries: retries && {
      attempts: retries.attempts,
      on: retries.on.replaceAll(" ", ""),
      perTryTimeoutMs: retries.perTryTimeout === undefined ? undefined : milliseconds(retries.perTryTimeout),
    },
    prefixRewrite: route.prefixRewrite,
  };
}

function toHeader({ name, exact, prefix, present, absent }: FileRoute["headers"][number]): HeaderMatch {
  const lower = name.toLowerCase();
  if (exact !== undefined) return { name: lower, kind: "exact", value: exact };
  if (prefix !== undefined) return { name: lower, kind: "prefix", value: prefix };
  return { name: lower, kind: present === true || absent === false ? "present" : "absent", value: "" };
}

function toBackends({ service, port, services }: FileRoute): readonly RouteBackend[] {
  if (services !== undefined) return services.map((backend) => toBackend(backend.service, backend.port, backend.weight));
  return service === undefined ? [] : [toBackend(service, port, 1)];
}

function toBackend(service: string, port: string | number | undefined, weight: number): RouteBackend {
  const key = parseServiceId(service);
  if (key === undefined) throw new TypeError(`${service} passed the schema as namespace/name`);
  return { service: key, port, weight };
}

function toPolicy(policy: FilePolicy): ServicePolicy {
  const { outlierDetection: outlier, circuitBreaker: breaker } = policy;
  return {
    match: policy.match,
    loadBalancer: policy.loadBalancer,
    protocol: policy.protocol,
    connectTimeoutMs: milliseconds(policy.connectTimeout),
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
    overprovisioning: policy.overprovisioning,
    merge: { mode: policy.merge, order: policy.registries },
  };
}
