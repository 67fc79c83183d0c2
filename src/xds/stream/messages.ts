/** What goes in and out of a stream: the parts of the xDS messages that decide something, for both variants. */
import type { Resource, TypeUrl } from "../types.ts";

export type Variant = "sotw" | "delta";

interface RequestBase {
  readonly typeUrl: TypeUrl;
  /** The nonce of the response that is answered; empty in the first request and in spontaneous ones. */
  readonly nonce: string;
  /** Present: the answered response was refused, and this is why. */
  readonly error: string | undefined;
}

/** State of the world: the names are the full list, every time. */
export interface SotwRequest extends RequestBase {
  readonly variant: "sotw";
  readonly names: readonly string[];
  /** The version the client holds; in the first request of a type non-empty when it comes with state. */
  readonly version: string;
}

/** Incremental: names come and go. */
export interface DeltaRequest extends RequestBase {
  readonly variant: "delta";
  readonly subscribe: readonly string[];
  readonly unsubscribe: readonly string[];
  /** What the client holds; counts in the first request of a type only. */
  readonly initialVersions: ReadonlyMap<string, string>;
}

export type StreamRequest = SotwRequest | DeltaRequest;

/** A resource that is named without a body. */
export interface BareResource {
  readonly name: string;
  /** Empty: there is none of that name. */
  readonly version: string;
}

export interface StreamResponse {
  readonly typeUrl: TypeUrl;
  readonly nonce: string;
  /** SotW: version of the type's content. Delta: the same, for people (system_version_info). */
  readonly version: string;
  readonly resources: readonly Resource[];
  /** Delta only. */
  readonly removed: readonly string[];
  /** Names that were asked for on demand and are not there. */
  readonly bare?: readonly BareResource[];
  /** State of the world: names that were asked for and are not there, for clients that understand errors of resources. */
  readonly missing?: readonly string[];
  /** A heartbeat: what the client has and shall go on to have. State of the world: all of the type, or it would be deleted. */
  readonly kept?: readonly Resource[];
  /** Ms that the client keeps what is in it without hearing of it again; undefined: for ever. */
  readonly ttlMs?: number;
}

/** What a request answered, for the log and the proxy's status. */
export type Answer =
  | { readonly kind: "ack"; readonly typeUrl: TypeUrl }
  | { readonly kind: "nack"; readonly typeUrl: TypeUrl; readonly message: string }
  /** No response of ours: the first request, a change of subscription, or a stale nonce. */
  | { readonly kind: "none"; readonly typeUrl: TypeUrl };
