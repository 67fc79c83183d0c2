/** From bytes on the wire to the stream's plain messages. Limits what a request may hold. */
import type { Node } from "../../gen/envoy/config/core/v3/base.ts";
import { DeltaDiscoveryRequest, DiscoveryRequest } from "../../gen/envoy/service/discovery/v3/discovery.ts";
import { reasonOf } from "../../kernel/errors.ts";
import { fail } from "../../model/errors.ts";
import type { DeltaRequest, StreamRequest, Variant } from "../stream/messages.ts";
import { type Ack, readAck } from "./ack.ts";

const MAX_NAMES = 100_000;
const MAX_NAME_LENGTH = 4096;
const MAX_ERROR_LENGTH = 2000;

export interface DecodedRequest {
  readonly request: StreamRequest;
  /** Clients may send it in the first request of a stream only. */
  readonly node: Node | undefined;
}

/** Throws MB_XDS_REQUEST_INVALID for bytes that are no request and for one beyond the limits. */
export function decodeRequest(variant: Variant, bytes: Buffer): DecodedRequest {
  const ack = variant === "delta" ? readAck(bytes) : undefined;
  if (ack !== undefined) return { request: ackRequest(ack), node: undefined };
  try {
    return variant === "sotw" ? decodeSotw(bytes) : decodeDelta(bytes);
  } catch (error) {
    throw fail("MB_XDS_REQUEST_INVALID", { reason: reasonOf(error) }, { cause: error });
  }
}

const NO_NAMES: readonly string[] = [];
const NO_VERSIONS: ReadonlyMap<string, string> = new Map();

function ackRequest({ typeUrl, nonce }: Ack): DeltaRequest {
  const nothing = { subscribe: NO_NAMES, unsubscribe: NO_NAMES, initialVersions: NO_VERSIONS, error: undefined };
  return { variant: "delta", typeUrl, nonce, ...nothing };
}

function decodeSotw(bytes: Uint8Array): DecodedRequest {
  const { typeUrl, resourceNames, versionInfo, responseNonce, errorDetail, node } = DiscoveryRequest.decode(bytes);
  const request = {
    variant: "sotw",
    typeUrl,
    names: names(resourceNames),
    version: versionInfo,
    nonce: responseNonce,
    error: errorText(errorDetail),
  } as const;
  return { request, node };
}

function decodeDelta(bytes: Uint8Array): DecodedRequest {
  const message = DeltaDiscoveryRequest.decode(bytes);
  const versions = Object.entries(message.initialResourceVersions);
  names(versions.map(([name]) => name));
  const request = {
    variant: "delta",
    typeUrl: message.typeUrl,
    subscribe: names(message.resourceNamesSubscribe),
    unsubscribe: names(message.resourceNamesUnsubscribe),
    initialVersions: new Map(versions),
    nonce: message.responseNonce,
    error: errorText(message.errorDetail),
  } as const;
  return { request, node: message.node };
}

function names(list: readonly string[]): readonly string[] {
  if (list.length > MAX_NAMES) throw new RangeError(`more than ${MAX_NAMES} resource names`);
  if (list.some((name) => name.length > MAX_NAME_LENGTH))
    throw new RangeError(`a resource name longer than ${MAX_NAME_LENGTH} characters`);
  return list;
}

/** The client's own words, cut: they go into logs and the API. */
function errorText(status: { readonly code: number; readonly message: string } | undefined): string | undefined {
  return status === undefined ? undefined : (status.message || `code ${status.code}`).slice(0, MAX_ERROR_LENGTH);
}
