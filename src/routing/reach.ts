/**
 * What a client may reach of a service, and how: which instances, with which priority, weight and health, directly or
 * through which gateway. Pure, and independent of the order in which instances are given, but for that of `decisions`.
 * Every decision carries its reason, so that `explain` and the endpoints a client gets can never differ.
 */
import type { CatalogInstance, CatalogService } from "../catalog/types.ts";
import { compareText } from "../kernel/compare.ts";
import type { Health } from "../model/health.ts";
import { type Locality, localityName } from "../model/locality.ts";
import { sourceName } from "../model/source.ts";
import type { Client } from "./client.ts";
import { NO_PREFERENCE } from "./distance.ts";
import { horizonOf, type Unit, weightsOf } from "./horizon.ts";
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
  /** One per instance, in the order given. */
  readonly decisions: readonly Decision[];
}

/** Networks do not matter, and nothing is preferred but what is near. */
const FLAT_RULES: ReachRules = { topology: FLAT, preference: NO_PREFERENCE };

export function reach(service: CatalogService, portName: string, client: Client, rules: ReachRules = FLAT_RULES): Reach {
  const judged = judgeAll({ ...rules, service, portName, client });
  const candidates = judged.flatMap(({ result }) => ("rank" in result ? [result] : []));
  const { units, losers, outdone } = horizonOf(inCatalogOrder(candidates, service), rules.spill);
  const places = placed(units, weightsOf(units));
  const placeOf = (unit: Unit): Placed => places.get(unit) ?? { priority: 0, weight: 1, divided: false };
  const verdicts = new Map<Candidate, Included>();
  for (const unit of units)
    for (const member of unit.members) verdicts.set(member, included(member, unit, placeOf(unit), verdicts.get(member)));
  const verdictOf = ({ result }: Judged): Verdict => {
    if (!("rank" in result)) return result;
    const kept = verdicts.get(result);
    if (kept !== undefined) return kept;
    return outdone.has(result) ? excluded("not-usable", outdoneBy(result)) : duplicate(result, losers.get(result));
  };
  const decisions = judged.map((one): Decision => ({ instance: one.instance, verdict: verdictOf(one) }));
  return { localities: groupByLocality(units, placeOf), decisions };
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
  const places = new Map(sources.map((source, index) => [sourceName(source), index]));
  const keyed = candidates.map((candidate) => {
    const source = sourceName(candidate.instance.source);
    return { candidate, place: places.get(source) ?? sources.length, source, id: candidate.instance.id };
  });
  keyed.sort((a, b) => a.place - b.place || compareText(a.source, b.source) || compareText(a.id, b.id));
  return keyed.map(({ candidate }) => candidate);
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

function groupByLocality(units: readonly Unit[], placeOf: (unit: Unit) => Placed): readonly LocalityGroup[] {
  const groups = new Map<string, { priority: number; locality: Locality; endpoints: Endpoint[] }>();
  for (const unit of units) {
    const { locality } = unit;
    const { priority, weight } = placeOf(unit);
    const key = `${priority} ${localityName(locality)}`;
    const group = groups.get(key) ?? { priority, locality, endpoints: [] };
    group.endpoints.push(endpointOf(unit, weight));
    groups.set(key, group);
  }
  return [...groups.values()]
    .map((group) => ({
      ...group,
      weight: group.endpoints.reduce((sum, { weight }) => sum + weight, 0),
    }))
    .sort((a, b) => a.priority - b.priority || compareText(localityName(a.locality), localityName(b.locality)));
}

function endpointOf({ address, port, health, members, gateway }: Unit, weight: number): Endpoint {
  const [{ instance, network }] = members;
  const clusters = gateway === undefined ? [instance.cluster] : [...new Set(members.map((one) => one.instance.cluster))].sort();
  return { instance, address, port, health, weight, network, gateway, instances: members.length, clusters };
}
