/**
 * What a proxyless gRPC client asks for when it dials `xds:///<service>.<namespace>.<domain>:<port>`: a listener of that
 * very name whose routes are inline (gRFC A27). Pure.
 */
import type { CatalogService } from "../../catalog/types.ts";
import { Listener } from "../../gen/envoy/config/listener/v3/listener.ts";
import { HttpConnectionManager } from "../../gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.ts";
import type { ServicePort } from "../../model/service.ts";
import { hostName } from "../../routing/host-name.ts";
import { clusterName } from "../names.ts";
import { makeResource } from "../resource.ts";
import { type Resource, TYPE_URL } from "../types.ts";
import { any, encoded } from "./common.ts";
import { HCM, routerFilter } from "./hcm.ts";

/** One listener per way to write the target: with the port's number, with its name, and without for the first port. */
export function grpcListeners(service: CatalogService, domain: string): readonly Resource[] {
  const host = hostName(service.key, domain);
  const byName = new Map<string, ServicePort>();
  const claim = (name: string, port: ServicePort) => {
    if (!byName.has(name)) byName.set(name, port);
  };
  for (const port of service.ports) claim(`${host}:${port.port}`, port);
  for (const port of service.ports) claim(`${host}:${port.name}`, port);
  const [first] = service.ports;
  if (first !== undefined) claim(host, first);
  return [...byName].map(([name, port]) => grpcListener(name, clusterName(service.key, port.name)));
}

function grpcListener(name: string, cluster: string): Resource {
  const action = { $case: "route" as const, value: { clusterSpecifier: { $case: "cluster" as const, value: cluster } } };
  const match = { pathSpecifier: { $case: "prefix" as const, value: "" } };
  const manager = HttpConnectionManager.fromPartial({
    statPrefix: name,
    routeSpecifier: {
      $case: "routeConfig",
      value: { name, virtualHosts: [{ name, domains: ["*"], routes: [{ match, action }] }] },
    },
    httpFilters: [routerFilter()],
  });
  const listener = Listener.fromPartial({ name, apiListener: { apiListener: any(HCM, HttpConnectionManager, manager) } });
  return makeResource(TYPE_URL.listener, name, encoded(Listener, listener), [{ typeUrl: TYPE_URL.cluster, name: cluster }]);
}
