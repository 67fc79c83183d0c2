/**
 * What a client may reach of a service, and how: which instances, with which priority, weight and health. Pure, and
 * independent of the order in which instances are given. Every decision carries its reason, so that `explain` and the
 * endpoints a client gets can never differ.
 */
import type { CatalogInstance, CatalogService } from "../catalog/types.ts";
import { type Health, isUsable } from "../model/health.ts";
import { type Locality, localityName } from "../model/locality.ts";
import type { Client } from "./client.ts";

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
      readonly weight: number;
      readonly notes: readonly string[];
    };

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
  /** Sum of the endpoints' weights: a locality gets load as its endpoints would. At most 2^32-1, Envoy's bound. */
  readonly weight: number;
  readonly endpoints: readonly Endpoint[];
}

export interface Reach {
  /** Sorted by priority, then locality. */
  readonly localities: readonly LocalityGroup[];
  /** One per instance, in the catalog's order. */
  readonly decisions: readonly Decision[];
}

const MAX_WEIGHT_SUM = 2 ** 32 - 1;

/** How far away: ranks before they are compacted into priorities. */
const RANK = { sameZone: 0, sameRegion: 1, sameCluster: 2, elsewhere: 3 } as const;
type Distance = keyof typeof RANK;

const DISTANCE_NOTE: Readonly<Record<Distance, string>> = {
  sameZone: "in the client's zone",
  sameRegion: "in the client's region, in another zone",
  sameCluster: "in the client's cluster, in another region or without one",
  elsewhere: "in another cluster and region",
};

/** gRPC clients know no DEGRADED: what is degraded or held gets a rank after everything else. */
const LAST_RESORT = 10;

interface Candidate {
  readonly instance: CatalogInstance;
  readonly port: number;
  readonly health: Health;
  readonly rank: number;
  readonly notes: readonly string[];
}

export function reach(service: CatalogService, portName: string, client: Client): Reach {
  const judged = service.instances.map((instance) => ({ instance, result: judge(instance, portName, client) }));
  const candidates = judged.flatMap(({ result }) => ("rank" in result ? [result] : []));
  const winners = winnersByAddress(candidates);
  const ranks = [...new Set([...winners.values()].map(({ rank }) => rank))].sort((a, b) => a - b);
  const decisions = judged.map(({ instance, result }): Decision => {
    if (!("rank" in result)) return { instance, verdict: result };
    const winner = winners.get(addressKey(result));
    if (winner !== result) return { instance, verdict: duplicate(result, winner) };
    const { port, health, notes, rank } = result;
    const priority = ranks.indexOf(rank);
    return {
      instance,
      verdict: { kind: "included", port, health, priority, locality: instance.locality, weight: instance.weight, notes },
    };
  });
  return { localities: groupByLocality(decisions), decisions };
}

function judge(instance: CatalogInstance, portName: string, client: Client): Candidate | Extract<Verdict, { kind: "excluded" }> {
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
  const rank = distance === undefined ? 0 : RANK[distance];
  if (client.role !== "grpc") return { instance, port, health: degraded ? "degraded" : instance.health, rank, notes };
  if (!isUsable(instance.health))
    return excluded("not-usable", `it is ${instance.health}, and gRPC clients are told of usable instances only`);
  if (!degraded) return { instance, port, health: instance.health, rank, notes };
  return {
    instance,
    port,
    health: "healthy",
    rank: rank + LAST_RESORT,
    notes: [...notes, "after all others, since gRPC knows no DEGRADED"],
  };
}

/** Undefined for a client that does not say where it is: then nothing is nearer than anything else. */
function distanceOf({ locality, cluster }: CatalogInstance, client: Client): Distance | undefined {
  const { region, zone } = client.locality;
  if (region === "" && zone === "") return undefined;
  if (locality.region === region && locality.zone === zone) return "sameZone";
  if (region !== "" && locality.region === region) return "sameRegion";
  return cluster === client.cluster ? "sameCluster" : "elsewhere";
}

/**
 * Envoy keeps the first of two hosts with one address and drops the other without a word, and gRPC refuses both: so one
 * is chosen here. The nearer one wins, then the usable one, then the one that is not held, then the catalog's order.
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

function preference({ rank, health, instance }: Candidate): number {
  return rank * 4 + (isUsable(health) ? 0 : 2) + (instance.hold === undefined ? 0 : 1);
}

function addressKey({ instance, port }: Candidate): string {
  return `${instance.address} ${port}`;
}

function duplicate({ instance, port }: Candidate, winner: Candidate | undefined): Verdict {
  const other = winner === undefined ? "another" : `${winner.instance.id} of ${winner.instance.source.registry}`;
  return excluded("duplicate-address", `${other} has the same address ${instance.address} port ${port}`);
}

function groupByLocality(decisions: readonly Decision[]): readonly LocalityGroup[] {
  const groups = new Map<string, { priority: number; locality: Locality; endpoints: Endpoint[] }>();
  for (const { instance, verdict } of decisions) {
    if (verdict.kind === "excluded") continue;
    const { priority, locality, port, health, weight } = verdict;
    const key = `${priority} ${localityName(locality)}`;
    const group = groups.get(key) ?? { priority, locality, endpoints: [] };
    group.endpoints.push({ instance, address: instance.address, port, health, weight });
    groups.set(key, group);
  }
  return [...groups.values()]
    .map((group) => ({
      ...group,
      weight: Math.min(
        MAX_WEIGHT_SUM,
        group.endpoints.reduce((sum, { weight }) => sum + weight, 0),
      ),
    }))
    .sort((a, b) => a.priority - b.priority || (localityName(a.locality) < localityName(b.locality) ? -1 : 1));
}

function excluded(reason: ExclusionReason, message: string): Extract<Verdict, { kind: "excluded" }> {
  return { kind: "excluded", reason, message };
}
