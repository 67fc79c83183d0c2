/** When a Pod's registrations are offered, taken out and removed. Pure: time comes in as a number of monotonic ms. */

/** What is known of the Pod at a moment. */
export interface PodMoment {
  readonly ready: boolean;
  /** It is on its way out for good: SIGTERM, a request to drain, or its deletion. */
  readonly leaving: boolean;
}

/**
 * `absent`: never offered, or removed again. `offered`: clients may dial it. `taken-out`: still there and marked as not to be dialled
 * any more, so that clients that have it let go before it is removed.
 */
export type Offer =
  | { readonly type: "absent" }
  | { readonly type: "offered" }
  | { readonly type: "taken-out"; readonly until: number };

export const ABSENT: Offer = { type: "absent" };

/** What comes next. An instance that was never offered is not taken out: nobody has it. Once leaving, it never comes back. */
export function nextOffer(before: Offer, { ready, leaving }: PodMoment, now: number, drainMs: number): Offer {
  if (ready && !leaving) return { type: "offered" };
  if (before.type === "offered") return { type: "taken-out", until: now + drainMs };
  return before.type === "taken-out" && now < before.until ? before : ABSENT;
}
