/** What a heartbeat says is still meant (xDS protocol, "Resource TTL"). Pure. */
import type { Resource, TypeTable } from "../types.ts";
import { wholeOf } from "./parts.ts";
import { wants } from "./subscription.ts";
import type { TypeState } from "./type-state.ts";

/** What the client has and nothing newer is due of. */
export function keptNow(state: TypeState, table: TypeTable): readonly Resource[] {
  if (state.full) return [];
  const { subscription, dirty, owed, sentSeq } = state;
  return table
    .all()
    .filter(({ name }) => wants(subscription, name) && !dirty.has(name) && !owed.has(name) && table.changedAt(name) <= sentSeq);
}

/** The same for state of the world: all that the client was sent, or nothing while something newer is due, which renews it too. */
export function wholeKept(state: TypeState, table: TypeTable): readonly Resource[] {
  const { full, owed, dirty, waiting, sentSeq } = state;
  const due = full || owed.size > 0 || sentSeq !== table.seq || [...dirty].some((name) => !waiting.has(name));
  return due ? [] : wholeOf(state, table, waiting);
}
