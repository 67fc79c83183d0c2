/**
 * The gateway between networks: one listener that stays as it is whatever is exported. It never opens TLS: the server name
 * says where a connection goes, an RBAC filter made of the export rules says whether it may, and the cluster for a name is
 * asked for when the first connection for it comes. The filter's configuration is a resource of its own (ECDS): a listener
 * that changes closes its connections, however long they have been passing data. Pure.
 */
import { ExtensionConfigSource } from "../../gen/envoy/config/core/v3/config_source.ts";
import { TypedExtensionConfig } from "../../gen/envoy/config/core/v3/extension.ts";
import type { Listener as ListenerMessage } from "../../gen/envoy/config/listener/v3/listener.ts";
import { Listener } from "../../gen/envoy/config/listener/v3/listener.ts";
import type { Filter } from "../../gen/envoy/config/listener/v3/listener_components.ts";
import { type Policy, type Principal, RBAC_Action } from "../../gen/envoy/config/rbac/v3/rbac.ts";
import { LocalRateLimit } from "../../gen/envoy/extensions/filters/network/local_ratelimit/v3/local_rate_limit.ts";
import { RBAC } from "../../gen/envoy/extensions/filters/network/rbac/v3/rbac.ts";
import { SniCluster } from "../../gen/envoy/extensions/filters/network/sni_cluster/v3/sni_cluster.ts";
import { TcpProxy, TcpProxy_UpstreamConnectMode } from "../../gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy.ts";
import type { Client } from "../../routing/client.ts";
import type { GatewaySpec, TrafficPolicy } from "../../routing/policy.ts";
import { sniPatterns } from "../../routing/sni.ts";
import type { ExportRule, NetworkSpec } from "../../routing/topology.ts";
import { exportsFilterName, gatewayListenerName } from "../names.ts";
import { makeResource } from "../resource.ts";
import { type Resource, TYPE_URL } from "../types.ts";
import { adsSource, any, type Codec, duration, socketAddress } from "./common.ts";
import { type Shape, tlsInspector } from "./gateway.ts";
import { CONNECT_ATTEMPTS, TCP_PROXY } from "./hcm.ts";
import { onDemandClusters, UNKNOWN_NAME_MS } from "./on-demand.ts";

const NETWORK_RBAC = "envoy.extensions.filters.network.rbac.v3.RBAC";
const LOCAL_RATE_LIMIT = "envoy.extensions.filters.network.local_ratelimit.v3.LocalRateLimit";
const SNI_CLUSTER = "envoy.extensions.filters.network.sni_cluster.v3.SniCluster";

/** A ClientHello is smaller; what is larger waits for the upstream connection. */
const EARLY_DATA_BYTES = 16_384;

export function eastWestShape(gateway: GatewaySpec, client: Client, traffic: TrafficPolicy): Shape {
  const exportsName = exportsFilterName(gateway.name);
  const refs = [{ typeUrl: TYPE_URL.extension, name: exportsName }];
  const listeners = gateway.listeners.map((spec) => {
    const name = gatewayListenerName(gateway.name, spec.name);
    const listener: ListenerMessage = Listener.fromPartial({
      name,
      address: socketAddress(spec.address, spec.port),
      perConnectionBufferLimitBytes: 32_768,
      listenerFilters: [tlsInspector()],
      filterChains: [
        {
          filterChainMatch: { transportProtocol: "tls" },
          filters: [
            ...boundFilter(gateway),
            discovered(exportsName, NETWORK_RBAC),
            filter("sni_cluster", SNI_CLUSTER, SniCluster, {}),
            onDemandProxy(),
          ],
        },
      ],
    });
    return makeResource(TYPE_URL.listener, name, Listener.encode(listener).finish(), refs);
  });
  return { resources: [...listeners, exportsFilter(exportsName, client, traffic)], conditions: [] };
}

/** How often a second tokens are added; Envoy allows no more than 20 times. */
const FILLS = 10;

