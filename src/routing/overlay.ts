/** A map laid over another: what both have is the upper one's. Reads both, copies neither; neither may change any more. Pure. */
export function createOverlay<K, V>(below: ReadonlyMap<K, V>, above: ReadonlyMap<K, V>): ReadonlyMap<K, V> {
  let added = 0;
  for (const key of above.keys()) if (!below.has(key)) added++;
  function* entries(): MapIterator<[K, V]> {
    for (const [key, value] of below) yield [key, above.get(key) ?? value];
    for (const entry of above) if (!below.has(entry[0])) yield entry;
    return undefined;
  }
  function* each<T>(choose: (entry: [K, V]) => T): MapIterator<T> {
    for (const entry of entries()) yield choose(entry);
    return undefined;
  }
  const overlay: ReadonlyMap<K, V> = {
    size: below.size + added,
    has: (key) => above.has(key) || below.has(key),
    get: (key) => above.get(key) ?? below.get(key),
    entries,
    [Symbol.iterator]: entries,
    keys: () => each(([key]) => key),
    values: () => each(([, value]) => value),
    forEach(visit, self) {
      for (const [key, value] of entries()) visit.call(self, value, key, overlay);
    },
  };
  return overlay;
}
