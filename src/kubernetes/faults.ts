/** What errors say of an API server: a registry to those who read Services, a member of a fleet to those who deploy. */
import type { MeshbridgeError } from "../kernel/errors.ts";
import { fail } from "../model/errors.ts";

export interface ApiFaults {
  /** It did not answer. */
  unreachable(reason: string, cause: unknown): MeshbridgeError;
  /** It answered, with a failure. */
  refused(statusCode: number, reason: string): MeshbridgeError;
  /** It answered with what cannot be read. */
  badReply(reason: string): MeshbridgeError;
}

/** MB_REGISTRY_…: `registry` names the registry, and the cluster when it has several. */
export function registryFaults(registry: string, address: string): ApiFaults {
  return {
    unreachable: (reason, cause) => fail("MB_REGISTRY_UNREACHABLE", { registry, address, reason }, { cause }),
    refused: (statusCode, reason) => fail("MB_REGISTRY_REFUSED", { registry, address, statusCode, reason }),
    badReply: (reason) => fail("MB_REGISTRY_BAD_REPLY", { registry, address, reason }),
  };
}

/** MB_CLUSTER_…: `cluster` is its name in the fleet. */
export function clusterFaults(cluster: string, address: string): ApiFaults {
  return {
    unreachable: (reason, cause) => fail("MB_CLUSTER_UNREACHABLE", { cluster, address, reason }, { cause }),
    refused: (statusCode, reason) => fail("MB_CLUSTER_REFUSED", { cluster, address, statusCode, reason }),
    badReply: (reason) => fail("MB_CLUSTER_BAD_REPLY", { cluster, address, reason }),
  };
}
