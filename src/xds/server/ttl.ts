/**
 * Time to live of resources (xDS protocol, "TTL"): a client that hears nothing of a cluster for so long lets go of it. The
 * bridge says again and again that it is still meant, by its name and version alone.
 */
import type { Node } from "../../gen/envoy/config/core/v3/base.ts";
import { DeltaDiscoveryResponse, Resource as Wrapped } from "../../gen/envoy/service/discovery/v3/discovery.ts";
import { TTL_FEATURE } from "../bootstrap.ts";
import type { StreamResponse, Variant } from "../stream/messages.ts";
import type { Ttl } from "../stream/stream.ts";
import { duration } from "../translate/common.ts";
import { TYPE_URL } from "../types.ts";

/** So many times in a TTL a client is told that its resources are still meant: one lost or late message costs nothing. */
export const BEATS_IN_TTL = 3;

/** Below it the bridge would do little else. */
const MIN_TTL_MS = 1000;

/**
 * What a client gets with a TTL; undefined for one that does not know what that is, and for all of state of the world, where
 * Envoy 1.40 does not live by wrapped heartbeats. `clusterMs` undefined: nobody.
 */
export function ttlFor(node: Node | undefined, variant: Variant, clusterMs: number | undefined): Ttl | undefined {
  const features = node?.clientFeatures ?? [];
  if (variant === "sotw" || clusterMs === undefined || !features.includes(TTL_FEATURE)) return undefined;
  return { typeUrl: TYPE_URL.cluster, ms: Math.max(clusterMs, MIN_TTL_MS) };
}

/** The delta response without its nonce. */
export function ttlContent(response: StreamResponse): Uint8Array {
  const { typeUrl, version, resources, removed, bare = [], ttlMs = 0 } = response;
  const ttl = duration(ttlMs);
  const wrapped = [
    ...resources.map(({ name, version: own, body }) =>
      Wrapped.fromPartial({ name, version: own, resource: { typeUrl, value: body }, ttl }),
    ),
    ...bare.map(({ name, version: own }) => Wrapped.fromPartial({ name, version: own, ttl })),
  ];
  const message = { typeUrl, systemVersionInfo: version, resources: wrapped, removedResources: [...removed] };
  return DeltaDiscoveryResponse.encode(DeltaDiscoveryResponse.fromPartial(message)).finish();
}
