/** Resources as JSON for people: the canonical form of protobuf, as Envoy's own config_dump shows it. */
import { Cluster } from "../gen/envoy/config/cluster/v3/cluster.ts";
import { TypedExtensionConfig } from "../gen/envoy/config/core/v3/extension.ts";
import { ClusterLoadAssignment } from "../gen/envoy/config/endpoint/v3/endpoint.ts";
import { Listener } from "../gen/envoy/config/listener/v3/listener.ts";
import { RouteConfiguration } from "../gen/envoy/config/route/v3/route.ts";
import { VirtualHost } from "../gen/envoy/config/route/v3/route_components.ts";
import { OnDemand } from "../gen/envoy/extensions/filters/http/on_demand/v3/on_demand.ts";
import { Router } from "../gen/envoy/extensions/filters/http/router/v3/router.ts";
import { TlsInspector } from "../gen/envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector.ts";
import { HttpConnectionManager } from "../gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.ts";
import { LocalRateLimit } from "../gen/envoy/extensions/filters/network/local_ratelimit/v3/local_rate_limit.ts";
import { RBAC } from "../gen/envoy/extensions/filters/network/rbac/v3/rbac.ts";
import { SniCluster } from "../gen/envoy/extensions/filters/network/sni_cluster/v3/sni_cluster.ts";
import { TcpProxy } from "../gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy.ts";
import { PreviousHostsPredicate } from "../gen/envoy/extensions/retry/host/previous_hosts/v3/previous_hosts.ts";
import { PreviousPrioritiesConfig } from "../gen/envoy/extensions/retry/priority/previous_priorities/v3/previous_priorities_config.ts";
import { DownstreamTlsContext, UpstreamTlsContext } from "../gen/envoy/extensions/transport_sockets/tls/v3/tls.ts";
import { HttpProtocolOptions } from "../gen/envoy/extensions/upstreams/http/v3/http_protocol_options.ts";
import { type Resource, TYPE_URL } from "./types.ts";

type Show = (bytes: Uint8Array) => unknown;

function show<T>(codec: { decode(bytes: Uint8Array): T; toJSON(message: T): unknown }): Show {
  return (bytes) => codec.toJSON(codec.decode(bytes));
}

const TYPE = "type.googleapis.com/envoy.extensions";

/** Everything that the translators put on the wire or into an Any. */
const SHOWN: ReadonlyMap<string, Show> = new Map([
  [TYPE_URL.cluster, show(Cluster)],
  [TYPE_URL.endpoint, show(ClusterLoadAssignment)],
  [TYPE_URL.listener, show(Listener)],
  [TYPE_URL.route, show(RouteConfiguration)],
  [TYPE_URL.virtualHost, show(VirtualHost)],
  [TYPE_URL.extension, show(TypedExtensionConfig)],
  [`${TYPE}.filters.network.http_connection_manager.v3.HttpConnectionManager`, show(HttpConnectionManager)],
  [`${TYPE}.filters.network.tcp_proxy.v3.TcpProxy`, show(TcpProxy)],
  [`${TYPE}.filters.http.router.v3.Router`, show(Router)],
  [`${TYPE}.filters.http.on_demand.v3.OnDemand`, show(OnDemand)],
  [`${TYPE}.filters.listener.tls_inspector.v3.TlsInspector`, show(TlsInspector)],
  [`${TYPE}.transport_sockets.tls.v3.DownstreamTlsContext`, show(DownstreamTlsContext)],
  [`${TYPE}.filters.network.rbac.v3.RBAC`, show(RBAC)],
  [`${TYPE}.filters.network.local_ratelimit.v3.LocalRateLimit`, show(LocalRateLimit)],
  [`${TYPE}.filters.network.sni_cluster.v3.SniCluster`, show(SniCluster)],
  [`${TYPE}.transport_sockets.tls.v3.UpstreamTlsContext`, show(UpstreamTlsContext)],
  [`${TYPE}.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig`, show(PreviousPrioritiesConfig)],
  [`${TYPE}.retry.host.previous_hosts.v3.PreviousHostsPredicate`, show(PreviousHostsPredicate)],
  [`${TYPE}.upstreams.http.v3.HttpProtocolOptions`, show(HttpProtocolOptions)],
]);

/** A secret has no body for people. */
const SECRET = { redacted: true };

/** The resource's message; what is packed in an Any is shown in place, with its `@type`. */
export function resourceJson({ typeUrl, body }: Resource): unknown {
  return decode(typeUrl, body);
}

function decode(typeUrl: string, bytes: Uint8Array): unknown {
  if (typeUrl === TYPE_URL.secret) return SECRET;
  const shown = SHOWN.get(typeUrl)?.(bytes);
  return shown === undefined ? { bytes: Buffer.from(bytes).toString("base64") } : unpack(shown);
}

/** Replaces `{typeUrl, value}` of an Any by its content, however deep. */
function unpack(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(unpack);
  if (typeof value !== "object" || value === null) return value;
  const { typeUrl, value: packed } = value as { readonly typeUrl?: unknown; readonly value?: unknown };
  if (typeof typeUrl === "string" && typeUrl.startsWith("type.googleapis.com/")) {
    const inner = decode(typeUrl, Buffer.from(typeof packed === "string" ? packed : "", "base64"));
    return { "@type": typeUrl, ...(inner as object) };
  }
  if (isDuration(value)) return `${(value.seconds ?? 0) + (value.nanos ?? 0) / 1e9}s`;
  return Object.fromEntries(Object.entries(value).map(([key, child]) => [key, unpack(child)]));
}

/** ts-proto shows google.protobuf.Duration as a message; its canonical form is text such as "1.5s". */
function isDuration(value: object): value is { readonly seconds?: number; readonly nanos?: number } {
  const entries = Object.entries(value);
  return entries.length > 0 && entries.every(([key, part]) => (key === "seconds" || key === "nanos") && typeof part === "number");
}
