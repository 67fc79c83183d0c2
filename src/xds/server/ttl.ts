/**
 * Time to live of resources (xDS protocol, "TTL"): a client that hears nothing of a cluster for so long lets go of it. The
 * bridge says again and again that it is still meant: in delta by its name and version alone, in state of the world by all of it
 * again, since Envoy 1.40 takes a heartbeat without bodies there for an empty response and deletes everything (decision 0025).
 */
import type { Node } from "../../gen/envoy/config/core/v3/base.ts";
import {
  DeltaDiscoveryResponse,
  DiscoveryResponse,
  Resource as Wrapped,
} from "../../gen/envoy/service/discovery/v3/discovery.ts";
import { Any } from "../../gen/google/protobuf/any.ts";
import { TTL_FEATURE, WRAPPED_FEATURE } from "../bootstrap.ts";
import type { StreamResponse, Variant } from "../stream/messages.ts";
import type { Ttl } from "../stream/stream.ts";
import { duration } from "../translate/common.ts";
import { type Resource, TYPE_URL } from "../types.ts";

/** So many times in a TTL a client is told that its resources are still meant: one lost or late message costs nothing. */
export const BEATS_IN_TTL = 3;

/** Below it the bridge would do little else. */
const MIN_TTL_MS = 1000;

/** What wraps a resource in state of the world (xDS protocol, "TTL"). */
const WRAPPED_TYPE = "type.googleapis.com/envoy.service.discovery.v3.Resource";

/** What a client gets with a TTL; undefined for one that does not know what that is. `clusterMs` undefined: nobody. */
export function ttlFor(node: Node | undefined, variant: Variant, clusterMs: number | undefined): Ttl | undefined {
  const features = node?.clientFeatures ?? [];
  const needed = variant === "sotw" ? [TTL_FEATURE, WRAPPED_FEATURE] : [TTL_FEATURE];
  if (clusterMs === undefined || !needed.every((feature) => features.includes(feature))) return undefined;
  return { typeUrl: TYPE_URL.cluster, ms: Math.max(clusterMs, MIN_TTL_MS) };
}

/** The response without its nonce. */
export function ttlContent(variant: Variant, response: StreamResponse): Uint8Array {
  return variant === "sotw" ? sotwContent(response) : deltaContent(response);
}

function deltaContent({ typeUrl, version, resources, removed, kept = [], ttlMs = 0 }: StreamResponse): Uint8Array {
  const ttl = duration(ttlMs);
  const wrapped = [
    ...resources.map((one) => wrap(one, ttlMs)),
    ...kept.map(({ name, version: own }) => Wrapped.fromPartial({ name, version: own, ttl })),
  ];
  const message = { typeUrl, systemVersionInfo: version, resources: wrapped, removedResources: [...removed] };
  return DeltaDiscoveryResponse.encode(DeltaDiscoveryResponse.fromPartial(message)).finish();
}

function sotwContent({ typeUrl, version, resources, kept = [], ttlMs = 0 }: StreamResponse): Uint8Array {
  const wrapped = [...resources, ...kept].map((one) =>
    Any.fromPartial({ typeUrl: WRAPPED_TYPE, value: Wrapped.encode(wrap(one, ttlMs)).finish() }),
  );
  const message = { typeUrl, versionInfo: version, resources: wrapped };
  return DiscoveryResponse.encode(DiscoveryResponse.fromPartial(message)).finish();
}

function wrap({ typeUrl, name, version, body }: Resource, ttlMs: number): Wrapped {
  return Wrapped.fromPartial({ name, version, resource: { typeUrl, value: body }, ttl: duration(ttlMs) });
}
