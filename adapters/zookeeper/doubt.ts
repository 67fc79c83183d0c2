/**
 * What a full read proves. Deterministic: monotonic times in ms come in.
 *
 * The nodes of providers live as long as the providers' own sessions. When our session was lost theirs may have been lost
 * as well, in the same outage, and a provider that is perfectly well needs a while to come back. So what a full read in a
 * *new* session does not find is held, until a provider session timeout has passed since the session began; the same is
 * true when zxids went back, since then the ensemble was restored from an older state. In a session that was resumed
 * nothing of that kind can have happened, and a full read is proof.
 *
 * The first session of a process is a new one too, unless nothing is known of the registry from before: then nothing can be
 * missing from what it reads.
 *
 * Deletions that are seen live, by a watch, are proof at any time: the server said so of that very node. Too many of them
 * at once are held by the removal protection that every registry has.
 */
import { AUTHORITATIVE, type Evidence, type SuspectReason, suspect } from "../../src/model/evidence.ts";

export interface Doubt {
  /** A session has begun, or was resumed. */
  connected(newSession: boolean, now: number): void;
  /** Something was older than it had been known. */
  wentBack(now: number): void;
  /** What a full read says of what is missing. */
  evidence(now: number): Evidence;
  /** Ms until the doubt is over; undefined: there is none. */
  endsInMs(now: number): number | undefined;
}

/** No doubt before the first session. `knownBefore`: something is known that the first session may lack. */
export function createDoubt(providerSessionTimeoutMs: number, knownBefore: boolean): Doubt {
  let known = knownBefore;
  let reason: SuspectReason = "new-session";
  let until = Number.NEGATIVE_INFINITY;
  const begin = (why: SuspectReason, now: number) => {
    reason = why;
    until = now + providerSessionTimeoutMs;
  };
  return {
    connected(newSession, now) {
      if (newSession && known) begin("new-session", now);
      known = true;
    },
    wentBack: (now) => begin("index-went-back", now),
    evidence: (now) => (now < until ? suspect(reason) : AUTHORITATIVE),
    endsInMs: (now) => (now < until ? until - now : undefined),
  };
}
