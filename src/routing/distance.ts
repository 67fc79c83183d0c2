/**
 * How far an instance is from a client: a rank, 0 the nearest, before ranks become priorities. Without a policy by zone,
 * region and cluster; `failover.order`, `failover.priorityLabels` and `affinity` of a service say otherwise. Pure.
 */
import type { CatalogInstance } from "../catalog/types.ts";
import type { Client } from "./client.ts";
import type { FailoverPolicy, ServicePolicy } from "./policy.ts";

export interface Distance {
  /** An integer below `MAX_DISTANCE`. */
  readonly rank: number;
  readonly note: string | undefined;
}

/** What of a service's policy says who is preferred. */
export interface Preference extends Pick<ServicePolicy, "failover" | "affinity"> {
  /** The instances of this cluster come first: one view of a service that is distributed over clusters. */
  readonly first?: string | undefined;
}

export const NO_PREFERENCE: Preference = { failover: undefined, affinity: undefined };

/** Each of up to three considerations is below 100. */
export const MAX_DISTANCE = 1_000_000;
const STEP = 100;
/** Above all that nearness can make, so that a service that stands in comes after all of the one it stands in for. */
const ORDER_STEP = 20_000;
const MAX_ORDER = MAX_DISTANCE / ORDER_STEP - 1;

const DISTANCE_NOTES = [
  "in the client's zone, or hinted for it",
  "in the client's region, not known to be in its zone, or hinted for another zone",
  "in the client's cluster, in another region or without one",
  "in another cluster and region",
] as const;

/** The network is the one the topology says, which may differ from the instance's own. */
export function distanceOf(instance: CatalogInstance, network: string, client: Client, preference: Preference): Distance {
  const { rank, note } = nearness(instance, network, client, preference);
  const order = Math.min(instance.origin?.order ?? 0, MAX_ORDER);
  return { rank: order * ORDER_STEP + rank, note };
}

function nearness(instance: CatalogInstance, network: string, client: Client, preference: Preference): Distance {
  const { failover, affinity, first } = preference;
  const base =
    failover === undefined || isEmpty(failover) ? byPlace(instance, client) : byOrder(instance, network, client, failover);
  if (first !== undefined) {
    const is = instance.cluster === first;
    return {
      rank: (is ? 0 : STEP * STEP) + base.rank,
      note: joined(`${is ? "in" : "not in"} the cluster ${first} of this share`, base),
    };
  }
  if (affinity === undefined) return base;
  if (affinity === "none") return { rank: 0, note: "all clusters count alike (affinity none)" };
  const own = instance.cluster === client.cluster;
  const preferred = own === (affinity === "local");
  const why = `${own ? "in" : "not in"} the client's cluster, and affinity is ${affinity}`;
  return { rank: (preferred ? 0 : STEP * STEP) + base.rank, note: joined(why, base) };
}

function isEmpty({ order, priorityLabels }: FailoverPolicy): boolean {
  return order.length === 0 && priorityLabels.length === 0;
}

function joined(note: string, base: Distance): string {
  return base.note === undefined ? note : `${note}; ${base.note}`;
}

/**
 * No note for a client that does not say where it is: then nothing is nearer than anything else. Not to know one's zone
 * is no zone that two could share.
 */
function byPlace({ locality, cluster, labels }: CatalogInstance, client: Client): Distance {
  const { region, zone } = client.locality;
  if (region === "" && zone === "") return { rank: 0, note: undefined };
  const at = (rank: 0 | 1 | 2 | 3) => ({ rank, note: DISTANCE_NOTES[rank] });
  // Complete topology hints (KEP-2433) say for which zones an instance is meant, wherever it runs.
  const hinted = labels["meshbridge.io/hint-zones"];
  if (hinted !== undefined && zone !== "") return at(hinted.split(",").includes(zone) ? 0 : 1);
  if (zone !== "" && locality.region === region && locality.zone === zone) return at(0);
  if (region !== "" && locality.region === region) return at(1);
  return at(cluster === client.cluster ? 2 : 3);
}

/** Labels count first, each only where all before it are shared; what shares as many is told apart by the order. */
function byOrder(
  instance: CatalogInstance,
  network: string,
  client: Client,
  { order, priorityLabels }: FailoverPolicy,
): Distance {
  const place = order.findIndex((word) => matchesWord(word, instance, network, client));
  const shared = sharedLabels(instance, network, client, priorityLabels);
  const rank = (priorityLabels.length - shared) * STEP + (place === -1 ? order.length : place);
  const notes = [
    ...(priorityLabels.length === 0 ? [] : [`shares ${shared} of the ${priorityLabels.length} priority labels`]),
    ...(order.length === 0
      ? []
      : [place === -1 ? "named nowhere in the failover order" : `"${order[place]}" of the failover order`]),
  ];
  return { rank, note: notes.join("; ") };
}

/** `zone`, `region` and `cluster` mean the client's own; any other word is the name of a cluster, a network or a region. */
function matchesWord(word: string, { locality, cluster }: CatalogInstance, network: string, client: Client): boolean {
  const { region, zone } = client.locality;
  if (word === "zone") return zone !== "" && locality.region === region && locality.zone === zone;
  if (word === "region") return region !== "" && locality.region === region;
  if (word === "cluster") return cluster === client.cluster;
  if (word === "network") return network === client.network;
  return word === cluster || word === network || word === locality.region;
}

/** How many of the labels, from the first on, the instance has as it should: a given value, or the client's own. */
function sharedLabels(instance: CatalogInstance, network: string, client: Client, labels: readonly string[]): number {
  const differing = labels.findIndex((label) => {
    const [key = "", value] = label.split("=", 2);
    const wanted = value ?? placeLabel(key, client.locality, client.cluster, client.network);
    const has = placeLabel(key, instance.locality, instance.cluster, network) ?? instance.labels[key];
    return wanted === undefined || wanted === "" || has !== wanted;
  });
  return differing === -1 ? labels.length : differing;
}

/** Labels that say where something is, under the names Kubernetes and Istio give them. */
function placeLabel(
  key: string,
  { region, zone, subZone }: Client["locality"],
  cluster: string,
  network: string,
): string | undefined {
  switch (key) {
    case "topology.kubernetes.io/region":
      return region;
    case "topology.kubernetes.io/zone":
      return zone;
    case "topology.istio.io/subzone":
      return subZone;
    case "topology.istio.io/cluster":
      return cluster;
    case "topology.istio.io/network":
      return network;
    default:
      return undefined;
  }
}
