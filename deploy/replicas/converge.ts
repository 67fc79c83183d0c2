/** Steps from what must be towards what should be. Pure. */
import type { Entry } from "./entries.ts";
import type { Seats } from "./ideal.ts";

export interface Step {
  readonly seats: Seats;
  /** Replicas that this step moves. */
  readonly moved: number;
  /** Replicas that would still have to move. */
  readonly left: number;
}

/** Moves at most `maxMove` replicas, from the largest surplus to the largest lack; equals by rank. */
export function stepTowards(entries: readonly Entry[], from: Seats, ideal: Seats, maxMove: number): Step {
  const gaps = entries.map(({ rank }, index) => ({ index, rank, gap: (ideal[index] ?? 0) - (from[index] ?? 0) }));
  const givers = gaps.filter(({ gap }) => gap < 0).sort((a, b) => a.gap - b.gap || a.rank - b.rank);
  const takers = gaps.filter(({ gap }) => gap > 0).sort((a, b) => b.gap - a.gap || a.rank - b.rank);
  const possible = Math.min(sum(givers), sum(takers));
  const moved = Math.min(maxMove, possible);
  const seats = [...from];
  let [out, into] = [moved, moved];
  for (const { index, gap } of givers) {
    const gives = Math.min(out, -gap);
    seats[index] = (seats[index] ?? 0) - gives;
    out -= gives;
  }
  for (const { index, gap } of takers) {
    const takes = Math.min(into, gap);
    seats[index] = (seats[index] ?? 0) + takes;
    into -= takes;
  }
  return { seats, moved, left: possible - moved };
}

function sum(gaps: readonly { readonly gap: number }[]): number {
  return gaps.reduce((total, { gap }) => total + Math.abs(gap), 0);
}
