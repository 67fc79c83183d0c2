/** What is known of sessions beyond their connections: what they have seen, and when their server was heard last. */
import type { Clock } from "../../../src/kernel/clock.ts";
import type { Session } from "../connection.ts";

/** Grows with what a session has seen of the server's history. */
export interface SessionTrace {
  /** The last change seen; 0n: none. */
  readonly zxid: bigint;
  seen(zxid: bigint): void;
}

export interface SessionMemory {
  /** The trace to go on with: that of the session, or an empty one for a new session. */
  traceOf(session: Session | undefined): SessionTrace;
  keep(session: Session, trace: SessionTrace): void;
  heard(session: Session, at: number): void;
  /**
   * Whether the server must have forgotten the session: nothing was heard for four thirds of its timeout, as the Java client
   * reckons. Without this a server that was put back to an earlier state, and refuses whoever has seen a later one, would be
   * asked to resume for ever.
   */
  isPast(session: Session): boolean;
}

interface Entry {
  readonly trace: SessionTrace;
  readonly heardAt: number;
}

/** Forgets a session with the object that stands for it. */
export function createSessionMemory(clock: Clock): SessionMemory {
  const entries = new WeakMap<Session, Entry>();
  return {
    traceOf: (session) => (session && entries.get(session)?.trace) ?? createTrace(),
    keep(session, trace) {
      entries.set(session, { trace, heardAt: clock.monotonic() });
    },
    heard(session, heardAt) {
      const entry = entries.get(session);
      if (entry !== undefined) entries.set(session, { ...entry, heardAt });
    },
    isPast(session) {
      const entry = entries.get(session);
      return entry !== undefined && clock.monotonic() - entry.heardAt > (session.timeoutMs * 4) / 3;
    },
  };
}

function createTrace(): SessionTrace {
  let last = 0n;
  return {
    get zxid() {
      return last;
    },
    seen(zxid) {
      if (zxid > last) last = zxid;
    },
  };
}
