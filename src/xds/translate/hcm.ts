/** The HTTP connection manager: what gateways and sidecars share of serving HTTP. Pure. */
import { HttpProtocolOptions_HeadersWithUnderscoresAction } from "../../gen/envoy/config/core/v3/protocol.ts";
import type { Filter } from "../../gen/envoy/config/listener/v3/listener_components.ts";
import { Router } from "../../gen/envoy/extensions/filters/http/router/v3/router.ts";
import { HttpConnectionManager } from "../../gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.ts";
import { TcpProxy } from "../../gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy.ts";
import type { Target } from "./backends.ts";
import { adsSource, any, duration } from "./common.ts";
import { onDemandClusters, onDemandFilter } from "./on-demand.ts";

export const HCM = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
const ROUTER = "envoy.extensions.filters.http.router.v3.Router";
export const TCP_PROXY = "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy";

export interface HcmOptions {
  readonly statPrefix: string;
  readonly routeConfigName: string;
  /** At the edge the peer's address is the client's, and paths are brought into one form before they are matched. */
  readonly edge: boolean;
  /** Virtual hosts and clusters are asked for by the first request that needs them. */
  readonly onDemand?: boolean;
}

export function httpFilter({ statPrefix, routeConfigName, edge, onDemand = false }: HcmOptions): Filter {
  const manager = HttpConnectionManager.fromPartial({
    statPrefix,
    routeSpecifier: { $case: "rds", value: { routeConfigName, configSource: adsSource() } },
    httpFilters: [...(onDemand ? [onDemandFilter()] : []), routerFilter()],
    upgradeConfigs: [{ upgradeType: "websocket" }],
    useRemoteAddress: edge,
    ...(edge && EDGE),
  });
  return {
    name: "envoy.filters.network.http_connection_manager",
    configType: { $case: "typedConfig", value: any(HCM, HttpConnectionManager, manager) },
  };
}

/** From Envoy's advice for edge proxies: bounded idle time, streams and windows; one form of a path and of a header's name. */
const EDGE = {
  normalizePath: true,
  mergeSlashes: true,
  commonHttpProtocolOptions: {
    idleTimeout: duration(3_600_000),
    // Many servers read `x_user` and `x-user` as the same header, so one could pass for the other behind the gateway.
    headersWithUnderscoresAction: HttpProtocolOptions_HeadersWithUnderscoresAction.REJECT_REQUEST,
  },
  streamIdleTimeout: duration(300_000),
  http2ProtocolOptions: { maxConcurrentStreams: 100, initialStreamWindowSize: 65_536, initialConnectionWindowSize: 1_048_576 },
};

export function routerFilter() {
  const typedConfig = any(ROUTER, Router, Router.fromPartial({}));
  return { name: "envoy.filters.http.router", configType: { $case: "typedConfig" as const, value: typedConfig } };
}

/** Nothing has been sent before a connection has come about, so to try another endpoint does no harm. */
export const CONNECT_ATTEMPTS = 3;

/** With no target the connection is closed as soon as it is accepted: there is no cluster of that name. */
export function tcpFilter(statPrefix: string, targets: readonly Target[], onDemand = false): Filter {
  const [only, ...more] = targets;
  const proxy = TcpProxy.fromPartial({
    statPrefix,
    maxConnectAttempts: CONNECT_ATTEMPTS,
    clusterSpecifier:
      more.length === 0
        ? { $case: "cluster", value: only?.cluster ?? "no-such-service" }
        : { $case: "weightedClusters", value: { clusters: targets.map(({ cluster, weight }) => ({ name: cluster, weight })) } },
    ...(onDemand && { onDemand: onDemandClusters() }),
  });
  return {
    name: "envoy.filters.network.tcp_proxy",
    configType: { $case: "typedConfig", value: any(TCP_PROXY, TcpProxy, proxy) },
  };
}
