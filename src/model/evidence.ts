/** Why something is, or is no longer, in a registry's answer. Only authoritative evidence removes an endpoint. */
export const SUSPECT_REASONS = {
  "acl-filtered": "the registry said that it left out what our credentials may not see",
  "index-went-back": "the registry's index went back: it was restarted, restored or re-elected",
  "no-leader": "the registry answered without a known leader",
  "stale-read": "the registry's answer is older than the bound",
  "new-session": "the first read of a new session: the providers may not be back yet",
  "partial-read": "a part of the registry could not be read",
  "mass-drop": "too many instances vanished at once",
} as const;
export type SuspectReason = keyof typeof SUSPECT_REASONS;

export type Evidence =
  /** The registry answered, fully: what is missing is gone. */
  | { readonly kind: "authoritative" }
  /** The registry answered, but there is a reason to doubt what is missing. What is present counts all the same. */
  | { readonly kind: "suspect"; readonly reason: SuspectReason };

export const AUTHORITATIVE: Evidence = { kind: "authoritative" };

export function suspect(reason: SuspectReason): Evidence {
  return { kind: "suspect", reason };
}
