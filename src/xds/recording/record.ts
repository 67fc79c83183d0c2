/**
 * A recording of xDS streams: one line of JSON for every request and response, without the resources' content. Enough to
 * judge the protocol afterwards (validate.ts), and no secret can be in it.
 */
import type { StreamRequest, StreamResponse, Variant } from "../stream/messages.ts";
import type { ResourceRef } from "../types.ts";

/** One resource as it was sent. */
export interface SentResource {
  readonly name: string;
  readonly version: string;
  /** What it refers to: clusters of a route, endpoints of a cluster. */
  readonly refs?: readonly ResourceRef[];
}

interface Common {
  /** Wall-clock ms since the epoch. */
  readonly at: number;
  /** Unique in its file. */
  readonly stream: number;
}

export type XdsRecord =
  | (Common & { readonly kind: "open"; readonly node: string; readonly view: string; readonly variant: Variant })
  | (Common & {
      readonly kind: "request";
      readonly type: string;
      readonly nonce: string;
      readonly error?: string;
      /** SotW: the full list. */
      readonly names?: readonly string[];
      /** SotW: the version it holds. */
      readonly version?: string;
      readonly subscribe?: readonly string[];
      readonly unsubscribe?: readonly string[];
      /** Delta, first request of a type: what the client says it holds, name to version. */
      readonly initial?: Readonly<Record<string, string>>;
    })
  | (Common & {
      readonly kind: "response";
      readonly type: string;
      readonly nonce: string;
      readonly version: string;
      readonly resources: readonly SentResource[];
      readonly removed: readonly string[];
      /** Asked for and not there: on demand, or told as an error of the resource. */
      readonly absent?: readonly string[];
      /** Still meant: a heartbeat for resources with a time to live. */
      readonly kept?: readonly string[];
    })
  | (Common & { readonly kind: "close" })
  /** Lines were left out, because the disk was slower than the streams: what follows cannot be judged. */
  | (Common & { readonly kind: "gap" });

export type RequestRecord = Extract<XdsRecord, { readonly kind: "request" }>;
export type ResponseRecord = Extract<XdsRecord, { readonly kind: "response" }>;

/** A request as it is recorded. */
export function requestRecord(request: StreamRequest, common: Common): RequestRecord {
  const { typeUrl: type, nonce, error } = request;
  const base = { ...common, kind: "request", type, nonce, ...(error !== undefined && { error }) } as const;
  if (request.variant === "sotw") return { ...base, names: request.names, version: request.version };
  const { subscribe, unsubscribe, initialVersions } = request;
  return { ...base, subscribe, unsubscribe, initial: Object.fromEntries(initialVersions) };
}

/** A response as it is recorded. */
export function responseRecord(response: StreamResponse, common: Common): ResponseRecord {
  const { typeUrl: type, nonce, version, removed, bare = [], missing = [], kept } = response;
  const resources = response.resources.map(({ name, version: own, refs }) => ({
    name,
    version: own,
    ...(refs.length > 0 && { refs }),
  }));
  const base = { ...common, kind: "response", type, nonce, version, resources, removed } as const;
  if (kept !== undefined) return { ...base, kept: kept.map(({ name }) => name) };
  const absent = [...bare.map(({ name }) => name), ...missing];
  return absent.length === 0 ? base : { ...base, absent };
}
