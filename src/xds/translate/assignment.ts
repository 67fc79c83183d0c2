/**
 * ClusterLoadAssignment as bytes, written by hand: of all that the bridge encodes it is the most by far. They are the bytes
 * that the generated code writes for the same message, so that its version, a hash of them, is the same whoever encoded it.
 * Field numbers: endpoint.proto, endpoint_components.proto, address.proto and base.proto of Envoy; struct.proto of protobuf.
 * Whatever is written stands in the reverse of its order here: see wire-writer.ts. Pure.
 */
import { HealthStatus } from "../../gen/envoy/config/core/v3/health_check.ts";
import type { Health } from "../../model/health.ts";
import type { Locality } from "../../model/locality.ts";
import { LENGTH, VARINT } from "../wire-types.ts";
import { tag, textUnlessEmpty, type WireWriter, wireEncoder } from "../wire-writer.ts";
import { type FilterMetadata, filterMetadata } from "./filter-metadata.ts";

export interface Assignment {
  readonly name: string;
  readonly localities: readonly AssignedLocality[];
  /** Percent; undefined: nothing is said of it. */
  readonly overprovisioning: number | undefined;
}

export interface AssignedLocality {
  readonly priority: number;
  readonly locality: Locality;
  readonly weight: number;
  readonly endpoints: readonly AssignedEndpoint[];
}

export interface AssignedEndpoint {
  readonly address: string;
  readonly port: number;
  readonly health: Health;
  readonly weight: number;
  /** Empty: none. */
  readonly hostname: string;
  /** Whether Envoy leaves it out of its own health checks. */
  readonly unchecked: boolean;
  /** By filter; undefined: none. */
  readonly metadata: FilterMetadata | undefined;
}

const HEALTH_STATUS: Readonly<Record<Health, HealthStatus>> = {
  unknown: HealthStatus.UNKNOWN,
  healthy: HealthStatus.HEALTHY,
  unhealthy: HealthStatus.UNHEALTHY,
  draining: HealthStatus.DRAINING,
  timeout: HealthStatus.TIMEOUT,
  degraded: HealthStatus.DEGRADED,
};

const ASSIGNMENT = { clusterName: tag(1, LENGTH), endpoints: tag(2, LENGTH), policy: tag(4, LENGTH) };
const POLICY = { overprovisioningFactor: tag(3, LENGTH) };
const LOCALITY_ENDPOINTS = {
  locality: tag(1, LENGTH),
  lbEndpoints: tag(2, LENGTH),
  loadBalancingWeight: tag(3, LENGTH),
  priority: tag(5, VARINT),
};
const LOCALITY = { region: tag(1, LENGTH), zone: tag(2, LENGTH), subZone: tag(3, LENGTH) };
const LB_ENDPOINT = {
  endpoint: tag(1, LENGTH),
  healthStatus: tag(2, VARINT),
  metadata: tag(3, LENGTH),
  loadBalancingWeight: tag(4, LENGTH),
};
const ENDPOINT = { address: tag(1, LENGTH), healthCheckConfig: tag(2, LENGTH), hostname: tag(3, LENGTH) };
const HEALTH_CHECK = { disableActiveHealthCheck: tag(4, VARINT) };
const ADDRESS = { socketAddress: tag(1, LENGTH) };
const SOCKET_ADDRESS = { address: tag(2, LENGTH), portValue: tag(3, VARINT) };
const WRAPPER = { value: tag(1, VARINT) };

/** Throws a RangeError for a port, a priority or a weight that is no unsigned integer of 32 bits. */
export function encodeAssignment({ name, localities, overprovisioning }: Assignment): Uint8Array {
  return wireEncoder.encode((writer) => {
    if (overprovisioning !== undefined) {
      const end = writer.end();
      wrapped(writer, POLICY.overprovisioningFactor, overprovisioning);
      writer.length(ASSIGNMENT.policy, end);
    }
    for (let i = localities.length - 1; i >= 0; i--) {
      const locality = localities[i];
      if (locality !== undefined) localityEndpoints(writer, locality);
    }
    textUnlessEmpty(writer, ASSIGNMENT.clusterName, name);
  });
}

function localityEndpoints(writer: WireWriter, { priority, locality, weight, endpoints }: AssignedLocality): void {
  const end = writer.end();
  if (priority !== 0) writer.uint32(LOCALITY_ENDPOINTS.priority, priority);
  wrapped(writer, LOCALITY_ENDPOINTS.loadBalancingWeight, weight);
  for (let i = endpoints.length - 1; i >= 0; i--) {
    const endpoint = endpoints[i];
    if (endpoint !== undefined) lbEndpoint(writer, endpoint);
  }
  const localityEnd = writer.end();
  textUnlessEmpty(writer, LOCALITY.subZone, locality.subZone);
  textUnlessEmpty(writer, LOCALITY.zone, locality.zone);
  textUnlessEmpty(writer, LOCALITY.region, locality.region);
  writer.length(LOCALITY_ENDPOINTS.locality, localityEnd);
  writer.length(ASSIGNMENT.endpoints, end);
}

function lbEndpoint(writer: WireWriter, endpoint: AssignedEndpoint): void {
  const end = writer.end();
  wrapped(writer, LB_ENDPOINT.loadBalancingWeight, endpoint.weight);
  if (endpoint.metadata !== undefined) filterMetadata(writer, LB_ENDPOINT.metadata, endpoint.metadata);
  const health = HEALTH_STATUS[endpoint.health];
  if (health !== HealthStatus.UNKNOWN) writer.uint32(LB_ENDPOINT.healthStatus, health);
  const endpointEnd = writer.end();
  textUnlessEmpty(writer, ENDPOINT.hostname, endpoint.hostname);
  if (endpoint.unchecked) {
    const checkEnd = writer.end();
    writer.uint32(HEALTH_CHECK.disableActiveHealthCheck, 1);
    writer.length(ENDPOINT.healthCheckConfig, checkEnd);
  }
  const addressEnd = writer.end();
  writer.uint32(SOCKET_ADDRESS.portValue, endpoint.port);
  textUnlessEmpty(writer, SOCKET_ADDRESS.address, endpoint.address);
  writer.length(ADDRESS.socketAddress, addressEnd);
  writer.length(ENDPOINT.address, addressEnd);
  writer.length(LB_ENDPOINT.endpoint, endpointEnd);
  writer.length(LOCALITY_ENDPOINTS.lbEndpoints, end);
}

/** google.protobuf.UInt32Value: there even when it is 0, which is then not written. */
function wrapped(writer: WireWriter, field: number, number: number): void {
  const end = writer.end();
  if (number !== 0) writer.uint32(WRAPPER.value, number);
  writer.length(field, end);
}
