/**
 * What one stream of a peer has said so far, proven by its markers. Nothing is believed before a marker: a marker whose
 * count and digest agree with what came is the proof that nothing was missed. Pure.
 */
import type { Group, Origin, Synced, WatchResponse } from "../../src/gen/meshbridge/link/v1/link.ts";
import { digestOf, groupKey, toggleDigest } from "../../src/link/wire.ts";

/** The peer's exports as of one marker. */
export interface Marked {
  /** Everything it has. */
  readonly groups: ReadonlyMap<string, Group>;
  /** What may differ from the marker before; every key of the first one. */
  readonly touched: ReadonlySet<string>;
  /** The doubt of the last `gone` of a key. */
  readonly goneDoubts: ReadonlyMap<string, string>;
  readonly first: boolean;
  readonly origins: ReadonlyMap<string, Origin>;
  readonly complete: boolean;
  readonly doubt: string;
}

export interface StreamState {
  /** Returns what is proven now, at a marker. Throws when the marker does not agree with what came. */
  take(message: WatchResponse): Marked | undefined;
}

export function createStreamState(): StreamState {
  const groups = new Map<string, Group>();
  const digests = new Map<string, Buffer>();
  const digest = Buffer.alloc(16);
  let touched = new Set<string>();
  let goneDoubts = new Map<string, string>();
  let first = true;

  const remove = (key: string) => {
    const known = digests.get(key);
    if (known !== undefined) toggleDigest(digest, known);
    digests.delete(key);
    groups.delete(key);
  };

  const mark = ({ groups: count, digest: theirs, origins, complete, doubt }: Synced): Marked => {
    if (count !== groups.size || !digest.equals(theirs))
      throw new Error(`its marker speaks of ${count} groups, and ${groups.size} came, or their content differs`);
    const named = new Map(origins.map((origin) => [origin.cluster, origin]));
    const marked = { groups, touched, goneDoubts, first, origins: named, complete, doubt };
    touched = new Set();
    goneDoubts = new Map();
    first = false;
    return marked;
  };

  return {
    take({ message }) {
      if (message?.$case === "group") {
        const key = groupKey(message.value.path[0] ?? "", message.value);
        remove(key);
        const one = digestOf(message.value);
        toggleDigest(digest, one);
        digests.set(key, one);
        groups.set(key, message.value);
        touched.add(key);
      } else if (message?.$case === "gone") {
        const key = groupKey(message.value.origin, message.value);
        remove(key);
        touched.add(key);
        goneDoubts.set(key, message.value.doubt);
      } else if (message?.$case === "synced") return mark(message.value);
      return undefined;
    },
  };
}
