/**
 * A map that can be handed out as it is at a moment, at no cost: what is handed out stays so, and the next change copies a
 * part of the map, not all of it. Keys are spread over the parts by a hash; where somebody has chosen them to fall into one, a
 * change copies as much as it would of a plain map.
 */

const PARTS = 256;

export interface SnapshotMap<V> {
  readonly size: number;
  get(key: string): V | undefined;
  set(key: string, value: V): void;
  delete(key: string): void;
  /** The map as it is now, in no order of anybody's. The same object until something changes. */
  snapshot(): ReadonlyMap<string, V>;
}

type Part<V> = Map<string, V>;

export function createSnapshotMap<V>(): SnapshotMap<V> {
  let parts: Part<V>[] = Array.from({ length: PARTS }, () => new Map());
  let size = 0;
  /** Since they were made: what a snapshot has is copied before it is changed. */
  const own = new Set<Part<V>>(parts);
  let last: ReadonlyMap<string, V> | undefined;

  const writable = (key: string): Part<V> => {
    if (last !== undefined) {
      last = undefined;
      parts = parts.slice();
      own.clear();
    }
    const at = partOf(key);
    const part = parts[at];
    if (part !== undefined && own.has(part)) return part;
    const copy = new Map(part);
    parts[at] = copy;
    own.add(copy);
    return copy;
  };

  const get = (key: string) => parts[partOf(key)]?.get(key);
  const has = (key: string) => parts[partOf(key)]?.has(key) === true;
  return {
    get size() {
      return size;
    },
    get,
    set(key, value) {
      if (!has(key)) size++;
      writable(key).set(key, value);
    },
    delete(key) {
      if (!has(key)) return;
      size--;
      writable(key).delete(key);
    },
    snapshot() {
      last ??= snapshotOf(parts, size);
      return last;
    },
  };
}

function snapshotOf<V>(parts: readonly Part<V>[], size: number): ReadonlyMap<string, V> {
  function* each<T>(of: (part: Part<V>) => Iterable<T>): MapIterator<T> {
    for (const part of parts) yield* of(part);
    return undefined;
  }
  const entries = () => each((part) => part.entries());
  const snapshot: ReadonlyMap<string, V> = {
    size,
    get: (key) => parts[partOf(key)]?.get(key),
    has: (key) => parts[partOf(key)]?.has(key) === true,
    entries,
    [Symbol.iterator]: entries,
    keys: () => each((part) => part.keys()),
    values: () => each((part) => part.values()),
    forEach(visit, self) {
      for (const [key, value] of entries()) visit.call(self, value, key, snapshot);
    },
  };
  return snapshot;
}

function partOf(key: string): number {
  let hash = 0;
  for (let at = 0; at < key.length; at++) hash = (Math.imul(hash, 31) + key.charCodeAt(at)) | 0;
  // The upper half too: the lower bits of names that end alike are alike.
  return (hash ^ (hash >>> 15)) & (PARTS - 1);
}
