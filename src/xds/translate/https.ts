/** An HTTPS listener of an edge gateway: TLS is ended here, with certificates by SDS, one filter chain a group of server names. Pure. */
import type { TransportSocket } from "../../gen/envoy/config/core/v3/base.ts";
import { FilterChain } from "../../gen/envoy/config/listener/v3/listener_components.ts";
import { DownstreamTlsContext } from "../../gen/envoy/extensions/transport_sockets/tls/v3/tls.ts";
import type { ListenerTls } from "../../routing/policy.ts";
import { gatewayChainName } from "../names.ts";
import { type ResourceRef, TYPE_URL } from "../types.ts";
import { any } from "./common.ts";
import { httpFilter } from "./hcm.ts";
import { caResourceName, sdsSecretConfig, secretRef } from "./secrets.ts";

const DOWNSTREAM_TLS = "envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext";

/** One group of server names with its certificate, and the route configuration of its connections. */
export interface TlsChain {
  readonly tls: ListenerTls;
  readonly routeConfigName: string;
  readonly serverNames: readonly string[];
}

/** One chain a `tls` entry. One entry for every name shares the listener's own name with its routes. */
export function tlsChains(listenerName: string, entries: readonly ListenerTls[]): readonly TlsChain[] {
  return entries.map((tls) => {
    const serverNames = tls.hosts.length === 0 ? ["*"] : tls.hosts;
    const routeConfigName = serverNames.includes("*") ? listenerName : gatewayChainName(listenerName, serverNames[0] ?? "");
    return { tls, routeConfigName, serverNames };
  });
}

export function tlsFilterChain({ tls, routeConfigName, serverNames }: TlsChain, statPrefix: string): FilterChain {
  const everyName = serverNames.includes("*");
  return FilterChain.fromPartial({
    // `*` is any name, and none: Envoy says that by naming none.
    ...(everyName ? {} : { filterChainMatch: { serverNames: [...serverNames], transportProtocol: "tls" } }),
    filters: [httpFilter({ statPrefix, routeConfigName, edge: true })],
    transportSocket: downstreamTls(tls),
  });
}

export function tlsChainRefs({ tls, routeConfigName }: TlsChain): readonly ResourceRef[] {
  const secrets = [tls.secret, ...(tls.clientCa === undefined ? [] : [caResourceName(tls.clientCa)])];
  return [{ typeUrl: TYPE_URL.route, name: routeConfigName }, ...secrets.map(secretRef)];
}

function downstreamTls({ secret, clientCa }: ListenerTls): TransportSocket {
  const context = DownstreamTlsContext.fromPartial({
    commonTlsContext: {
      tlsCertificateSdsSecretConfigs: [sdsSecretConfig(secret)],
      alpnProtocols: ["h2", "http/1.1"],
      ...(clientCa !== undefined && {
        validationContextType: {
          $case: "validationContextSdsSecretConfig" as const,
          value: sdsSecretConfig(caResourceName(clientCa)),
        },
      }),
    },
    ...(clientCa !== undefined && { requireClientCertificate: true }),
  });
  return {
    name: "envoy.transport_sockets.tls",
    configType: { $case: "typedConfig", value: any(DOWNSTREAM_TLS, DownstreamTlsContext, context) },
  };
}
