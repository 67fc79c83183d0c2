/** What a client may reach of a service's port as a ClusterLoadAssignment. Pure. */
import type { CatalogService } from "../../catalog/types.ts";
import { HealthStatus } from "../../gen/envoy/config/core/v3/health_check.ts";
import { ClusterLoadAssignment } from "../../gen/envoy/config/endpoint/v3/endpoint.ts";
import type { Health } from "../../model/health.ts";
import type { ServicePort } from "../../model/service.ts";
import type { Client } from "../../routing/client.ts";
import { trustDomainOf } from "../../routing/mutual-tls.ts";
import type { ServicePolicy, TrafficPolicy } from "../../routing/policy.ts";
import { type Endpoint, reach } from "../../routing/reach.ts";
import { endpointSni, reachRules } from "../../routing/rules.ts";
import { type LabelSelection, subsetOf } from "../../routing/subset.ts";
import { clusterName } from "../names.ts";
import { makeResource } from "../resource.ts";
import { type Resource, TYPE_URL } from "../types.ts";
import { socketAddress } from "./common.ts";
import { SOCKET_MATCH } from "./mutual-tls.ts";

const HEALTH_STATUS: Readonly<Record<Health, HealthStatus>> = {
  unknown: HealthStatus.UNKNOWN,
  healthy: HealthStatus.HEALTHY,
  unhealthy: HealthStatus.UNHEALTHY,
  draining: HealthStatus.DRAINING,
  timeout: HealthStatus.TIMEOUT,
  degraded: HealthStatus.DEGRADED,
};

export interface EndpointsInput {
  readonly service: CatalogService;
  readonly port: ServicePort;
  readonly policy: ServicePolicy;
  readonly client: Client;
  readonly traffic: Pick<TrafficPolicy, "topology" | "mtls" | "domain">;
  /** Only instances with these labels; undefined: all. */
  readonly labels?: LabelSelection | undefined;
  /** Default: that of the service's port, or of those instances. */
  readonly name?: string | undefined;
  /** The cluster whose share it is, where the service is distributed. */
  readonly first?: string | undefined;
  /** Gateways between networks only: the network to pass on to. */
  readonly passTo?: string | undefined;
}

/**
 * A known service without instances gives an empty assignment, never none: it ends Envoy's wait for the cluster, and
 * an assignment full of unhealthy hosts would not mean "none" to it.
 */
export function endpointsResource(input: EndpointsInput): Resource {
  const { service, port, policy, client, labels } = input;
  const name = input.name ?? clusterName(service.key, port.name, labels);
  const rules = reachRules(port, policy, input.traffic, input);
  const meant = labels === undefined ? service : subsetOf(service, labels, client.network);
  const { localities } = reach(meant, port.name, client, rules);
  const assignment = ClusterLoadAssignment.fromPartial({
    clusterName: name,
    endpoints: localities.map(({ priority, locality, weight, endpoints }) => ({
      priority,
      locality: { ...locality },
      loadBalancingWeight: weight,
      lbEndpoints: endpoints.map((endpoint) => lbEndpoint(endpoint, input)),
    })),
    ...(client.role !== "grpc" && { policy: { overprovisioningFactor: policy.overprovisioning } }),
  });
  return makeResource(TYPE_URL.endpoint, name, ClusterLoadAssignment.encode(assignment).finish());
}

function lbEndpoint(endpoint: Endpoint, { service, port: servicePort, policy, client: { role }, traffic }: EndpointsInput) {
  const { address, port, health, weight, gateway, instance, network } = endpoint;
  const domain = traffic.mtls && trustDomainOf(traffic.mtls, instance.cluster, network);
  const mutual = role !== "grpc" && policy.tls === "mutual" && traffic.mtls !== undefined;
  const metadata = {
    "meshbridge.io": provenance(endpoint),
    ...(mutual && (traffic.mtls?.trustDomains.length ?? 0) > 1 && { [SOCKET_MATCH]: { trustDomain: domain?.name ?? "" } }),
  };
  const value = {
    address: socketAddress(address, port),
    ...(mutual && { hostname: endpointSni(endpoint, service.key, servicePort, { policy, traffic }) }),
    ...(policy.probe !== undefined &&
      !policy.probe.all &&
      gateway === undefined && { healthCheckConfig: { disableActiveHealthCheck: true } }),
  };
  return {
    hostIdentifier: { $case: "endpoint" as const, value },
    healthStatus: HEALTH_STATUS[health],
    loadBalancingWeight: weight,
    // Provenance, for whoever looks at the proxy alone. Labels stay here: a subset is a cluster of its own.
    ...(role !== "grpc" && { metadata: { filterMetadata: metadata } }),
  };
}

/** A gateway stands for many, of whom only number and clusters are told: naming them would change it with each of them. */
function provenance({ instance, gateway, network, instances, clusters }: Endpoint) {
  if (gateway !== undefined) return { network, gateway: gateway.name, clusters: [...clusters], instances };
  const { id, source, cluster } = instance;
  return { registry: source.registry, scope: source.scope, instance: id, cluster };
}
