/** Two ways to fill seats: afresh, as if nothing ran, and steadily, moving only what must. Pure. */
import type { Replicas } from "../api/schema/replicas.ts";
import type { Entry } from "./entries.ts";
import { awardSeats, type Claim } from "./seats.ts";

/** Seats of each entry, in the entries' order. */
export type Seats = readonly number[];

/** The division as if nothing ran: the ideal that `converge` goes towards. */
export function idealSeats(entries: readonly Entry[], { by, total }: Replicas): Seats {
  const allowed = by === "aggregated" ? fewestFor(entries, total, 0) : undefined;
  const claims = entries.map((entry) => {
    const closed = entry.weight === 0 || allowed?.has(entry) === false;
    const weight = by === "weight" ? entry.weight : finite(entry.upper);
    return claim(entry, weight, entry.lower, closed ? entry.lower : entry.upper);
  });
  return fill(claims, total);
}

/**
 * Starts from what runs, within the bounds, and then either only adds or only takes away. By weight the difference goes
 * where it brings the shares nearest to the weights; else what is added goes by free room, what is taken by what each has.
 */
export function steadySeats(entries: readonly Entry[], { by, total }: Replicas): Seats {
  // A weight of 0 says: no more than min.
  const start = entries.map((entry) =>
    Math.max(entry.lower, Math.min(entry.current, entry.weight === 0 ? entry.lower : entry.upper)),
  );
  const held = start.reduce((sum, seats) => sum + seats, 0);
  if (held > total) return shrink(entries, start, { by, total });
  const allowed = by === "aggregated" ? fewestFor(entries, total, 1) : undefined;
  const claims = entries.map((entry, index) => {
    const seats = start[index] ?? 0;
    const closed = entry.weight === 0 || allowed?.has(entry) === false;
    const free = Math.max(0, finite(entry.upper) - seats);
    const one = claim(entry, by === "weight" ? entry.weight : free, seats, closed ? seats : entry.upper);
    return by === "weight" ? one : { ...one, base: seats };
  });
  return fill(claims, total);
}

/** Keeps the seats with the highest quotients: nobody gains, and nobody falls below the lower bound. */
function shrink(entries: readonly Entry[], start: Seats, { by, total }: Pick<Replicas, "by" | "total">): Seats {
  const claims = entries.map((entry, index) => {
    const had = start[index] ?? 0;
    return claim(entry, by === "weight" ? entry.weight : had, entry.lower, had);
  });
  return fill(claims, total);
}

function fill(claims: readonly Claim[], total: number): Seats {
  awardSeats(claims, Math.max(0, total - claims.reduce((sum, { seats }) => sum + seats, 0)));
  return claims.map(({ seats }) => seats);
}

function claim({ rank }: Entry, weight: number, seats: number, limit: number): Claim {
  return { weight, base: 0, limit: Math.max(seats, limit), rank, seats };
}

/** Only ever asked where a missing capacity has become a number; a `max` without capacity stays unbounded by weight alone. */
function finite(upper: number): number {
  return Number.isFinite(upper) ? upper : 0;
}

/**
 * As few clusters as hold the total: those with a min first, then those in use (unless `used` is 0), then the roomiest.
 * All of them when even they do not hold it.
 */
function fewestFor(entries: readonly Entry[], total: number, used: 0 | 1): ReadonlySet<Entry> {
  const inUse = ({ current }: Entry) => (current > 0 ? used : 0);
  const order = entries
    .filter(({ weight, lower }) => weight > 0 || lower > 0)
    .sort((a, b) => Number(b.lower > 0) - Number(a.lower > 0) || inUse(b) - inUse(a) || b.upper - a.upper || a.rank - b.rank);
  const taken = new Set<Entry>();
  let room = 0;
  for (const entry of order) {
    if (room >= total && entry.lower === 0) break;
    taken.add(entry);
    room += entry.weight === 0 ? entry.lower : entry.upper;
  }
  return taken;
}
