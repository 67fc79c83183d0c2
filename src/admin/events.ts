/** What has happened lately, for people who watch: a bounded log with ids, followed by any number of readers. */
import type { Clock } from "../kernel/clock.ts";
import { createLatest } from "../kernel/latest.ts";

/** How many events are kept; a reader further behind is told how many it missed. */
const KEPT = 1000;

export interface BridgeEvent {
  /** Grows by one with each event. */
  readonly id: number;
  /** Wall-clock ms since the epoch. */
  readonly at: number;
  readonly type: "registry" | "catalog" | "proxy" | "config";
  /** One sentence for people. */
  readonly message: string;
  /** The same for programs. */
  readonly fields: Readonly<Record<string, unknown>>;
}

export interface EventBatch {
  readonly events: readonly BridgeEvent[];
  /** Events that were dropped before this reader took them. */
  readonly missed: number;
}

export interface EventLog {
  add(type: BridgeEvent["type"], message: string, fields: Readonly<Record<string, unknown>>): void;
  /** Everything after the id that is still kept (0: all that is kept), then what comes, until the signal aborts. */
  follow(afterId: number, signal: AbortSignal): AsyncIterable<EventBatch>;
}

export function createEventLog(clock: Clock): EventLog {
  let kept: BridgeEvent[] = [];
  let lastId = 0;
  const readers = new Set<() => void>();

  const after = (id: number): EventBatch => {
    const events = kept.filter((event) => event.id > id);
    const first = events[0]?.id ?? lastId + 1;
    return { events, missed: Math.max(0, first - id - 1) };
  };

  return {
    add(type, message, fields) {
      kept.push({ id: ++lastId, at: clock.now(), type, message, fields });
      // Cut in steps, so that a full log does not cost a copy for every event.
      if (kept.length > 2 * KEPT) kept = kept.slice(-KEPT);
      for (const wake of readers) wake();
    },
    async *follow(afterId, signal) {
      const bell = createLatest<true>();
      const wake = () => bell.push(true);
      const end = () => bell.close();
      readers.add(wake);
      signal.addEventListener("abort", end, { once: true });
      // A new reader has missed nothing; nor has one whose id is ahead of this log, being from before a restart.
      let seen = afterId === 0 || afterId > lastId ? (kept[0]?.id ?? 1) - 1 : afterId;
      try {
        if (signal.aborted) return;
        wake();
        for await (const _ of bell) {
          const batch = after(seen);
          seen = lastId;
          if (batch.events.length > 0) yield batch;
        }
      } finally {
        readers.delete(wake);
        signal.removeEventListener("abort", end);
      }
    },
  };
}
