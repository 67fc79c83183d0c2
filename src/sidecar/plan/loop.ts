/** Why a record may not go to a place, so that syncs in a ring carry nothing round and round. Pure. */

/** A record comes this far at most: from where it is native, to a registry, to another one. */
const MAX_HOPS = 3;

/**
 * `loop`: it has been there before, so it would meet itself. `hops`: it has come through too many places already.
 * Undefined: it may go. `origin` is the chain of places, the place itself not yet in it.
 */
export function loopOf(origin: readonly string[], place: string): "loop" | "hops" | undefined {
  if (origin.includes(place)) return "loop";
  return origin.length > MAX_HOPS ? "hops" : undefined;
}
