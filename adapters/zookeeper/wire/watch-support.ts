/** Remembers which servers do not know recursive watches, for asking costs a connection with those before 3.6. */
import type { Clock } from "../../../src/kernel/clock.ts";

/** So that a server that was upgraded is asked again. */
const REMEMBER_MS = 3_600_000;
/** A connection may end for other reasons while the question is under way; not so often in a row. */
const CLOSED_IN_A_ROW = 2;

export interface WatchSupport {
  mayAsk(address: string): boolean;
  knows(address: string): void;
  lacks(address: string): void;
  /** It closed the connection instead of an answer. */
  closed(address: string): void;
}

export function createWatchSupport(clock: Clock): WatchSupport {
  const lackingUntil = new Map<string, number>();
  const closes = new Map<string, number>();
  const lacks = (address: string) => {
    closes.delete(address);
    lackingUntil.set(address, clock.monotonic() + REMEMBER_MS);
  };
  return {
    mayAsk: (address) => clock.monotonic() >= (lackingUntil.get(address) ?? 0),
    knows(address) {
      closes.delete(address);
      lackingUntil.delete(address);
    },
    lacks,
    closed(address) {
      const count = (closes.get(address) ?? 0) + 1;
      closes.set(address, count);
      if (count >= CLOSED_IN_A_ROW) lacks(address);
    },
  };
}
