/**
 * Split horizon: from candidates to what is dialled. An instance of the client's network is dialled itself; those of
 * another network are dialled as their network's gateways, one endpoint an address, however many stand behind it:
 * Envoy keeps the first of two hosts with one address and drops the other without a word. Pure.
 */
import type { Health } from "../model/health.ts";
import type { Locality } from "../model/locality.ts";
import { type Candidate, MAX_RANK, SPARE, STANDING } from "./judge.ts";
import type { GatewayAddress } from "./topology.ts";
import { boundedWeights } from "./weights.ts";

/** Something with an address of its own, before ranks become priorities. */
export interface Unit {
  readonly address: string;
  readonly port: number;
  readonly health: Health;
  readonly rank: number;
  /** Of what is behind a gateway: that of the nearest of it. */
  readonly locality: Locality;
  /** Whom it stands for, the nearest first: one, or those behind a gateway that count. */
  readonly members: readonly [Candidate, ...Candidate[]];
  readonly gateway: GatewayAddress | undefined;
  /**
   * How much of its load it is to take, above 0 and at most 1. Less than 1 only for gateways: while one comes back, and
   * when of those behind it too few are usable.
   */
  readonly share: number;
}

export interface Horizon {
  readonly units: readonly Unit[];
  /** Candidates that speak of the same running copy as another: who speaks for it. */
  readonly losers: ReadonlyMap<Candidate, Candidate>;
  /** Candidates that do not count, because behind the same gateway there are better ones. */
  readonly outdone: ReadonlySet<Candidate>;
}

/**
 * `ordered`: in the catalog's order, which decides between equals. `spill`: the least usable share of what is behind a
 * gateway, times this, at which it still takes all of its load; as Envoy's overprovisioning factor. Default: however little it is.
 */
export function horizonOf(ordered: readonly Candidate[], spill = Number.POSITIVE_INFINITY): Horizon {
  if (areApart(ordered)) return { units: ordered.map(direct), losers: new Map(), outdone: new Set() };
  const winners = winnersByAddress(ordered);
  const losers = new Map<Candidate, Candidate>();
  const units: Unit[] = [];
  const remote: Candidate[] = [];
  for (const candidate of ordered) {
    const winner = winners.get(addressKey(candidate));
    if (winner !== undefined && winner !== candidate) losers.set(candidate, winner);
    else if (candidate.gateways.length > 0) remote.push(candidate);
    else units.push(direct(candidate));
  }
  if (remote.length === 0) return { units, losers, outdone: new Set() };
  return { units: [...units, ...gatewayUnits(remote, { winners, losers, spill })], losers, outdone: outdoneOf(remote, losers) };
}

/** The commonest by far: all of them are dialled themselves, and no two have one address. */
function areApart(candidates: readonly Candidate[]): boolean {
  const addresses = new Set<string>();
  for (const { instance, gateways } of candidates) {
    if (gateways.length > 0) return false;
    addresses.add(instance.address);
  }
  return addresses.size === candidates.length;
}

function direct(candidate: Candidate): Unit {
  const { instance, port, health, rank } = candidate;
  return {
    address: instance.address,
    port,
    health,
    rank,
    locality: instance.locality,
    members: [candidate],
    gateway: undefined,
    share: 1,
  };
}

interface Claims {
  readonly winners: ReadonlyMap<string, Candidate>;
  readonly losers: Map<Candidate, Candidate>;
  readonly spill: number;
}

function gatewayUnits(remote: readonly Candidate[], { winners, losers, spill }: Claims): readonly Unit[] {
  const best = bestStandings(remote);
  const named = namedBy(remote);
  const byGateway = new Map<string, { gateway: GatewayAddress; members: Candidate[]; all: number }>();
  for (const candidate of remote) {
    for (const gateway of candidate.gateways) {
      const key = `${gateway.address} ${gateway.port}`;
      const taken = winners.get(key);
      // The client dials that very address as an instance already.
      const speaker = named.get(key) ?? candidate;
      if (taken !== undefined) losers.set(candidate, taken);
      else if (nameOf(speaker) !== nameOf(candidate)) {
        if (!hasOther(candidate, key, named)) losers.set(candidate, speaker);
      } else {
        const known = byGateway.get(key) ?? { gateway, members: [], all: 0 };
        byGateway.set(key, known);
        known.all += candidate.instance.weight;
        if (candidate.standing === best.get(key)) known.members.push(candidate);
      }
    }
  }
  const spare = spareUnits(remote, (key) => byGateway.has(key) || winners.has(key));
  const units = [...byGateway.values()].flatMap(({ gateway, members, all }): readonly Unit[] => {
    const [nearest, ...rest] = members.toSorted((a, b) => a.rank - b.rank);
    if (nearest === undefined) return [];
    const { address, port } = gateway;
    const { rank, health, instance } = nearest;
    const said = nearest.standing === STANDING.usable ? "healthy" : health;
    const usable = members.reduce((sum, one) => sum + one.instance.weight, 0);
    const ready = nearest.standing === STANDING.usable ? Math.min(1, (usable / all) * spill) : 1;
    const share = ready * (gateway.standing?.kind === "ramp" ? gateway.standing.share : 1);
    return [{ address, port, health: said, rank, locality: instance.locality, members: [nearest, ...rest], gateway, share }];
  });
  return [...units, ...spare];
}

