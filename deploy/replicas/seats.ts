/**
 * Bounded Webster (Sainte-Laguë): each next seat goes to the highest weight / (2·seats + 1) among those below their
 * limit. House-monotone: with one seat more nobody has fewer. Pure, exact in integers, the same for every order of input.
 */

export interface Claim {
  /** A whole number from 0 to 10,000,000; with 0 nothing is awarded. */
  readonly weight: number;
  /** Seats that do not count for the quotient: those held before, where only what is added is shared out. */
  readonly base: number;
  /** Never more seats than this. */
  readonly limit: number;
  /** Decides between equal quotients and equal seats: the lower one is first. Different for each claim. */
  readonly rank: number;
  seats: number;
}

/** Awards up to `count` seats by raising `seats`. Returns how many could be awarded. */
export function awardSeats(claims: readonly Claim[], count: number): number {
  const open = claims.filter(({ weight, seats, limit }) => weight > 0 && seats < limit);
  let left = count;
  // One by one is exact but slow for many seats: most of them are certain and are given at once.
  if (left > 4 * open.length) left -= awardCertain(open, left);
  const heap = new SeatHeap(open.filter(({ seats, limit }) => seats < limit));
  while (left > 0) {
    const first = heap.first();
    if (first === undefined) break;
    first.seats++;
    left--;
    heap.sinkFirst();
  }
  return count - left;
}

/** Awards only seats that everybody would get in any case, and returns how many. */
function awardCertain(claims: readonly Claim[], count: number): number {
  // All seats with a quotient above `level` are awarded when there are no more of them than `count`. Rounding is
  // allowed for: two more are counted than computed, and one fewer is given.
  let high = 1;
  for (const { weight } of claims) high = Math.max(high, weight);
  let low = 0;
  high += 1;
  for (let step = 0; step < 64; step++) {
    const level = (low + high) / 2;
    let seats = 0;
    for (const claim of claims) seats += additional(claim, level, 2);
    if (seats <= count) high = level;
    else low = level;
  }
  let given = 0;
  for (const claim of claims) {
    const more = additional(claim, high, -1);
    claim.seats += more;
    given += more;
  }
  return given;
}

/** Seats of the claim with quotients above the level, beyond those it has, changed by `margin`, within its limit. */
function additional({ weight, base, seats, limit }: Claim, level: number, margin: number): number {
  const above = Math.floor((weight / level - 1) / 2) + margin;
  return Math.max(0, Math.min(limit - seats, above - (seats - base)));
}

/** True when the next seat goes to `a` rather than to `b`. Products stay below 2^53, so the comparison is exact. */
function isBefore(a: Claim, b: Claim): boolean {
  const left = a.weight * (2 * (b.seats - b.base) + 1);
  const right = b.weight * (2 * (a.seats - a.base) + 1);
  if (left !== right) return left > right;
  return a.seats === b.seats ? a.rank < b.rank : a.seats < b.seats;
}

/** A binary heap whose first is the claim that gets the next seat. */
class SeatHeap {
  readonly #items: Claim[];

  constructor(items: Claim[]) {
    this.#items = items;
    for (let index = (items.length >> 1) - 1; index >= 0; index--) this.#sink(index);
  }

  first(): Claim | undefined {
    return this.#items[0];
  }

  /** After the first one's seats were raised. */
  sinkFirst(): void {
    const first = this.#items[0];
    if (first !== undefined && first.seats >= first.limit) {
      const last = this.#items.pop();
      if (last === undefined || this.#items.length === 0) return;
      this.#items[0] = last;
    }
    this.#sink(0);
  }

  #sink(from: number): void {
    const items = this.#items;
    let index = from;
    for (;;) {
      const item = items[index];
      let child = 2 * index + 1;
      let best = items[child];
      const right = items[child + 1];
      if (item === undefined || best === undefined) return;
      if (right !== undefined && isBefore(right, best)) {
        child++;
        best = right;
      }
      if (!isBefore(best, item)) return;
      items[index] = best;
      items[child] = item;
      index = child;
    }
  }
}
