/**
 * On-demand discovery: a proxy asks for a virtual host (VHDS) or a cluster (ODCDS) when the first request or connection
 * needs it, and holds no other. Needs delta xDS. Pure.
 */

import { RouteConfiguration } from "../../gen/envoy/config/route/v3/route.ts";
import { OnDemand } from "../../gen/envoy/extensions/filters/http/on_demand/v3/on_demand.ts";
import type { HttpFilter } from "../../gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.ts";
import type { TcpProxy_OnDemand } from "../../gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy.ts";
import { makeResource } from "../resource.ts";
import { type Resource, TYPE_URL } from "../types.ts";
import { adsSource, any, duration } from "./common.ts";

const ON_DEMAND = "envoy.extensions.filters.http.on_demand.v3.OnDemand";

/** A cluster that is asked for and does not come ends the request, or the connection, after this. */
const ON_DEMAND_MS = 5000;

/** In front of the router: holds a request back until its virtual host and its cluster are there. */
export function onDemandFilter(): HttpFilter {
  const config = OnDemand.fromPartial({ odcds: { source: adsSource(), timeout: duration(ON_DEMAND_MS) } });
  return {
    name: "envoy.filters.http.on_demand",
    configType: { $case: "typedConfig", value: any(ON_DEMAND, OnDemand, config) },
    isOptional: false,
    disabled: false,
  };
}

/**
 * At gateways between networks. Envoy asks once for a name. A further connection for one that it was told does not exist waits for this long without
 * anybody being asked, so it is short; a cluster that exists is there within some 30 ms.
 */
export const UNKNOWN_NAME_MS = 1000;

/** The same of a TCP proxy, for its cluster. */
export function onDemandClusters(waitMs = ON_DEMAND_MS): Pick<TcpProxy_OnDemand, "odcdsConfig" | "timeout"> {
  return { odcdsConfig: adsSource(), timeout: duration(waitMs) };
}

/** A route configuration without a virtual host of its own: each is asked for by the first request for its host. */
export function onDemandRoutes(name: string): Resource {
  const message = RouteConfiguration.fromPartial({ name, vhds: { configSource: adsSource() } });
  return makeResource(TYPE_URL.route, name, RouteConfiguration.encode(message).finish());
}
