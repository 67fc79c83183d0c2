/** Making a resource from an encoded message. */
import { hash } from "node:crypto";
import type { Resource, ResourceRef, TypeUrl } from "./types.ts";

const NO_REFS: readonly ResourceRef[] = [];

/** The version is a 64-bit content hash: equal bytes have equal versions on every replica and after every restart. */
export function makeResource(typeUrl: TypeUrl, name: string, body: Uint8Array, refs: readonly ResourceRef[] = NO_REFS): Resource {
  // From eight bytes rather than out of the whole text, which a part of it would keep alive.
  const version = hash("sha256", body, "buffer").toString("hex", 0, 8);
  return { typeUrl, name, version, body, refs };
}
