/** Mutual TLS between workloads: certificates by SDS, one set of authorities a trust domain, one name a service. Pure. */
import type { Cluster } from "../../gen/envoy/config/cluster/v3/cluster.ts";
import type { TransportSocket } from "../../gen/envoy/config/core/v3/base.ts";
import { SubjectAltNameMatcher_SanType } from "../../gen/envoy/extensions/transport_sockets/tls/v3/common.ts";
import { DownstreamTlsContext, UpstreamTlsContext } from "../../gen/envoy/extensions/transport_sockets/tls/v3/tls.ts";
import type { ServiceKey } from "../../model/service.ts";
import { type MutualTls, spiffeId, type TrustDomain } from "../../routing/mutual-tls.ts";
import type { ResourceRef } from "../types.ts";
import { any, type Codec } from "./common.ts";
import { caResourceName, sdsSecretConfig, secretRef } from "./secrets.ts";

const UPSTREAM_TLS = "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext";
const DOWNSTREAM_TLS = "envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext";

/** Where Envoy looks for what tells the sockets of a cluster apart. */
export const SOCKET_MATCH = "envoy.transport_socket_match";

/**
 * How a cluster's hosts are dialled. With one trust domain every host has the same socket; with several each host says by
 * its metadata which it needs. The server name is the host's own (`Endpoint.hostname`), so that one cluster can lead
 * through gateways that name services differently. `services`: whose certificates are believed.
 */
export function upstreamSockets(
  services: readonly ServiceKey[],
  mtls: MutualTls,
): Partial<Pick<Cluster, "transportSocket" | "transportSocketMatches">> {
  const [only, ...more] = mtls.trustDomains;
  if (only === undefined) return {};
  if (more.length === 0) return { transportSocket: upstreamSocket(services, only, mtls) };
  return {
    transportSocketMatches: mtls.trustDomains.map((domain) => ({
      name: domain.name,
      match: { trustDomain: domain.name },
      transportSocket: upstreamSocket(services, domain, mtls),
    })),
  };
}

function upstreamSocket(
  services: readonly ServiceKey[],
  domain: TrustDomain,
  { certificate, identity }: MutualTls,
): TransportSocket {
  const context = UpstreamTlsContext.fromPartial({
    autoHostSni: true,
    commonTlsContext: {
      tlsCertificateSdsSecretConfigs: [sdsSecretConfig(certificate)],
      validationContextType: {
        $case: "combinedValidationContext",
        value: {
          defaultValidationContext: {
            matchTypedSubjectAltNames: services.map((service) => ({
              sanType: SubjectAltNameMatcher_SanType.URI,
              matcher: { matchPattern: { $case: "exact" as const, value: spiffeId(identity, service, domain.name) } },
            })),
          },
          validationContextSdsSecretConfig: sdsSecretConfig(caResourceName(domain.ca)),
        },
      },
    },
  });
  return tlsSocket(UPSTREAM_TLS, UpstreamTlsContext, context);
}

export function upstreamSecrets({ certificate, trustDomains }: MutualTls): readonly ResourceRef[] {
  return [certificate, ...trustDomains.map(({ ca }) => caResourceName(ca))].map(secretRef);
}

/** In front of a workload: whoever comes must show a certificate of the trusted authorities. */
export function downstreamSocket({ certificate, clientCa }: MutualTls): TransportSocket {
  const context = DownstreamTlsContext.fromPartial({
    requireClientCertificate: true,
    commonTlsContext: {
      tlsCertificateSdsSecretConfigs: [sdsSecretConfig(certificate)],
      alpnProtocols: ["h2", "http/1.1"],
      validationContextType: { $case: "validationContextSdsSecretConfig", value: sdsSecretConfig(caResourceName(clientCa)) },
    },
  });
  return tlsSocket(DOWNSTREAM_TLS, DownstreamTlsContext, context);
}

export function downstreamSecrets({ certificate, clientCa }: MutualTls): readonly ResourceRef[] {
  return [certificate, caResourceName(clientCa)].map(secretRef);
}

function tlsSocket<T>(type: string, codec: Codec<T>, context: T): TransportSocket {
  return { name: "envoy.transport_sockets.tls", configType: { $case: "typedConfig", value: any(type, codec, context) } };
}
