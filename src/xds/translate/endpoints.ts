/** What a client may reach of a service's port as a ClusterLoadAssignment. Pure. */
import type { CatalogService } from "../../catalog/types.ts";
import type { ServicePort } from "../../model/service.ts";
import type { Client } from "../../routing/client.ts";
import { type MutualTls, trustDomainOf } from "../../routing/mutual-tls.ts";
import type { ServicePolicy, TrafficPolicy } from "../../routing/policy.ts";
import { type Endpoint, reach } from "../../routing/reach.ts";
import { endpointSni, reachRules } from "../../routing/rules.ts";
import { type LabelSelection, subsetOf } from "../../routing/subset.ts";
import { clusterName } from "../names.ts";
import { makeResource } from "../resource.ts";
import { type Resource, TYPE_URL } from "../types.ts";
import { type AssignedEndpoint, encodeAssignment } from "./assignment.ts";
import type { FilterMetadata, StructFields } from "./filter-metadata.ts";
import { SOCKET_MATCH } from "./mutual-tls.ts";

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
  const body = encodeAssignment({
    name,
    localities: localities.map((group) => ({
      ...group,
      endpoints: group.endpoints.map((endpoint) => assignedEndpoint(endpoint, input)),
    })),
    overprovisioning: client.role === "grpc" ? undefined : policy.overprovisioning,
  });
  return makeResource(TYPE_URL.endpoint, name, body);
}

function assignedEndpoint(endpoint: Endpoint, input: EndpointsInput): AssignedEndpoint {
  const { service, port: servicePort, policy, client, traffic } = input;
  const { address, port, health, weight, gateway } = endpoint;
  const mutual = client.role !== "grpc" && policy.tls === "mutual" && traffic.mtls !== undefined;
  return {
    address,
    port,
    health,
    weight,
    hostname: mutual ? endpointSni(endpoint, service.key, servicePort, { policy, traffic }) : "",
    unchecked: policy.probe !== undefined && !policy.probe.all && gateway === undefined,
    // Provenance, for whoever looks at the proxy alone. Labels stay here: a subset is a cluster of its own.
    metadata:
      client.role === "grpc"
        ? undefined
        : { "meshbridge.io": provenance(endpoint), ...(mutual && socketMatch(endpoint, traffic.mtls)) },
  };
}

/** Which of a cluster's sockets it needs, where there are several. */
function socketMatch({ instance, network }: Endpoint, mtls: MutualTls | undefined): FilterMetadata {
  if (mtls === undefined || mtls.trustDomains.length < 2) return {};
  return { [SOCKET_MATCH]: { trustDomain: trustDomainOf(mtls, instance.cluster, network)?.name ?? "" } };
}

/** A gateway stands for many, of whom only number and clusters are told: naming them would change it with each of them. */
function provenance({ instance, gateway, network, instances, clusters }: Endpoint): StructFields {
  if (gateway !== undefined) return { network, gateway: gateway.name, clusters, instances };
  const { id, source, cluster } = instance;
  return { registry: source.registry, scope: source.scope, instance: id, cluster };
}
