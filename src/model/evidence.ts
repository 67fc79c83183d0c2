/** Why something is, or is no longer, in a registry's answer. Only authoritative evidence removes an endpoint. */
export const SUSPECT_REASONS = {
  "acl-filtered": "the registry said that it left out what our credentials may not see",
  "index-went-back": "the registry's index went back: it was restarted, restored or re-elected",
  "no-leader": "the registry answered without a known leader",
  "stale-read": "the registry's answer is older than the bound",
  "new-session": "the first read of a new session: the providers may not be back yet",
  "partial-read": "a part of the registry could not be read",
  "mass-drop": "too many instances left at once",
} as const;
export type SuspectReason = keyof typeof SUSPECT_REASONS;

export type Evidence =
  /** The registry answered, fully: what is missing is gone. `byOperator`: because somebody took its origin away by hand. */
  | { readonly kind: "authoritative"; readonly byOperator?: true }
  /** The registry answered, but there is a reason to doubt what is missing. What is present counts all the same. */
  | { readonly kind: "suspect"; readonly reason: SuspectReason };

export const AUTHORITATIVE: Evidence = { kind: "authoritative" };
/** What is removed so is meant, however much it is: the guard against mass removal lets it pass. */
export const BY_OPERATOR: Evidence = { kind: "authoritative", byOperator: true };

/** The doubt that weighs most; authoritative when there is none. */
export function worstEvidence(all: Iterable<Evidence>): Evidence {
  let found: Evidence = AUTHORITATIVE;
  for (const evidence of all)
    if (evidence.kind === "suspect" && (found.kind === "authoritative" || rank(evidence) < rank(found))) found = evidence;
  return found;
}

const WORST_FIRST: readonly SuspectReason[] = ["index-went-back", "new-session", "acl-filtered", "no-leader", "stale-read"];

function rank({ reason }: { readonly reason: SuspectReason }): number {
  const at = WORST_FIRST.indexOf(reason);
  return at === -1 ? WORST_FIRST.length : at;
}

export function suspect(reason: SuspectReason): Evidence {
  return { kind: "suspect", reason };
}
