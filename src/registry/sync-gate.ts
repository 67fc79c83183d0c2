/**
 * When the catalog may be served, pure. Nothing is sent before the sources that feed it have synced, so that a start or
 * a reconnect never empties a proxy; but one registry in trouble holds nobody up for longer than the bound.
 */
import type { SyncState } from "../catalog/types.ts";

export interface GateInput {
  /** Every registry has synced in this process. */
  readonly allSynced: boolean;
  /** Every registry has synced, or is known to be unreadable while its last known state is at hand. */
  readonly allSettled: boolean;
  /** Of at least one registry nothing is known at all. */
  readonly anyBlank: boolean;
  /** The bounded wait since the start is over. */
  readonly waitOver: boolean;
}

/** Never goes back: what has been served once is served on. */
export function nextSyncState(current: SyncState, { allSynced, allSettled, anyBlank, waitOver }: GateInput): SyncState {
  if (current === "complete" || allSynced || allSettled) return "complete";
  if (!waitOver) return current;
  return anyBlank ? "partial" : "complete";
}
