/** What an edge gateway listens on: HTTP with routes, plain TCP, and TLS passed through by its SNI. Pure. */
import { TrafficDirection } from "../../gen/envoy/config/core/v3/base.ts";
import { Listener } from "../../gen/envoy/config/listener/v3/listener.ts";
import { FilterChain, ListenerFilter } from "../../gen/envoy/config/listener/v3/listener_components.ts";
import { TlsInspector } from "../../gen/envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector.ts";
import type { Condition } from "../../model/condition.ts";
import type { GatewaySpec, ListenerSpec, RouteSpec } from "../../routing/policy.ts";
import { gatewayListenerName } from "../names.ts";
import { makeResource } from "../resource.ts";
import { type Resource, type ResourceRef, TYPE_URL } from "../types.ts";
import { type Known, resolveBackends, type Target } from "./backends.ts";
import { any, socketAddress, statName } from "./common.ts";
import { httpFilter, tcpFilter } from "./hcm.ts";
import { tlsChainRefs, tlsChains, tlsFilterChain } from "./https.ts";
import { gatewayRoutes, hostWithoutPort } from "./routes.ts";

const TLS_INSPECTOR = "envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector";

/** Listeners and routes of one client, and what could not be made as it was asked for. */
export interface Shape {
  readonly resources: readonly Resource[];
  readonly conditions: readonly Condition[];
}

export function gatewayShape(gateway: GatewaySpec, known: Known): Shape {
  const parts = gateway.listeners.map((listener) => {
    const routes = gateway.routes.filter((route) => belongsTo(route, listener));
    const name = gatewayListenerName(gateway.name, listener.name);
    if (listener.protocol === "HTTP") return httpListener(name, listener, routes, known);
    if (listener.protocol === "HTTPS") return httpsListener(name, listener, routes, known);
    return listener.protocol === "TCP" ? tcpListener(name, listener, routes, known) : tlsListener(name, listener, routes, known);
  });
  return {
    resources: parts.flatMap(({ resources }) => resources),
    conditions: once(parts.flatMap(({ conditions }) => conditions)),
  };
}

/** A route of two listeners has its problem once. */
function once(conditions: readonly Condition[]): readonly Condition[] {
  return [...new Map(conditions.map((condition) => [`${condition.type} ${condition.message}`, condition])).values()];
}

function statPrefix(name: string): string {
  return statName(name).replace("/", "_");
}

/** A route that names no listener is for all HTTP and HTTPS ones: for TCP and TLS it must be said which port is meant. */
function belongsTo(route: RouteSpec, { name, protocol }: ListenerSpec): boolean {
  return route.listeners.length === 0 ? protocol === "HTTP" || protocol === "HTTPS" : route.listeners.includes(name);
}

function httpListener(name: string, spec: ListenerSpec, routes: readonly RouteSpec[], known: Known): Shape {
  const { resource, conditions } = gatewayRoutes(name, routes, known);
  const filter = httpFilter({ statPrefix: statPrefix(name), routeConfigName: name, edge: true });
  const refs = [{ typeUrl: TYPE_URL.route, name }];
  return {
    resources: [listenerResource(name, spec, [FilterChain.fromPartial({ filters: [filter] })], refs), resource],
    conditions,
  };
}

/** A filter chain and a route configuration for each group of server names; Envoy looks at the name only where there are several. */
function httpsListener(name: string, spec: ListenerSpec, routes: readonly RouteSpec[], known: Known): Shape {
  const chains = tlsChains(name, spec.tls ?? []);
  const all = chains.map(({ serverNames }) => serverNames);
  const made = chains.map(({ routeConfigName, serverNames }) =>
    gatewayRoutes(routeConfigName, routes, known, { own: serverNames, all }),
  );
  const filterChains = chains.map((chain) => tlsFilterChain(chain, statPrefix(name)));
  const bySni = filterChains.some(({ filterChainMatch }) => filterChainMatch !== undefined);
  const refs = chains.flatMap(tlsChainRefs);
  return {
    resources: [
      listenerResource(name, spec, filterChains, refs, bySni ? [tlsInspector()] : []),
      ...made.map(({ resource }) => resource),
    ],
    conditions: made.flatMap(({ conditions }) => conditions),
  };
}

function tcpListener(name: string, spec: ListenerSpec, routes: readonly RouteSpec[], known: Known): Shape {
  const [first, ...more] = routes;
  if (first === undefined)
    return { resources: [], conditions: [conflict(`listener ${spec.name} has no route, so it is not opened`)] };
  const { targets, conditions } = resolveBackends(first.backends, known);
  const filterChains = [FilterChain.fromPartial({ filters: [tcpFilter(statPrefix(name), targets)] })];
  const surplus =
    more.length === 0 ? [] : [conflict(`TCP listener ${spec.name} has ${routes.length} routes; the first one counts`)];
  return {
    resources: [listenerResource(name, spec, filterChains, refsOf(targets))],
    conditions: [...conditions, ...surplus],
  };
}

/** One filter chain per route; a server name can be in one chain only, so the first route that names it has it. */
function tlsListener(name: string, spec: ListenerSpec, routes: readonly RouteSpec[], known: Known): Shape {
  const taken = new Set<string>();
  const conditions: Condition[] = [];
  const refs: ResourceRef[] = [];
  const filterChains: FilterChain[] = [];
  for (const route of routes) {
    const hosts = route.hosts.length === 0 ? ["*"] : [...new Set(route.hosts.map(hostWithoutPort))];
    const free = hosts.filter((host) => !taken.has(host));
    for (const host of hosts)
      if (taken.has(host)) conditions.push(conflict(`${host} is in two routes of TLS listener ${spec.name}; the first counts`));
    if (free.length === 0) continue;
    for (const host of free) taken.add(host);
    const resolved = resolveBackends(route.backends, known);
    conditions.push(...resolved.conditions);
    refs.push(...refsOf(resolved.targets));
    // `*` is any name: Envoy says that by naming none.
    const serverNames = free.includes("*") ? [] : free;
    const filterChainMatch = { serverNames, transportProtocol: "tls" };
    filterChains.push(FilterChain.fromPartial({ filterChainMatch, filters: [tcpFilter(statPrefix(name), resolved.targets)] }));
  }
  if (filterChains.length === 0)
    return { resources: [], conditions: [conflict(`listener ${spec.name} has no route, so it is not opened`)] };
  return { resources: [listenerResource(name, spec, filterChains, refs, [tlsInspector()])], conditions };
}

export function tlsInspector(): ListenerFilter {
  const config = any(TLS_INSPECTOR, TlsInspector, TlsInspector.fromPartial({}));
  return ListenerFilter.fromPartial({
    name: "envoy.filters.listener.tls_inspector",
    configType: { $case: "typedConfig", value: config },
  });
}

function listenerResource(
  name: string,
  { address, port }: ListenerSpec,
  filterChains: FilterChain[],
  refs: readonly ResourceRef[],
  listenerFilters: ListenerFilter[] = [],
): Resource {
  const listener = Listener.fromPartial({
    name,
    address: socketAddress(address, port),
    trafficDirection: TrafficDirection.OUTBOUND,
    perConnectionBufferLimitBytes: 32_768,
    filterChains,
    listenerFilters,
  });
  return makeResource(TYPE_URL.listener, name, Listener.encode(listener).finish(), refs);
}

function refsOf(targets: readonly Target[]): readonly ResourceRef[] {
  return targets.map(({ cluster }) => ({ typeUrl: TYPE_URL.cluster, name: cluster }));
}

function conflict(message: string): Condition {
  return { type: "ListenerConflict", reason: "NotServed", message };
}
