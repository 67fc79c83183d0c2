/**
 * Time to live of resources (xDS protocol, "TTL"): a client that hears nothing of a cluster for so long lets go of it. The
 * bridge says again and again that it is still meant, by its name and version alone.
 */
import type { Node } from "../../gen/envoy/config/core/v3/base.ts";
import {
  DeltaDiscoveryResponse,
  DiscoveryResponse,
  Resource as Wrapped,
} from "../../gen/envoy/service/discovery/v3/discovery.ts";
import { TTL_FEATURE } from "../bootstrap.ts";
import type { StreamResponse, Variant } from "../stream/messages.ts";
import type { Ttl } from "../stream/stream.ts";
import { duration } from "../translate/common.ts";
import { TYPE_URL } from "../types.ts";

/** Of the well known client features of the xDS API. */
const WRAPPED_FEATURE = "xds.config.resource-in-sotw";

const WRAPPED = "type.googleapis.com/envoy.service.discovery.v3.Resource";

/** So many times in a TTL a client is told that its resources are still meant: one lost or late message costs nothing. */
export const BEATS_IN_TTL = 3;

/** Below it the bridge would do little else. */
const MIN_TTL_MS = 1000;

/** What a client gets with a TTL; undefined for one that does not know what that is. `clusterMs` undefined: nobody. */
export function ttlFor(node: Node | undefined, variant: Variant, clusterMs: number | undefined): Ttl | undefined {
  const features = node?.clientFeatures ?? [];
  if (clusterMs === undefined || !features.includes(TTL_FEATURE)) return undefined;
  if (variant === "sotw" && !features.includes(WRAPPED_FEATURE)) return undefined;
  return { typeUrl: TYPE_URL.cluster, ms: Math.max(clusterMs, MIN_TTL_MS) };
}

/** The response without its nonce. State of the world has a place for a TTL only in wrapped resources. */
export function ttlContent(variant: Variant, response: StreamResponse): Uint8Array {
  const { typeUrl, version, resources, removed, bare = [], ttlMs = 0 } = response;
  const ttl = duration(ttlMs);
  // Envoy takes a resource without a body for a heartbeat when its version is the type's, in state of the world.
  const versionOf = (own: string) => (variant === "sotw" ? version : own);
  const wrapped = [
    ...resources.map(({ name, version: own, body }) =>
      Wrapped.fromPartial({ name, version: versionOf(own), resource: { typeUrl, value: body }, ttl }),
    ),
    ...bare.map(({ name, version: own }) => Wrapped.fromPartial({ name, version: versionOf(own), ttl })),
  ];
  if (variant === "delta") {
    const message = { typeUrl, systemVersionInfo: version, resources: wrapped, removedResources: [...removed] };
    return DeltaDiscoveryResponse.encode(DeltaDiscoveryResponse.fromPartial(message)).finish();
  }
  const anys = wrapped.map((one) => ({ typeUrl: WRAPPED, value: Wrapped.encode(one).finish() }));
  return DiscoveryResponse.encode(DiscoveryResponse.fromPartial({ typeUrl, versionInfo: version, resources: anys })).finish();
}
