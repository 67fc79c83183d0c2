/** How many replicas each cluster gets, and why. Pure; the order of clusters in the request does not count. */
import { compareText } from "../../src/kernel/compare.ts";
import { stepTowards } from "./converge.ts";
import { type Entry, entriesOf, limitText } from "./entries.ts";
import { idealSeats, type Seats, steadySeats } from "./ideal.ts";
import type { Division, ReplicaRequest, Share } from "./request.ts";
import { awardSeats } from "./seats.ts";

/**
 * Divided: the sum of what is written is `total` unless no cluster may take the rest; min, max and capacity are kept, and
 * a larger total never takes anything from anybody (by weight and by capacity). Duplicated: `total` in each cluster.
 */
export function divideReplicas(request: ReplicaRequest): Division {
  const { replicas } = request;
  if (replicas.mode === "duplicated") return duplicate(request);
  const entries = entriesOf(request);
  const steady = steadySeats(entries, replicas);
  const running = entries.some(({ current }) => current > 0);
  const converges = replicas.when.rebalance === "converge" && running;
  // Nothing runs: there is nothing to be steady about.
  const ideal = converges || !running ? idealSeats(entries, replicas) : steady;
  const step = converges ? stepTowards(entries, steady, ideal, replicas.when.maxMove ?? Number.POSITIVE_INFINITY) : undefined;
  const seats = step?.seats ?? ideal;
  const unplaced = replicas.total - seats.reduce((sum, one) => sum + one, 0);
  const pending = unplaced > 0 ? pendingSeats(entries, seats, unplaced) : [];
  const weights = entries.reduce((sum, { weight }) => sum + weight, 0);
  const shares = entries.map((entry, index): Share => {
    const result = { seats: seats[index] ?? 0, steady: steady[index] ?? 0, pending: pending[index] ?? 0 };
    explain(entry, result, { request, weights, running });
    return { cluster: entry.cluster, replicas: result.seats, pending: result.pending, why: entry.why };
  });
  return { shares: sorted(shares), unplaced, settled: (step?.left ?? 0) === 0 };
}

/** What fits nowhere is kept where only capacity is in the way, by weight. */
function pendingSeats(entries: readonly Entry[], seats: Seats, unplaced: number): Seats {
  const claims = entries.map(({ capacity, max, rank, weight }, index) => {
    const has = seats[index] ?? 0;
    return { weight, base: 0, rank, seats: has, limit: capacity === undefined ? has : Math.max(has, max) };
  });
  awardSeats(claims, unplaced);
  return claims.map((claim, index) => claim.seats - (seats[index] ?? 0));
}

interface Outcome {
  readonly seats: number;
  readonly steady: number;
  readonly pending: number;
}

interface Context {
  readonly request: ReplicaRequest;
  readonly weights: number;
  readonly running: boolean;
}

function explain(entry: Entry, { seats, steady, pending }: Outcome, { request: { replicas }, weights, running }: Context): void {
  const { why, current, lower, upper, weight } = entry;
  if (running && current > 0) why.push(`${Math.min(current, steady)} of the ${current} it has are kept`);
  const basis = replicas.by === "weight" ? `weight ${weight} of ${weights}` : `its room, ${limitText(entry)}`;
  const before = running ? Math.max(lower, Math.min(current, steady)) : lower;
  const first = running ? steady : seats;
  if (first > before) why.push(`${first - before} by ${basis}: each next replica goes to the highest share per replica`);
  else if (first < lower + 1 && weight === 0 && why.length === 0) why.push("weight 0 and no min: it gets none");
  else if (first === 0 && why.length === 0)
    why.push(`none by ${basis}: others had the higher share for every one of ${replicas.total}`);
  if (running && seats !== steady)
    why.push(
      seats > steady ? `${seats - steady} moved here, towards the ideal` : `${steady - seats} moved away, towards the ideal`,
    );
  if (seats === upper && upper > 0) why.push(`held at ${limitText(entry)}`);
  if (pending > 0) why.push(`${pending} that fit nowhere stay Pending here and show when room comes back`);
}

function duplicate({ replicas: { total }, clusters, capacity }: ReplicaRequest): Division {
  let unplaced = 0;
  const shares = clusters.map((cluster): Share => {
    const pending = Math.max(0, total - Math.max(0, capacity.get(cluster) ?? total));
    unplaced += pending;
    const why = [`duplicated: ${total} in every cluster`];
    if (pending > 0) why.push(`${pending} of them do not fit: capacity ${capacity.get(cluster)}`);
    return { cluster, replicas: total - pending, pending, why };
  });
  return { shares: sorted(shares), unplaced, settled: true };
}

function sorted(shares: readonly Share[]): readonly Share[] {
  return shares.toSorted((a, b) => compareText(a.cluster, b.cluster));
}
