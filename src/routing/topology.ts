/**
 * Networks as routing sees them: which network an instance is on, through which gateways a network is entered, and what
 * may leave where it runs. Pure; addresses are resolved beforehand (`gateway-table.ts`).
 */
import ipaddr from "ipaddr.js";
import type { Instance } from "../model/instance.ts";
import type { Locality } from "../model/locality.ts";
import { type ServiceId, type ServiceKey, serviceId } from "../model/service.ts";
import type { GatewayStanding, ProbeRule } from "./gateway-health.ts";
import { matchesService } from "./match.ts";

/** Where a network is entered, as the configuration names it. */
export interface GatewayTarget {
  /** An IP literal, or a host name that has to be resolved; undefined: the instances of `service`. */
  readonly host: string | undefined;
  readonly service: { readonly key: ServiceKey; readonly port: string | number | undefined } | undefined;
  /** Port that is dialled; of a service: in place of its instances' own. */
  readonly port: number | undefined;
  /** Where it stands; the parts that are empty are unknown. */
  readonly locality: Locality;
}

export interface NetworkSpec {
  readonly name: string;
  readonly cidrs: readonly string[];
  readonly clusters: readonly string[];
  readonly registries: readonly string[];
  /** Where its connections to other networks' gateways come from; empty: from anywhere. */
  readonly egress: readonly string[];
  readonly gateways: readonly GatewayTarget[];
  /** How its gateways want services to be named. */
  readonly sni: SniDialect;
  /** How its gateways are asked whether they are there; undefined: they are not. */
  readonly probe?: ProbeRule | undefined;
}

export type SniDialect =
  | { readonly dialect: "meshbridge" }
  | { readonly dialect: "istio"; readonly clusterDomain: string }
  | { readonly dialect: "consul"; readonly datacenter: string; readonly trustDomain: string };

export interface ExportRule {
  readonly match: string;
  /** Networks or clusters; `*`: all of them. */
  readonly to: readonly string[];
  /** The service never leaves its cluster, whatever other rules say. */
  readonly local: boolean;
}

/** A gateway that can be dialled. */
export interface GatewayAddress {
  readonly address: string;
  readonly port: number;
  readonly locality: Locality;
  /** Host name or service it was found by, for people. */
  readonly name: string;
  /** What probes say of it; undefined: it is up, or nobody asks it. */
  readonly standing?: Exclude<GatewayStanding, { readonly kind: "up" }> | undefined;
}

export interface Topology {
  networkOf(instance: PlacedInstance): string;
  /** None: the network cannot be entered. */
  gatewaysOf(network: string): readonly GatewayAddress[];
  exportOf(service: ServiceKey): Export;
  /** How gateways of the network want services to be named. */
  sniOf(network: string): SniDialect;
}

/** Where a service may go beyond the cluster an instance runs in. */
export interface Export {
  /** `everywhere`: nothing is said of exports at all, so within a network nothing is held back. */
  readonly scope: "local" | "listed" | "everywhere";
  /** Networks and clusters, or `*`. */
  readonly to: ReadonlySet<string>;
}

type PlacedInstance = Pick<Instance, "address" | "cluster" | "network" | "labels"> & {
  readonly source: { readonly registry: string };
};

/** An instance that carries one of these says itself on which network it is. */
const NETWORK_LABELS = ["meshbridge.io/network", "topology.istio.io/network"] as const;

const OWN_DIALECT: SniDialect = { dialect: "meshbridge" };
const EVERYWHERE: Export = { scope: "everywhere", to: new Set() };
const LOCAL: Export = { scope: "local", to: new Set() };
const NOWHERE: Export = { scope: "listed", to: new Set() };

/** What the configuration says of networks when it says nothing. */
export const NO_NETWORKS = { networks: [], exports: undefined, mtls: undefined } as const;

/** No networks are configured: every instance is on the network its registry says, and none can be entered from outside. */
export const FLAT: Topology = {
  networkOf: ({ network }) => network,
  gatewaysOf: () => [],
  exportOf: () => EVERYWHERE,
  sniOf: () => OWN_DIALECT,
};

export interface TopologyInput {
  readonly networks: readonly NetworkSpec[];
  /** Undefined: nothing is said of exports. */
  readonly exports: readonly ExportRule[] | undefined;
  /** By network. */
  readonly gateways: ReadonlyMap<string, readonly GatewayAddress[]>;
}

/** As many answers are remembered: services come and go for as long as the process runs. */
const REMEMBERED = 200_000;

export function createTopology({ networks, exports, gateways }: TopologyInput): Topology {
  if (networks.length === 0 && exports === undefined) return FLAT;
  const ranges = networks.flatMap(({ name, cidrs }) => cidrs.map((cidr) => ({ name, range: ipaddr.parseCIDR(cidr) })));
  ranges.sort((a, b) => b.range[1] - a.range[1]);
  const known = new WeakMap<PlacedInstance, string>();
  const answers = new Map<ServiceId, Export>();

  const byAddress = (text: string): string | undefined => {
    if (ranges.length === 0) return undefined;
    const address = ipaddr.process(text);
    return ranges.find(({ range }) => address.kind() === range[0].kind() && address.match(range))?.name;
  };
  const find = (instance: PlacedInstance): string => {
    for (const label of NETWORK_LABELS) {
      const said = Object.hasOwn(instance.labels, label) ? instance.labels[label] : undefined;
      if (said) return said;
    }
    const { cluster, source } = instance;
    const named = networks.find((one) => one.clusters.includes(cluster) || one.registries.includes(source.registry));
    return byAddress(instance.address) ?? named?.name ?? instance.network;
  };
  return {
    networkOf(instance) {
      let network = known.get(instance);
      if (network === undefined) {
        network = find(instance);
        known.set(instance, network);
      }
      return network;
    },
    gatewaysOf: (network) => gateways.get(network) ?? [],
    sniOf: (network) => networks.find(({ name }) => name === network)?.sni ?? OWN_DIALECT,
    exportOf(service) {
      if (exports === undefined) return EVERYWHERE;
      const id = serviceId(service);
      let answer = answers.get(id);
      if (answer === undefined) {
        answer = exportBy(exports, service);
        if (answers.size >= REMEMBERED) answers.clear();
        answers.set(id, answer);
      }
      return answer;
    },
  };
}

/** All rules that match count together; `local` beats them all. */
function exportBy(rules: readonly ExportRule[], service: ServiceKey): Export {
  const matching = rules.filter(({ match }) => matchesService(match, service));
  if (matching.length === 0) return NOWHERE;
  if (matching.some(({ local }) => local)) return LOCAL;
  return { scope: "listed", to: new Set(matching.flatMap(({ to }) => to)) };
}

/** Where somebody or something is. */
export interface Place {
  readonly cluster: string;
  readonly network: string;
}

/**
 * Why what runs at `from` may not be told to who is at `to`; undefined: it may. Within a cluster everything is. To
 * another network nothing goes without an export, whether or not the configuration speaks of exports.
 */
export function exportProblem({ scope, to: listed }: Export, from: Place, to: Place): string | undefined {
  if (from.cluster === to.cluster && from.network === to.network) return undefined;
  if (scope === "local") return `its service has scope local, so it stays in ${placeName(from)}`;
  if (scope === "everywhere")
    return from.network === to.network ? undefined : `it is on network ${from.network}, and no export rule lets it leave`;
  if (listed.has("*") || listed.has(to.network) || listed.has(to.cluster)) return undefined;
  return `no export rule lets it leave ${placeName(from)} for ${placeName(to)}`;
}

function placeName({ cluster, network }: Place): string {
  return `cluster ${cluster} (network ${network})`;
}
