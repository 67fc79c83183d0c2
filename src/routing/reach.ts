/**
 * What a client may reach of a service, and how: which instances, with which priority, weight and health. Pure, and
 * independent of the order in which instances are given, but for that of `decisions`. Every decision carries its reason,
 * so that `explain` and the endpoints a client gets can never differ.
 */
import type { CatalogInstance, CatalogService } from "../catalog/types.ts";
import { compareText } from "../kernel/compare.ts";
import { type Health, isUsable } from "../model/health.ts";
import { type Locality, localityName } from "../model/locality.ts";
import { sourceName } from "../model/source.ts";
import type { Client } from "./client.ts";
import { boundedWeights } from "./weights.ts";

export type ExclusionReason = "no-such-port" | "other-network" | "duplicate-address" | "not-usable";

export type Verdict =
  | { readonly kind: "excluded"; readonly reason: ExclusionReason; readonly message: string }
  | {
      readonly kind: "included";
      readonly port: number;
      /** As the client is told: a held instance is degraded. */
      readonly health: Health;
      /** 0 is tried first; without gaps. */
      readonly priority: number;
      readonly locality: Locality;
      /** The instance's own, unless those of its priority together exceed the protocol's bound. */
      readonly weight: number;
      readonly notes: readonly string[];
    };

type Excluded = Extract<Verdict, { readonly kind: "excluded" }>;
type Included = Extract<Verdict, { readonly kind: "included" }>;

export interface Decision {
  readonly instance: CatalogInstance;
  readonly verdict: Verdict;
}

export interface Endpoint {
  readonly instance: CatalogInstance;
  readonly address: string;
  readonly port: number;
  readonly health: Health;
  readonly weight: number;
}

/** Endpoints of one locality at one priority; the pair is unique in a Reach. */
export interface LocalityGroup {
  readonly priority: number;
  readonly locality: Locality;
  /** Sum of the endpoints' weights: a locality gets load as its endpoints would. */
  readonly weight: number;
  /** In the catalog's order: by registry, source, id. */
  readonly endpoints: readonly Endpoint[];
}

export interface Reach {
  /** Sorted by priority, then locality. The weights of a priority add up to at most 2^32-1. */
  readonly localities: readonly LocalityGroup[];
  /** One per instance, in the order given. */
  readonly decisions: readonly Decision[];
}

/** How far away: ranks before they are compacted into priorities. */
const RANK = { sameZone: 0, sameRegion: 1, sameCluster: 2, elsewhere: 3 } as const;
type Distance = keyof typeof RANK;

const DISTANCE_NOTE: Readonly<Record<Distance, string>> = {
  sameZone: "in the client's zone",
  sameRegion: "in the client's region, not known to be in its zone",
  sameCluster: "in the client's cluster, in another region or without one",
  elsewhere: "in another cluster and region",
};

/** How well an instance is spoken of. Held is no better than degraded: both are for when nothing else is left. */
const STANDING = { usable: 0, lastResort: 1, notUsable: 2 } as const;
type Standing = (typeof STANDING)[keyof typeof STANDING];

/** gRPC clients know no DEGRADED: what is degraded or held gets a rank after everything else. */
const LAST_RESORT = 10;

interface Candidate {
  readonly instance: CatalogInstance;
  readonly port: number;
  readonly health: Health;
  readonly rank: number;
  readonly standing: Standing;
  readonly notes: readonly string[];
}