/** Whose name a connection to each gateway bears: an address is one endpoint, and says one name. The best and nearest has it. */
function namedBy(remote: readonly Candidate[]): ReadonlyMap<string, Candidate> {
  const named = new Map<string, Candidate>();
  for (const candidate of remote)
    for (const { address, port } of candidate.gateways) {
      const key = `${address} ${port}`;
      const known = named.get(key);
      if (known === undefined || preference(candidate) < preference(known)) named.set(key, candidate);
    }
  return named;
}

/** Services that one is made of are told apart by their gateways by name. */
function nameOf({ instance: { origin } }: Candidate): string {
  return origin === undefined ? "" : `${origin.key.namespace}/${origin.key.name} ${origin.cluster ?? ""}`;
}

/** Whether one of its further gateways leads to it by its own name. */
function hasOther(candidate: Candidate, key: string, named: ReadonlyMap<string, Candidate>): boolean {
  return candidate.gateways.some(({ address, port }) => {
    const other = `${address} ${port}`;
    const speaker = named.get(other);
    return other !== key && speaker !== undefined && nameOf(speaker) === nameOf(candidate);
  });
}

/** Lost gateways of what has others: last of all, and DEGRADED. */
function spareUnits(remote: readonly Candidate[], isTaken: (key: string) => boolean): readonly Unit[] {
  const units = new Map<string, Unit>();
  for (const candidate of remote)
    for (const gateway of candidate.spare) {
      const { address, port } = gateway;
      const key = `${address} ${port}`;
      const known = units.get(key);
      const members: Unit["members"] = known === undefined ? [candidate] : [...known.members, candidate];
      const rank = SPARE + Math.min(known === undefined ? candidate.rank : known.rank - SPARE, candidate.rank);
      const { locality } = (known?.members ?? [candidate])[0].instance;
      if (!isTaken(key)) units.set(key, { address, port, health: "degraded", rank, locality, members, gateway, share: 1 });
    }
  return [...units.values()];
}

/** The best standing behind each gateway: only those who have it are counted, since it stands for them. */
function bestStandings(remote: readonly Candidate[]): ReadonlyMap<string, number> {
  const best = new Map<string, number>();
  for (const { gateways, standing } of remote)
    for (const { address, port } of gateways) {
      const key = `${address} ${port}`;
      best.set(key, Math.min(best.get(key) ?? standing, standing));
    }
  return best;
}

function outdoneOf(remote: readonly Candidate[], losers: ReadonlyMap<Candidate, Candidate>): ReadonlySet<Candidate> {
  const best = bestStandings(remote);
  const counts = ({ gateways, standing }: Candidate) =>
    gateways.some(({ address, port }) => best.get(`${address} ${port}`) === standing);
  return new Set(remote.filter((candidate) => !losers.has(candidate) && !counts(candidate)));
}

/**
 * Two records of one address are one running copy that two sources speak of, so the best that is said of its health
 * counts; then the nearer one, then the catalog's order. An address means something only within its network.
 */
function winnersByAddress(candidates: readonly Candidate[]): ReadonlyMap<string, Candidate> {
  const winners = new Map<string, Candidate>();
  for (const candidate of candidates) {
    const key = addressKey(candidate);
    const best = winners.get(key);
    if (best === undefined || preference(candidate) < preference(best)) winners.set(key, candidate);
  }
  return winners;
}

function preference({ rank, standing }: Candidate): number {
  return standing * MAX_RANK + rank;
}

function addressKey({ instance, port, gateways, network }: Candidate): string {
  const key = `${instance.address} ${port}`;
  return gateways.length === 0 ? key : `${network} ${key}`;
}

/** So many parts at most is a weight made of: beyond it shares are rounded. */
const MAX_PARTS = 5040;

/** The weights of the units of one rank: a share of load goes to each instance by its weight, whatever stands before it. */
export function weightsOf(peers: readonly Unit[]): readonly number[] {
  const parts = partsOf(peers);
  return boundedWeights(peers.map((unit) => weightIn(parts, unit)));
}

function partsOf(units: readonly Unit[]): number {
  let parts = 1;
  for (const { members } of units) for (const member of members) parts = lcm(parts, ways(member));
  return Math.min(parts, MAX_PARTS);
}

function weightIn(parts: number, { members }: Unit): number {
  let weight = 0;
  for (const one of members) weight += Math.max(1, Math.round((one.instance.weight * parts) / ways(one)));
  return weight;
}

/** Over how many addresses the load of an instance is spread. */
function ways({ gateways }: Candidate): number {
  return Math.max(1, gateways.length);
}

function lcm(a: number, b: number): number {
  if (b === 1 || a > MAX_PARTS) return a;
  let [x, y] = [a, b];
  while (y !== 0) [x, y] = [y, x % y];
  return (a / x) * b;
}
