/**
 * What a client may reach of a service, and how: which instances, with which priority, weight and health, directly or
 * through which gateway. Pure, and independent of the order in which instances are given, but for that of `decisions`.
 * Every decision carries its reason, so that `explain` and the endpoints a client gets can never differ.
 */
import type { CatalogInstance, CatalogService } from "../catalog/types.ts";
import { compareText } from "../kernel/compare.ts";
import type { Health } from "../model/health.ts";
import { isSameLocality, type Locality, localityName } from "../model/locality.ts";
import { type Source, sourceName } from "../model/source.ts";
import type { Client } from "./client.ts";
import { NO_PREFERENCE } from "./distance.ts";
import { type Horizon, horizonOf, type Unit } from "./horizon.ts";
import { type Candidate, type Excluded, excluded, type Judged, judgeAll, type ReachRules } from "./judge.ts";
import { type Placed, placed } from "./tiers.ts";
import { FLAT, type GatewayAddress } from "./topology.ts";

export type { ReachRules } from "./judge.ts";

export type Verdict = Excluded | Included;

export interface Included {
  readonly kind: "included";
  readonly port: number;
  /** As the client is told: a held instance is degraded. */
  readonly health: Health;
  /** 0 is tried first; without gaps. */
  readonly priority: number;
  readonly locality: Locality;
  /**
   * That of the endpoint, which stands for all that is behind it when it is a gateway. An instance's own, unless those of
   * its priority together exceed the protocol's bound or are divided among gateways.
   */
  readonly weight: number;
  /** The addresses it is reached by; empty: its own. */
  readonly via: readonly GatewayAddress[];
  readonly notes: readonly string[];
}

export interface Decision {
  readonly instance: CatalogInstance;
  readonly verdict: Verdict;
}

export interface Endpoint {
  /** Whom it stands for; of a gateway: the nearest of them. */
  readonly instance: CatalogInstance;
  readonly address: string;
  readonly port: number;
  readonly health: Health;
  readonly weight: number;
  /** The network it leads to. */
  readonly network: string;
  readonly gateway: GatewayAddress | undefined;
  /** How many instances it stands for. */
  readonly instances: number;
  /** The clusters they are in, sorted. */
  readonly clusters: readonly string[];
}

/** Endpoints of one locality at one priority; the pair is unique in a Reach. */
export interface LocalityGroup {
  readonly priority: number;
  readonly locality: Locality;
  /** Sum of the endpoints' weights: a locality gets load as its endpoints would. */
  readonly weight: number;
  /** In the catalog's order: by registry, source, id; gateways after instances. */
  readonly endpoints: readonly Endpoint[];
}

export interface Reach {
  /** Sorted by priority, then locality. The weights of a priority add up to at most 2^32-1. No address is in it twice. */
  readonly localities: readonly LocalityGroup[];
  /** One per instance, in the order given. Made when asked for: endpoints do without their reasons. */
  decisions(): readonly Decision[];
}

/** Networks do not matter, and nothing is preferred but what is near. */
const FLAT_RULES: ReachRules = { topology: FLAT, preference: NO_PREFERENCE };

export function reach(service: CatalogService, portName: string, client: Client, rules: ReachRules = FLAT_RULES): Reach {
  const judged = judgeAll({ ...rules, service, portName, client });
  const candidates: Candidate[] = [];
  for (const { result } of judged) if ("rank" in result) candidates.push(result);
  const horizon = horizonOf(inCatalogOrder(candidates, service), rules.spill);
  const places = placed(horizon.units);
  return {
    localities: groupByLocality(horizon.units, places),
    decisions: () => decisionsOf(judged, horizon, places),
  };
}

function decisionsOf(
  judged: readonly Judged[],
  { units, losers, outdone }: Horizon,
  places: readonly Placed[],
): readonly Decision[] {
  const verdicts = new Map<Candidate, Included>();
  for (const [at, unit] of units.entries())
    for (const member of unit.members) verdicts.set(member, included(member, unit, placeOf(places, at), verdicts.get(member)));
  const verdictOf = ({ result }: Judged): Verdict => {
    if (!("rank" in result)) return result;
    const kept = verdicts.get(result);
    if (kept !== undefined) return kept;
    return outdone.has(result) ? excluded("not-usable", outdoneBy(result)) : duplicate(result, losers.get(result));
  };
  return judged.map((one) => ({ instance: one.instance, verdict: verdictOf(one) }));
}