export function reach(service: CatalogService, portName: string, client: Client): Reach {
  const judged = service.instances.map((instance) => ({ instance, result: judge(instance, portName, client) }));
  const candidates = judged.flatMap(({ result }) => ("rank" in result ? [result] : []));
  const ordered = inCatalogOrder(candidates, service);
  const winners = winnersByAddress(ordered);
  const chosen = ordered.filter((candidate) => winners.get(addressKey(candidate)) === candidate);
  const ranks = [...new Set(chosen.map(({ rank }) => rank))].sort((a, b) => a - b);
  const weights = weightsOf(chosen, ranks);
  const included = (candidate: Candidate): Included => {
    const { instance, port, health, rank } = candidate;
    const weight = weights.get(candidate) ?? instance.weight;
    const scaled =
      weight === instance.weight ? [] : [`its weight ${instance.weight} is sent as ${weight}: all together exceed the bound`];
    const notes = [...candidate.notes, ...scaled];
    return { kind: "included", port, health, priority: ranks.indexOf(rank), locality: instance.locality, weight, notes };
  };
  const verdicts = new Map(chosen.map((candidate) => [candidate, included(candidate)]));
  const decisions = judged.map(({ instance, result }): Decision => {
    if (!("rank" in result)) return { instance, verdict: result };
    return { instance, verdict: verdicts.get(result) ?? duplicate(result, winners.get(addressKey(result))) };
  });
  return { localities: groupByLocality(verdicts), decisions };
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

/** The weights that are not the instances' own, because those of a priority together exceed the protocol's bound. */
function weightsOf(chosen: readonly Candidate[], ranks: readonly number[]): ReadonlyMap<Candidate, number> {
  const weights = new Map<Candidate, number>();
  for (const rank of ranks) {
    const peers = chosen.filter((candidate) => candidate.rank === rank);
    const own = peers.map(({ instance }) => instance.weight);
    const bounded = boundedWeights(own);
    if (bounded !== own) for (const [index, peer] of peers.entries()) weights.set(peer, bounded[index] ?? 1);
  }
  return weights;
}

function judge(instance: CatalogInstance, portName: string, client: Client): Candidate | Excluded {
  const port = Object.hasOwn(instance.ports, portName) ? instance.ports[portName] : undefined;
  if (port === undefined) return excluded("no-such-port", `it has no port called ${portName}`);
  if (instance.network !== client.network) {
    return excluded(
      "other-network",
      `it is on network ${instance.network}, the client on ${client.network}, and no gateway joins them`,
    );
  }
  const notes: string[] = [];
  const distance = distanceOf(instance, client);
  if (distance !== undefined) notes.push(DISTANCE_NOTE[distance]);
  if (instance.hold !== undefined) notes.push(`held (${instance.hold.reason}): its registry no longer names it, without proof`);
  const degraded = isUsable(instance.health) && (instance.hold !== undefined || instance.health === "degraded");
  const standing = isUsable(instance.health) ? (degraded ? STANDING.lastResort : STANDING.usable) : STANDING.notUsable;
  const rank = distance === undefined ? 0 : RANK[distance];
  if (client.role !== "grpc") return { instance, port, health: degraded ? "degraded" : instance.health, rank, standing, notes };
  if (!isUsable(instance.health))
    return excluded("not-usable", `it is ${instance.health}, and gRPC clients are told of usable instances only`);
  if (!degraded) return { instance, port, health: instance.health, rank, standing, notes };
  return {
    instance,
    port,
    health: "healthy",
    rank: rank + LAST_RESORT,
    standing,
    notes: [...notes, "after all others, since gRPC knows no DEGRADED"],
  };
}

/**
 * Undefined for a client that does not say where it is: then nothing is nearer than anything else. Not to know one's zone
 * is no zone that two could share.
 */
function distanceOf({ locality, cluster }: CatalogInstance, client: Client): Distance | undefined {
  const { region, zone } = client.locality;
  if (region === "" && zone === "") return undefined;
  if (zone !== "" && locality.region === region && locality.zone === zone) return "sameZone";
  if (region !== "" && locality.region === region) return "sameRegion";
  return cluster === client.cluster ? "sameCluster" : "elsewhere";
}

/**
 * Envoy keeps the first of two hosts with one address and drops the other without a word, and gRPC refuses both: so one
 * is chosen here. Two records of one address are one running copy that two sources speak of, so the best that is said of
 * its health counts; then the nearer one, then the catalog's order.
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
  return standing * 100 + rank;
}

function addressKey({ instance, port }: Candidate): string {
  return `${instance.address} ${port}`;
}

function duplicate({ instance, port }: Candidate, winner: Candidate | undefined): Verdict {
  const other = winner === undefined ? "another" : `${winner.instance.id} of ${winner.instance.source.registry}`;
  return excluded("duplicate-address", `${other} has the same address ${instance.address} port ${port}`);
}

function groupByLocality(verdicts: ReadonlyMap<Candidate, Included>): readonly LocalityGroup[] {
  const groups = new Map<string, { priority: number; locality: Locality; endpoints: Endpoint[] }>();
  for (const [{ instance }, { priority, locality, port, health, weight }] of verdicts) {
    const key = `${priority} ${localityName(locality)}`;
    const group = groups.get(key) ?? { priority, locality, endpoints: [] };
    group.endpoints.push({ instance, address: instance.address, port, health, weight });
    groups.set(key, group);
  }
  return [...groups.values()]
    .map((group) => ({
      ...group,
      weight: group.endpoints.reduce((sum, { weight }) => sum + weight, 0),
    }))
    .sort((a, b) => a.priority - b.priority || compareText(localityName(a.locality), localityName(b.locality)));
}

function excluded(reason: ExclusionReason, message: string): Excluded {
  return { kind: "excluded", reason, message };
}
