/**
 * DiscoveryResponse and DeltaDiscoveryResponse as bytes (field numbers of discovery.proto). What a resource adds is
 * encoded once and shared by every response to every client, and so is the whole of a response but for its nonce, where it
 * has resources alone: a small answer costs one copy of its bytes, a large one none.
 */
import type { BareResource, StreamResponse, Variant } from "../stream/messages.ts";
import type { Resource } from "../types.ts";
import { PREFIX_BYTES } from "./frames.ts";
import { missingContent } from "./resource-errors.ts";
import { sharedContent } from "./shared-content.ts";
import { ttlContent } from "./ttl.ts";

/** Fields of both responses, the last of delta alone. Of a DiscoveryResponse 3 (canary) is never used, and 7 is in resource-errors.ts. */
const VERSION = 1;
const RESOURCES = 2;
const TYPE_URL = 4;
const NONCE = 5;
const REMOVED = 6;
/** google.protobuf.Any, and Resource of discovery.proto. */
const ANY = { typeUrl: 1, value: 2 };
const RESOURCE = { version: 1, any: 2, name: 3, aliases: 4 };

/** What comes before a resource's body, up to and with the length of the body; the body is the entry's last field. */
const headers: Readonly<Record<Variant, WeakMap<Resource, Buffer>>> = { sotw: new WeakMap(), delta: new WeakMap() };

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
  to[at] = (NONCE << 3) | 2;
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
  const parts: Uint8Array[] = [field(VERSION, Buffer.from(version)), field(TYPE_URL, Buffer.from(typeUrl))];
  for (const resource of resources) parts.push(headerOf(variant, resource), resource.body);
  if (variant === "sotw") return missing.length === 0 ? parts : [...parts, missingContent(typeUrl, missing)];
  for (const name of removed) parts.push(field(REMOVED, Buffer.from(name)));
  for (const one of bare) parts.push(bareResource(one));
  return parts;
}

function headerOf(variant: Variant, resource: Resource): Buffer {
  const known = headers[variant].get(resource);
  if (known !== undefined) return known;
  const made = variant === "sotw" ? anyHeader(RESOURCES, resource) : deltaHeader(resource);
  headers[variant].set(resource, made);
  return made;
}

/** An Any under this field, without its value. */
function anyHeader(number: number, { typeUrl, body }: Resource): Buffer {
  const inner = Buffer.concat([field(ANY.typeUrl, Buffer.from(typeUrl)), prefix(ANY.value, body.byteLength)]);
  return Buffer.concat([prefix(number, inner.byteLength + body.byteLength), inner]);
}

/** Name and version first, so that the body comes last. Order of fields is the writer's choice (protobuf encoding). */
function deltaHeader(resource: Resource): Buffer {
  const inner = Buffer.concat([
    field(RESOURCE.version, Buffer.from(resource.version)),
    field(RESOURCE.name, Buffer.from(resource.name)),
    anyHeader(RESOURCE.any, resource),
  ]);
  return Buffer.concat([prefix(RESOURCES, inner.byteLength + resource.body.byteLength), inner]);
}

/** A Resource without an Any. Its name is its alias too: without one Envoy refuses a resource that has no Any. */
function bareResource({ name, version }: BareResource): Buffer {
  const parts = [
    field(RESOURCE.version, Buffer.from(version)),
    field(RESOURCE.name, Buffer.from(name)),
    field(RESOURCE.aliases, Buffer.from(name)),
  ];
  return field(RESOURCES, Buffer.concat(parts));
}

/** Nothing for an empty one, as proto3 has it. */
function field(number: number, bytes: Buffer): Buffer {
  return bytes.byteLength === 0 ? bytes : Buffer.concat([prefix(number, bytes.byteLength), bytes]);
}

/** Tag of a length-delimited field below 16, and the length. */
function prefix(number: number, length: number): Buffer {
  const bytes = [(number << 3) | 2];
  let rest = length;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  bytes.push(rest);
  return Buffer.from(bytes);
}