/** A connection costs a look into the catalog at worst, when its name is exported and unknown; so that many a second. */
function boundFilter({ connectionsPerSecond: rate }: GatewaySpec): readonly Filter[] {
  if (rate === undefined) return [];
  const tokenBucket = {
    maxTokens: rate * 2,
    tokensPerFill: Math.max(1, Math.round(rate / FILLS)),
    fillInterval: duration(rate < FILLS ? Math.ceil(1000 / rate) : 1000 / FILLS),
  };
  const limit = LocalRateLimit.fromPartial({ statPrefix: "east_west", tokenBucket });
  return [filter("local_ratelimit", LOCAL_RATE_LIMIT, LocalRateLimit, limit)];
}

/** A filter whose configuration comes over the same stream. Until it is there the listener waits; without it nobody gets in. */
function discovered(name: string, type: string): Filter {
  const value = ExtensionConfigSource.fromPartial({
    configSource: adsSource(),
    typeUrls: [`type.googleapis.com/${type}`],
  });
  return { name, configType: { $case: "configDiscovery", value } };
}

function exportsFilter(name: string, client: Client, { exports = [], networks, domain }: TrafficPolicy): Resource {
  const policies = exports.flatMap((rule, index): [string, Policy][] =>
    rule.local ? [] : [[`export-${index}`, policyOf(rule, { networks, domain, own: client.network })]],
  );
  // An allow rule without a policy lets nobody in: what is not exported is refused.
  const rules = { action: RBAC_Action.ALLOW, policies: Object.fromEntries(policies) };
  const typedConfig = any(NETWORK_RBAC, RBAC, RBAC.fromPartial({ statPrefix: "east_west", rules }));
  const body = TypedExtensionConfig.encode(TypedExtensionConfig.fromPartial({ name, typedConfig })).finish();
  return makeResource(TYPE_URL.extension, name, body);
}

interface PolicyContext {
  readonly networks: readonly NetworkSpec[];
  readonly domain: string;
  readonly own: string;
}

function policyOf({ match, to }: ExportRule, { networks, domain, own }: PolicyContext): Policy {
  const names = sniPatterns(match, domain);
  return {
    permissions: names.map((regex) => ({
      rule: {
        $case: "requestedServerName",
        value: { matchPattern: { $case: "safeRegex", value: { regex, engineType: undefined } }, ignoreCase: false },
      },
    })),
    principals: principalsOf(to, networks, own),
    condition: undefined,
    checkedCondition: undefined,
  };
}

/**
 * From which addresses: those from which the networks that it is exported to are known to come, and the gateway's own,
 * whose clients may ask it to pass on. Where one of them is not known, from anywhere: addresses are then no proof.
 */
function principalsOf(to: readonly string[], networks: readonly NetworkSpec[], own: string): Principal[] {
  const anyone: Principal[] = [{ identifier: { $case: "any", value: true } }];
  if (to.includes("*")) return anyone;
  const ranges: string[] = [];
  for (const name of [...to, own]) {
    const network = networks.find((one) => one.name === name || one.clusters.includes(name));
    if (network === undefined || network.egress.length === 0) return anyone;
    ranges.push(...network.egress);
  }
  return [...new Set(ranges)].map((range) => {
    const [addressPrefix = "", prefixLen] = range.split("/");
    return { identifier: { $case: "directRemoteIp", value: { addressPrefix, prefixLen: Number(prefixLen) } } };
  });
}

/** Nothing is dialled, and no cluster asked for, before the first bytes have passed the filter in front. */
function onDemandProxy(): Filter {
  const proxy = TcpProxy.fromPartial({
    statPrefix: "east_west",
    // sni_cluster puts the server name in its place.
    clusterSpecifier: { $case: "cluster", value: "no-such-service" },
    onDemand: onDemandClusters(UNKNOWN_NAME_MS),
    upstreamConnectMode: TcpProxy_UpstreamConnectMode.ON_DOWNSTREAM_DATA,
    maxEarlyDataBytes: EARLY_DATA_BYTES,
    maxConnectAttempts: CONNECT_ATTEMPTS,
  });
  return filter("tcp_proxy", TCP_PROXY, TcpProxy, proxy);
}

function filter<T>(name: string, type: string, codec: Codec<T>, message: T): Filter {
  return { name: `envoy.filters.network.${name}`, configType: { $case: "typedConfig", value: any(type, codec, message) } };
}
