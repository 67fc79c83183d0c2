/** A gateway's routes as Envoy virtual hosts: one per host name, in each the most specific match first. Pure. */
import { RouteConfiguration } from "../../gen/envoy/config/route/v3/route.ts";
import { type HeaderMatcher, Route, VirtualHost } from "../../gen/envoy/config/route/v3/route_components.ts";
import type { Condition } from "../../model/condition.ts";
import type { HeaderMatch, RetrySpec, RouteSpec } from "../../routing/policy.ts";
import { makeResource } from "../resource.ts";
import { type Resource, TYPE_URL } from "../types.ts";
import { type Known, type Resolved, resolveBackends, type Target } from "./backends.ts";
import { duration } from "./common.ts";
import { retryCases } from "./retries.ts";
import { planHosts } from "./sni.ts";

export interface RoutesResult {
  readonly resource: Resource;
  readonly conditions: readonly Condition[];
}

/**
 * The route configuration of one HTTP listener. A route without hosts belongs to `*`. As in the Gateway API the most
 * specific host alone decides: routes of `*` do not apply to a host that has routes of its own. Ports of hosts do not
 * count, neither of those configured nor of those that requests name. `names` limits it to the hosts of connections that
 * were opened for a server name.
 */
export function gatewayRoutes(
  name: string,
  routes: readonly RouteSpec[],
  known: Known,
  names: { readonly own: readonly string[]; readonly all: readonly (readonly string[])[] } = EVERY_NAME,
): RoutesResult {
  const resolved = routes.map((spec) => ({ spec, resolved: resolveBackends(spec.backends, known) }));
  const byHost = new Map<string, typeof resolved>();
  for (const route of resolved) {
    const hosts = route.spec.hosts.length === 0 ? ["*"] : route.spec.hosts.map(hostWithoutPort);
    for (const host of new Set(hosts)) byHost.set(host, [...(byHost.get(host) ?? []), route]);
  }
  const { served, misdirected } = planHosts(byHost, names.own, names.all);
  const virtualHosts = [...served].sort(byFirst).map(([host, list]) =>
    VirtualHost.fromPartial({
      name: host,
      domains: [host],
      routes: list
        .sort((a, b) => moreSpecific(a.spec, b.spec))
        .flatMap((route) => gatewayRoute(route.spec, route.resolved, retriesOf(route.spec, known))),
    }),
  );
  if (misdirected.length > 0) virtualHosts.push(misdirectedHost(misdirected));
  const targets = [...new Set([...served.values()].flat())].flatMap((route) => route.resolved.targets);
  const resource = routeResource(name, virtualHosts, targets);
  return { resource, conditions: resolved.flatMap((route) => route.resolved.conditions) };
}

const EVERY_NAME = { own: ["*"], all: [["*"]] } as const;

/** The client may ask again on a connection for that name (RFC 9110, section 15.5.20). */
function misdirectedHost(domains: readonly string[]): VirtualHost {
  const match = { pathSpecifier: { $case: "prefix" as const, value: "/" } };
  const action = { $case: "directResponse" as const, value: { status: 421 } };
  return VirtualHost.fromPartial({ name: "(misdirected)", domains: [...domains], routes: [{ match, action }] });
}

/** In lower case, as Envoy compares hosts; and with `ignorePort` a domain that has a port would never match. */
export function hostWithoutPort(host: string): string {
  return host.toLowerCase().replace(/:\d+$/, "");
}

/** Encodes a route configuration; it refers to the clusters of its targets, so it is sent after them. */
function routeResource(name: string, virtualHosts: VirtualHost[], targets: readonly Target[]): Resource {
  // A `Host` header with a port is the same host: clients add it for every port but 80.
  const body = RouteConfiguration.encode(
    RouteConfiguration.fromPartial({ name, virtualHosts, ignorePortInHostMatching: true }),
  ).finish();
  const refs = [...new Set(targets.map(({ cluster }) => cluster))].map((cluster) => ({
    typeUrl: TYPE_URL.cluster,
    name: cluster,
  }));
  return makeResource(TYPE_URL.route, name, body, refs);
}

/** Exact paths before prefixes, longer before shorter, more headers before fewer; else the order of the configuration. */
function moreSpecific(a: RouteSpec, b: RouteSpec): number {
  const exact = (spec: RouteSpec) => (spec.path.kind === "exact" ? 1 : 0);
  return exact(b) - exact(a) || b.path.value.length - a.path.value.length || b.headers.length - a.headers.length;
}

/** A route that says nothing of retries has those of the first service it leads to. */
function retriesOf({ retries, backends }: RouteSpec, { policyOf }: Known): RetrySpec | undefined {
  const [first] = backends;
  return retries ?? (first === undefined ? undefined : policyOf(first.service).retries);
}

function gatewayRoute(spec: RouteSpec, { targets, problem }: Resolved, retries: RetrySpec | undefined): readonly Route[] {
  const match = {
    pathSpecifier:
      spec.path.kind === "exact"
        ? { $case: "path" as const, value: spec.path.value }
        : { $case: "prefix" as const, value: spec.path.value },
    headers: spec.headers.map(headerMatcher),
  };
  if (problem !== undefined) return [Route.fromPartial({ match, action: unavailable(problem) })];
  return retryCases(retries).map(({ headers, retryPolicy }) =>
    Route.fromPartial({
      match: { ...match, headers: [...match.headers, ...headers] },
      action: {
        $case: "route",
        value: {
          clusterSpecifier: clusterSpecifier(targets),
          ...(spec.timeoutMs !== undefined && { timeout: duration(spec.timeoutMs) }),
          ...(spec.prefixRewrite !== undefined && { prefixRewrite: spec.prefixRewrite }),
          ...(retryPolicy && { retryPolicy }),
        },
      },
    }),
  );
}

export function clusterSpecifier(targets: readonly Target[]) {
  const [only, ...more] = targets;
  if (more.length === 0) return { $case: "cluster" as const, value: only?.cluster ?? "" };
  const clusters = targets.map(({ cluster, weight }) => ({ name: cluster, weight }));
  return { $case: "weightedClusters" as const, value: { clusters } };
}

/** Envoy refuses a body of more than 4096 bytes, and with it all routes of the listener; a character is 3 at most. */
const BODY_LENGTH = 1000;

/** An answer that says what is wrong, instead of a route to a cluster that does not exist. */
function unavailable(problem: string) {
  const text = problem.length > BODY_LENGTH ? `${problem.slice(0, BODY_LENGTH)}…` : problem;
  return {
    $case: "directResponse" as const,
    value: { status: 503, body: { specifier: { $case: "inlineString" as const, value: `${text}\n` } } },
  };
}

function headerMatcher({ name, kind, value }: HeaderMatch): HeaderMatcher {
  const base = { name: name.toLowerCase(), treatMissingHeaderAsEmpty: false };
  if (kind === "present" || kind === "absent") {
    return { ...base, headerMatchSpecifier: { $case: "presentMatch", value: true }, invertMatch: kind === "absent" };
  }
  const matchPattern = kind === "exact" ? { $case: "exact" as const, value } : { $case: "prefix" as const, value };
  return {
    ...base,
    headerMatchSpecifier: { $case: "stringMatch", value: { matchPattern, ignoreCase: false } },
    invertMatch: false,
  };
}

function byFirst([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1;
}
