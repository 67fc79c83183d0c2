/**
 * DiscoveryResponse and DeltaDiscoveryResponse as bytes (field numbers of discovery.proto). What a resource adds is
 * encoded once and shared by every response to every client: an answer costs one copy of its bytes, not an encoding.
 */
import type { StreamResponse, Variant } from "../stream/messages.ts";
import type { Resource } from "../types.ts";

/** Fields of both responses; 3 of a DiscoveryResponse (canary) and 7 and above of delta are never used. */
const VERSION = 1;
const RESOURCES = 2;
const SOTW = { typeUrl: 4, nonce: 5 };
const DELTA = { typeUrl: 4, nonce: 5, removed: 6 };
/** google.protobuf.Any, and Resource of discovery.proto. */
const ANY = { typeUrl: 1, value: 2 };
const RESOURCE = { version: 1, any: 2, name: 3 };

/** What comes before a resource's body, up to and with the length of the body; the body is the entry's last field. */
const headers: Readonly<Record<Variant, WeakMap<Resource, Buffer>>> = { sotw: new WeakMap(), delta: new WeakMap() };

/** The response as the client expects it on the wire. */
export function encodeResponse(variant: Variant, { typeUrl, nonce, version, resources, removed }: StreamResponse): Buffer {
  const fields = variant === "sotw" ? SOTW : DELTA;
  const head = [
    field(VERSION, Buffer.from(version)),
    field(fields.typeUrl, Buffer.from(typeUrl)),
    field(fields.nonce, Buffer.from(nonce)),
  ];
  const tail = variant === "sotw" ? [] : removed.map((name) => field(DELTA.removed, Buffer.from(name)));
  let length = sizeOf(head) + sizeOf(tail);
  const entries = resources.map((resource) => headerOf(variant, resource));
  for (const [index, header] of entries.entries()) length += header.byteLength + (resources[index]?.body.byteLength ?? 0);
  const message = Buffer.allocUnsafe(length);
  let at = 0;
  const put = (part: Uint8Array) => {
    message.set(part, at);
    at += part.byteLength;
  };
  for (const part of head) put(part);
  for (const [index, header] of entries.entries()) {
    put(header);
    put(resources[index]?.body ?? EMPTY);
  }
  for (const part of tail) put(part);
  return message;
}

const EMPTY = new Uint8Array();

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

function sizeOf(parts: readonly Uint8Array[]): number {
  return parts.reduce((sum, { byteLength }) => sum + byteLength, 0);
}
