/**
 * DiscoveryResponse and DeltaDiscoveryResponse as bytes (field numbers of discovery.proto), around the bodies of their
 * resources. A response that has resources alone is encoded once, but for its nonce, and shared by all whom it goes to: a
 * small answer costs one copy of its bytes, a large one none.
 */
import type { BareResource, StreamResponse, Variant } from "../stream/messages.ts";
import type { Resource } from "../types.ts";
import { LENGTH } from "../wire-types.ts";
import { tag, textUnlessEmpty, wireEncoder } from "../wire-writer.ts";
import { PREFIX_BYTES } from "./frames.ts";
import { missingContent } from "./resource-errors.ts";
import { sharedContent } from "./shared-content.ts";
import { ttlContent } from "./ttl.ts";

/** Fields of both responses, the last of delta alone. Of a DiscoveryResponse 3 (canary) is never used, and 7 is in resource-errors.ts. */
const VERSION = tag(1, LENGTH);
const RESOURCES = tag(2, LENGTH);
const TYPE_URL = tag(4, LENGTH);
const NONCE = tag(5, LENGTH);
const REMOVED = tag(6, LENGTH);
/** google.protobuf.Any, and Resource of discovery.proto. */
const ANY = { typeUrl: tag(1, LENGTH), value: tag(2, LENGTH) };
const RESOURCE = { version: tag(1, LENGTH), any: tag(2, LENGTH), name: tag(3, LENGTH), aliases: tag(4, LENGTH) };

/** Everything of a response but its nonce, for those that carry one resource and nothing else: the commonest by far. */
const alone: Readonly<Record<Variant, WeakMap<Resource, { readonly version: string; readonly parts: readonly Uint8Array[] }>>> = {
  sotw: new WeakMap(),
  delta: new WeakMap(),
};

/** From here on a content is not copied: three writes cost less than so many bytes. */
const SHARED_FROM_BYTES = 16 * 1024;

/**
 * The response as the client expects it on the wire, after its gRPC prefix, in one piece or several. What is in the pieces
 * is shared: nobody may write to them. Throws RangeError for a nonce above 127 bytes.
 */
export function encodeResponse(variant: Variant, response: StreamResponse): readonly Uint8Array[] {
  const parts = contentOf(variant, response);
  let content = 0;
  for (const { byteLength } of parts) content += byteLength;
  const nonceBytes = NONCE_HEAD_BYTES + Buffer.byteLength(response.nonce);
  if (nonceBytes > MAX_NONCE_BYTES) throw new RangeError(`a nonce of ${nonceBytes} bytes`);
  const [only] = parts;
  const shared = only !== undefined && parts.length === 1 && content >= SHARED_FROM_BYTES;
  const frame = Buffer.allocUnsafe(PREFIX_BYTES + (shared ? 0 : content + nonceBytes));
  frame[0] = 0;
  frame.writeUInt32BE(content + nonceBytes, 1);
  if (shared) return [frame, only, writeNonce(Buffer.allocUnsafe(nonceBytes), 0, response.nonce)];
  let at = PREFIX_BYTES;
  for (const part of parts) {
    frame.set(part, at);
    at += part.byteLength;
  }
  writeNonce(frame, at, response.nonce);
  return [frame];
}

/** Tag and length, which is one byte below 128. */
const NONCE_HEAD_BYTES = 2;
const MAX_NONCE_BYTES = NONCE_HEAD_BYTES + 127;

function writeNonce(to: Buffer, at: number, nonce: string): Buffer {
  to[at] = NONCE;
  to[at + 1] = to.write(nonce, at + NONCE_HEAD_BYTES);
  return to;
}

/** Without the prefix. */
export function messageBytes(frame: readonly Uint8Array[]): number {
  return frame.reduce((sum, { byteLength }) => sum + byteLength, -PREFIX_BYTES);
}

function contentOf(variant: Variant, response: StreamResponse): readonly Uint8Array[] {
  const { version, resources, removed, bare = [], missing = [], ttlMs } = response;
  if (missing.length > 0) return encodeContent(variant, response);
  if (ttlMs !== undefined) return [ttlContent(variant, response)];
  const [only, second] = resources;
  if (only === undefined || removed.length > 0 || bare.length > 0) return encodeContent(variant, response);
  if (second === undefined) {
    const known = alone[variant].get(only);
    if (known?.version === version) return known.parts;
    const parts = [Buffer.concat(encodeContent(variant, response))];
    alone[variant].set(only, { version, parts });
    return parts;
  }
  if (resources.reduce((sum, { body }) => sum + body.byteLength, 0) < SHARED_FROM_BYTES) return encodeContent(variant, response);
  return [sharedContent(variant, response, () => Buffer.concat(encodeContent(variant, response)))];
}

function encodeContent(
  variant: Variant,
  { typeUrl, version, resources, removed, bare = [], missing = [] }: StreamResponse,
): readonly Uint8Array[] {
  const parts: Uint8Array[] = [textField(VERSION, version), textField(TYPE_URL, typeUrl)];
  for (const resource of resources) parts.push(headerOf(variant, resource), resource.body);
  if (variant === "sotw") return missing.length === 0 ? parts : [...parts, missingContent(typeUrl, missing)];
  for (const name of removed) parts.push(textField(REMOVED, name));
  for (const one of bare) parts.push(bareResource(one));
  return parts;
}

/**
 * What comes before a resource's body, up to and with the body's length. Name and version first, so that the body comes
 * last: the order of fields is the writer's choice (protobuf encoding).
 */
function headerOf(variant: Variant, { typeUrl, name, version, body }: Resource): Uint8Array {
  return wireEncoder.encode((writer) => {
    const end = writer.end(body.byteLength);
    writer.length(ANY.value, end);
    writer.text(ANY.typeUrl, typeUrl);
    if (variant === "delta") {
      writer.length(RESOURCE.any, end);
      textUnlessEmpty(writer, RESOURCE.name, name);
      textUnlessEmpty(writer, RESOURCE.version, version);
    }
    writer.length(RESOURCES, end);
  });
}

/** A Resource without an Any. Its name is its alias too: without one Envoy refuses a resource that has no Any. */
function bareResource({ name, version }: BareResource): Uint8Array {
  return wireEncoder.encode((writer) => {
    const end = writer.end();
    textUnlessEmpty(writer, RESOURCE.aliases, name);
    textUnlessEmpty(writer, RESOURCE.name, name);
    textUnlessEmpty(writer, RESOURCE.version, version);
    writer.length(RESOURCES, end);
  });
}

/** Nothing for an empty one, as proto3 has it. */
function textField(field: number, text: string): Uint8Array {
  return wireEncoder.encode((writer) => textUnlessEmpty(writer, field, text));
}
