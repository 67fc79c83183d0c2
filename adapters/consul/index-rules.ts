/**
 * What Consul's documentation of blocking queries says of the index (Blocking Queries, "Implementation Details"):
 * it may go back, after which it starts at 0 again; it must be above 0; 0 is never sent, since it does not block.
 */

export interface IndexState {
  /** The last index read; 0 before the first reply. Kept over errors, so that a reset in between is noticed. */
  readonly last: number;
  /** The index to block on; 0 means: ask without one. */
  readonly blockOn: number;
}

export const NO_INDEX: IndexState = { last: 0, blockOn: 0 };

export type IndexStep = { readonly state: IndexState; readonly wentBack: boolean } | { readonly problem: string };

/** The state after a reply with this `X-Consul-Index` header, or why the reply cannot be used. */
export function afterReply(before: IndexState, header: string | undefined): IndexStep {
  if (header === undefined) return { problem: "it has no X-Consul-Index" };
  const index = /^\d{1,16}$/.test(header) ? Number(header) : Number.NaN;
  if (!Number.isSafeInteger(index) || index <= 0) return { problem: "its X-Consul-Index is no number above 0" };
  if (index < before.last) return { state: { last: index, blockOn: 0 }, wentBack: true };
  return { state: { last: index, blockOn: index }, wentBack: false };
}

/**
 * The state after a failed request. The next one asks without an index: a server that was restarted empty would hold a
 * query on an index it has not reached until the wait is over.
 */
export function afterFailure(before: IndexState): IndexState {
  return { last: before.last, blockOn: 0 };
}