/** Of an instance behind several gateways the best of them counts. */
function included(
  { instance, port, notes }: Candidate,
  { health, gateway, members, share }: Unit,
  { priority, weight, divided }: Placed,
  before: Included | undefined,
): Included {
  if (before !== undefined) return before.priority <= priority ? before : { ...before, priority };
  const scaled =
    weight === instance.weight || members.length > 1 || gateway !== undefined
      ? []
      : [`its weight ${instance.weight} is sent as ${weight}, so that all together keep their shares within the bound`];
  const part = share === 1 || !divided ? [] : [`takes ${Math.round(share * 100)} % of its load, the next nearest the rest`];
  const shared = members.length > 1 ? [`the gateway stands for ${members.length} instances`] : [];
  return {
    kind: "included",
    port,
    health,
    priority,
    locality: instance.locality,
    weight,
    via: gateway === undefined ? [] : [gateway],
    notes: [...notes, ...shared, ...part, ...scaled],
  };
}

/**
 * By registry, source and id, whatever order they came in. The catalog's services are sorted so already; what follows
 * from an order (who wins an address, how an assignment is encoded) must not hang on that from afar.
 */
function inCatalogOrder(candidates: readonly Candidate[], { sources }: CatalogService): readonly Candidate[] {
  // Nearly always it is one source, and sorted: then neither names nor places have to be made.
  let places: ReadonlyMap<string, number> | undefined;
  const compareSources = (a: Source, b: Source): number => {
    places ??= new Map(sources.map((source, index) => [sourceName(source), index]));
    const [nameA, nameB] = [sourceName(a), sourceName(b)];
    return (places.get(nameA) ?? sources.length) - (places.get(nameB) ?? sources.length) || compareText(nameA, nameB);
  };
  const compare = ({ instance: a }: Candidate, { instance: b }: Candidate) =>
    (a.source === b.source ? 0 : compareSources(a.source, b.source)) || compareText(a.id, b.id);
  return candidates.toSorted(compare);
}

function duplicate({ instance, port, gateways }: Candidate, winner: Candidate | undefined): Verdict {
  const theirs = winner?.instance.origin?.key ?? undefined;
  if (winner !== undefined && gateways.length > 0 && winner.gateways.length > 0 && theirs !== instance.origin?.key) {
    const why = "an endpoint bears one name, and its gateway leads to the nearer service";
    return excluded("duplicate-address", `behind the same gateway as ${winner.instance.id}: ${why}`);
  }
  const other = winner === undefined ? "another" : `${winner.instance.id} of ${winner.instance.source.registry}`;
  return excluded("duplicate-address", `${other} has the same address ${instance.address} port ${port}`);
}

function outdoneBy({ health }: Candidate): string {
  return `it is ${health}, and the gateway stands for those behind it that are better`;
}

function groupByLocality(units: readonly Unit[], places: readonly Placed[]): readonly LocalityGroup[] {
  const groups: Group[] = [];
  const byName = new Map<string, Group>();
  units.forEach((unit, at) => {
    const { priority, weight } = placeOf(places, at);
    const group = groupOf(unit.locality, priority, groups, byName);
    group.endpoints.push(endpointOf(unit, weight));
    group.weight += weight;
  });
  return groups.sort((a, b) => a.priority - b.priority || compareText(localityName(a.locality), localityName(b.locality)));
}

interface Group extends LocalityGroup {
  weight: number;
  readonly endpoints: Endpoint[];
}

/** Among so few it is faster to look at each than to make a name to find it by. */
const FEW_GROUPS = 8;

function groupOf(locality: Locality, priority: number, groups: Group[], byName: Map<string, Group>): Group {
  const few = Math.min(groups.length, FEW_GROUPS);
  for (let at = 0; at < few; at++) {
    const group = groups[at];
    if (group !== undefined && group.priority === priority && isSameLocality(group.locality, locality)) return group;
  }
  if (few < FEW_GROUPS) return newGroup(locality, priority, groups);
  const name = `${priority} ${localityName(locality)}`;
  const group = byName.get(name) ?? newGroup(locality, priority, groups);
  byName.set(name, group);
  return group;
}

function newGroup(locality: Locality, priority: number, groups: Group[]): Group {
  const group: Group = { priority, locality, weight: 0, endpoints: [] };
  groups.push(group);
  return group;
}

function placeOf(places: readonly Placed[], at: number): Placed {
  return places[at] ?? UNPLACED;
}

const UNPLACED: Placed = { priority: 0, weight: 1, divided: false };

function endpointOf({ address, port, health, members, gateway }: Unit, weight: number): Endpoint {
  const [{ instance, network }] = members;
  const clusters = gateway === undefined ? [instance.cluster] : [...new Set(members.map((one) => one.instance.cluster))].sort();
  return { instance, address, port, health, weight, network, gateway, instances: members.length, clusters };
}
