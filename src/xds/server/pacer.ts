/**
 * When streams are flushed. The first change after a quiet moment leaves at once; while changes keep coming, rounds are
 * as far apart as they are expensive, so that a busy server sends fewer and larger responses instead of falling behind.
 * A client that asks for something never waits for a round.
 */
import type { Clock } from "../../kernel/clock.ts";

/** Between two rounds there is so many times what the last one took: its answers and the registries need time as well. */
const SPARE = 7;
/**
 * But no more than so many ms. The bound is also what keeps a round from growing without end: what comes in meanwhile makes
 * the next one longer.
 */
const MAX_GAP_MS = 20;

export interface Pacer {
  /** `flush` is called in the next round, once however often it is named before. Nothing it throws is caught. */
  change(flush: () => void): void;
  /** `flush` is called at the end of this turn. */
  request(flush: () => void): void;
}

export function createPacer(clock: Clock): Pacer {
  const changed = new Set<() => void>();
  const asked = new Set<() => void>();
  let scheduled = false;
  let waiting = false;
  let nextAt = 0;

  const round = () => {
    scheduled = false;
    for (const flush of take(asked)) flush();
    if (waiting || changed.size === 0) return;
    const startedAt = clock.monotonic();
    for (const flush of take(changed)) flush();
    const endedAt = clock.monotonic();
    nextAt = endedAt + Math.min(MAX_GAP_MS, (endedAt - startedAt) * SPARE);
  };

  // One turn later: everything that one catalog change touches has then arrived.
  const schedule = () => {
    if (scheduled) return;
    scheduled = true;
    setImmediate(round);
  };

  return {
    request(flush) {
      changed.delete(flush);
      asked.add(flush);
      schedule();
    },
    change(flush) {
      if (asked.has(flush)) return;
      changed.add(flush);
      if (waiting) return;
      const wait = nextAt - clock.monotonic();
      if (wait <= 0) return schedule();
      waiting = true;
      const over = () => {
        waiting = false;
        schedule();
      };
      // Without a signal it is never rejected, and it is over in 20 ms at the latest.
      clock.sleep(wait).then(over, over);
    },
  };
}

function take(of: Set<() => void>): readonly (() => void)[] {
  const all = [...of];
  of.clear();
  return all;
}
