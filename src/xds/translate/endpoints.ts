/** What a client may reach of a service's port as a ClusterLoadAssignment. Pure. */
import type { CatalogService } from "../../catalog/types.ts";
import { HealthStatus } from "../../gen/envoy/config/core/v3/health_check.ts";
import { ClusterLoadAssignment } from "../../gen/envoy/config/endpoint/v3/endpoint.ts";
import type { Health } from "../../model/health.ts";
import type { Client } from "../../routing/client.ts";
import type { ServicePolicy } from "../../routing/policy.ts";
import { type Endpoint, reach } from "../../routing/reach.ts";
import { clusterName } from "../names.ts";
import { makeResource } from "../resource.ts";
import { type Resource, TYPE_URL } from "../types.ts";
import { socketAddress } from "./common.ts";

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
  readonly portName: string;
  readonly policy: ServicePolicy;
  readonly client: Client;
}

/**
 * A known service without instances gives an empty assignment, never none: it ends Envoy's wait for the cluster, and
 * an assignment full of unhealthy hosts would not mean "none" to it.
 */
export function endpointsResource({ service, portName, policy, client }: EndpointsInput): Resource {
  const name = clusterName(service.key, portName);
  const { localities } = reach(service, portName, client);
  const assignment = ClusterLoadAssignment.fromPartial({
    clusterName: name,
    endpoints: localities.map(({ priority, locality, weight, endpoints }) => ({
      priority,
      locality: { ...locality },
      loadBalancingWeight: weight,
      lbEndpoints: endpoints.map((endpoint) => lbEndpoint(endpoint, client)),
    })),
    ...(client.role !== "grpc" && { policy: { overprovisioningFactor: policy.overprovisioning } }),
  });
  return makeResource(TYPE_URL.endpoint, name, ClusterLoadAssignment.encode(assignment).finish());
}

function lbEndpoint({ instance, address, port, health, weight }: Endpoint, { role }: Client) {
  return {
    hostIdentifier: { $case: "endpoint" as const, value: { address: socketAddress(address, port) } },
    healthStatus: HEALTH_STATUS[health],
    loadBalancingWeight: weight,
    // Provenance, for whoever looks at the proxy alone. Labels stay here: no subset of a cluster is formed by them.
    ...(role !== "grpc" && { metadata: { filterMetadata: { "meshbridge.io": provenance(instance) } } }),
  };
}

function provenance({ id, source, cluster }: Endpoint["instance"]) {
  return { registry: source.registry, scope: source.scope, instance: id, cluster };
}
