/** Making a resource from an encoded message. */
import { hash } from "node:crypto";
import type { Resource, ResourceRef, TypeUrl } from "./types.ts";

const NO_REFS: readonly ResourceRef[] = [];

/** The version is a 64-bit content hash: equal bytes have equal versions on every replica and after every restart. */
export function makeResource(typeUrl: TypeUrl, name: string, body: Uint8Array, refs: readonly ResourceRef[] = NO_REFS): Resource {
  return { typeUrl, name, version: hash("sha256", body, "hex").slice(0, 16), body, refs };
}
