/**
 * Large contents that several clients are sent alike, as after a storm: encoded once, and the same bytes for all whom they are still
 * on their way to. When nobody is sent them any more they are memory that the next garbage collection takes.
 */
import type { StreamResponse, Variant } from "../stream/messages.ts";
import type { Resource } from "../types.ts";

type Subject = Pick<StreamResponse, "version" | "resources">;

interface Known extends Subject {
  readonly content: WeakRef<Buffer>;
}

/** By the first resource; lists that begin alike and go on otherwise take the place from each other. */
const known: Readonly<Record<Variant, WeakMap<Resource, Known>>> = { sotw: new WeakMap(), delta: new WeakMap() };

/** `encode` must depend on the subject alone. The bytes are shared: nobody may write to them. */
export function sharedContent(variant: Variant, { version, resources }: Subject, encode: () => Buffer): Buffer {
  const [first] = resources;
  if (first === undefined) return encode();
  const before = known[variant].get(first);
  if (before?.version === version && isSame(before.resources, resources)) {
    const content = before.content.deref();
    if (content !== undefined) return content;
  }
  const content = encode();
  known[variant].set(first, { version, resources, content: new WeakRef(content) });
  return content;
}

/** Resources never change: the same ones have the same bytes. */
function isSame(a: readonly Resource[], b: readonly Resource[]): boolean {
  return a === b || (a.length === b.length && a.every((one, at) => one === b[at]));
}
