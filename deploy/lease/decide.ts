/** Who leads, from a Lease and what was seen of it. Pure. As client-go's leader election: other machines' clocks are not believed. */
import { type JsonObject, numberAt, textAt } from "../json/value.ts";

export interface LeaseView {
  /** Empty: nobody has it. */
  readonly holder: string;
  /** Changes of holder since it was made. */
  readonly transitions: number;
  readonly durationMs: number;
  /** ms since the epoch, by the API server: when this very Lease was made. */
  readonly madeAt: number;
  readonly resourceVersion: string;
}

export function leaseView(lease: JsonObject): LeaseView {
  return {
    holder: textAt(lease, "spec", "holderIdentity") ?? "",
    transitions: numberAt(lease, "spec", "leaseTransitions") ?? 0,
    durationMs: (numberAt(lease, "spec", "leaseDurationSeconds") ?? 0) * 1000,
    madeAt: Date.parse(textAt(lease, "metadata", "creationTimestamp") ?? "") || 0,
    resourceVersion: textAt(lease, "metadata", "resourceVersion") ?? "",
  };
}

export type LeaseDecision = "take" | "renew" | { readonly waitMs: number };

/** `unchangedForMs`: by our own monotonic clock, since we first saw it as it is now. */
export function decideLease(lease: LeaseView | undefined, identity: string, unchangedForMs: number): LeaseDecision {
  if (lease === undefined || lease.holder === "") return "take";
  if (lease.holder === identity) return "renew";
  const left = lease.durationMs - unchangedForMs;
  return left <= 0 ? "take" : { waitMs: left };
}

/**
 * The fencing epoch: greater for whoever leads later. A Lease that was deleted and made anew counts from its own time on, so
 * that its epochs are above all of the one before.
 */
export function epochOf({ madeAt, transitions }: Pick<LeaseView, "madeAt" | "transitions">): number {
  return Math.floor(madeAt / 1000) * 1_000_000 + transitions;
}

export interface LeaseWrite {
  readonly name: string;
  readonly namespace: string;
  /** Empty: it is given up. */
  readonly identity: string;
  readonly durationMs: number;
  /** ms since the epoch, for people. */
  readonly now: number;
}

/** The Lease to write after what was seen of it; undefined: it is made. A change of holder is one more transition. */
export function leaseToWrite(
  before: JsonObject | undefined,
  { name, namespace, identity, durationMs, now }: LeaseWrite,
): JsonObject {
  const seen = before === undefined ? undefined : leaseView(before);
  const time = new Date(now).toISOString().replace("Z", "000Z");
  const same = seen?.holder === identity;
  return {
    apiVersion: "coordination.k8s.io/v1",
    kind: "Lease",
    metadata: { name, namespace, ...(seen !== undefined && { resourceVersion: seen.resourceVersion }) },
    spec: {
      holderIdentity: identity,
      leaseDurationSeconds: Math.max(1, Math.ceil(durationMs / 1000)),
      acquireTime: same ? (textAt(before, "spec", "acquireTime") ?? time) : time,
      renewTime: time,
      leaseTransitions: (seen?.transitions ?? 0) + (same || identity === "" ? 0 : 1),
    },
  };
}
