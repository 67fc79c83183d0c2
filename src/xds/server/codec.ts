/** From bytes on the wire to the stream's plain messages. Limits what a request may hold. */
import { Node } from "../../gen/envoy/config/core/v3/base.ts";
import { Status } from "../../gen/google/rpc/status.ts";
import { reasonOf } from "../../kernel/errors.ts";
import { fail } from "../../model/errors.ts";
import type { StreamRequest, Variant } from "../stream/messages.ts";
import { TYPE_URL, type TypeUrl } from "../types.ts";
import { eachBytesField } from "../wire-reader.ts";

const MAX_NAMES = 100_000;
const MAX_NAME_LENGTH = 4096;
const MAX_ERROR_LENGTH = 2000;

export interface DecodedRequest {
  readonly request: StreamRequest;
  /** Clients may send it in the first request of a stream only. */
  readonly node: Node | undefined;
}

/**
 * Throws MB_XDS_REQUEST_INVALID for bytes that are no request and for one beyond the limits. Fields that are not known are
 * ignored.
 */
export function decodeRequest(variant: Variant, bytes: Buffer): DecodedRequest {
  try {
    return variant === "sotw" ? decodeSotw(bytes) : decodeDelta(bytes);
  } catch (error) {
    throw fail("MB_XDS_REQUEST_INVALID", { reason: reasonOf(error) }, { cause: error });
  }
}

/** Numbers of the fields of DiscoveryRequest (discovery.proto). */
const SOTW = { version: 1, node: 2, names: 3, typeUrl: 4, nonce: 5, error: 6 };
/** Of DeltaDiscoveryRequest. */
const DELTA = { node: 1, typeUrl: 2, subscribe: 3, unsubscribe: 4, initialVersions: 5, nonce: 6, error: 7 };
/** Of an entry of its map. */
const ENTRY = { key: 1, value: 2 };

/** Most requests are answers and hold none: one of each for all of them. */
const NO_NAMES: readonly string[] = [];
const NO_VERSIONS: ReadonlyMap<string, string> = new Map();

function decodeSotw(bytes: Buffer): DecodedRequest {
  let node: Node | undefined;
  let typeUrl = "";
  let nonce = "";
  let version = "";
  let error: string | undefined;
  let names: string[] | undefined;
  eachBytesField(bytes, 0, bytes.length, (field, from, to) => {
    if (field === SOTW.names) names = withName(names, bytes, from, to);
    else if (field === SOTW.typeUrl) typeUrl = typeUrlIn(bytes, from, to);
    else if (field === SOTW.nonce) nonce = bytes.toString("utf8", from, to);
    else if (field === SOTW.version) version = bytes.toString("utf8", from, to);
    else if (field === SOTW.node) node = Node.decode(bytes.subarray(from, to));
    else if (field === SOTW.error) error = errorText(bytes.subarray(from, to));
  });
  return { request: { variant: "sotw", typeUrl, names: names ?? NO_NAMES, version, nonce, error }, node };
}

function decodeDelta(bytes: Buffer): DecodedRequest {
  let node: Node | undefined;
  let typeUrl = "";
  let nonce = "";
  let error: string | undefined;
  let subscribe: string[] | undefined;
  let unsubscribe: string[] | undefined;
  let versions: Map<string, string> | undefined;
  eachBytesField(bytes, 0, bytes.length, (field, from, to) => {
    if (field === DELTA.nonce) nonce = bytes.toString("utf8", from, to);
    else if (field === DELTA.typeUrl) typeUrl = typeUrlIn(bytes, from, to);
    else if (field === DELTA.subscribe) subscribe = withName(subscribe, bytes, from, to);
    else if (field === DELTA.unsubscribe) unsubscribe = withName(unsubscribe, bytes, from, to);
    else if (field === DELTA.initialVersions) versions = withVersion(versions, bytes, from, to);
    else if (field === DELTA.node) node = Node.decode(bytes.subarray(from, to));
    else if (field === DELTA.error) error = errorText(bytes.subarray(from, to));
  });
  return {
    request: {
      variant: "delta",
      typeUrl,
      subscribe: subscribe ?? NO_NAMES,
      unsubscribe: unsubscribe ?? NO_NAMES,
      initialVersions: versions ?? NO_VERSIONS,
      nonce,
      error,
    },
    node,
  };
}

function withName(list: string[] | undefined, bytes: Buffer, from: number, to: number): string[] {
  if (list !== undefined && list.length >= MAX_NAMES) throw new RangeError(`more than ${MAX_NAMES} resource names`);
  const name = nameIn(bytes, from, to);
  if (list === undefined) return [name];
  list.push(name);
  return list;
}

function withVersion(known: Map<string, string> | undefined, bytes: Buffer, from: number, to: number): Map<string, string> {
  const versions = known ?? new Map<string, string>();
  let name = "";
  let version = "";
  eachBytesField(bytes, from, to, (field, start, end) => {
    if (field === ENTRY.key) name = nameIn(bytes, start, end);
    else if (field === ENTRY.value) version = bytes.toString("utf8", start, end);
  });
  if (versions.size >= MAX_NAMES && !versions.has(name)) throw new RangeError(`more than ${MAX_NAMES} resource names`);
  return versions.set(name, version);
}

function nameIn(bytes: Buffer, from: number, to: number): string {
  const name = bytes.toString("utf8", from, to);
  if (name.length > MAX_NAME_LENGTH) throw new RangeError(`a resource name longer than ${MAX_NAME_LENGTH} characters`);
  return name;
}

/** One string for each type that is known, however many requests name it. */
const KNOWN_TYPES: ReadonlyMap<TypeUrl, TypeUrl> = new Map(Object.values(TYPE_URL).map((typeUrl) => [typeUrl, typeUrl]));

function typeUrlIn(bytes: Buffer, from: number, to: number): TypeUrl {
  const typeUrl = bytes.toString("utf8", from, to);
  return KNOWN_TYPES.get(typeUrl) ?? typeUrl;
}

/** The client's own words, cut: they go into logs and the API. */
function errorText(bytes: Uint8Array): string {
  const { code, message } = Status.decode(bytes);
  return (message || `code ${code}`).slice(0, MAX_ERROR_LENGTH);
}
