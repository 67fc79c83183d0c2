/**
 * What an asker may reach of a target: routing's own decisions, as a sidecar in that place would get them, with the addresses of
 * an ingress in the place of gateways. Computed once for a state of a service and kept with it.
 */
import type { CatalogService } from "../catalog/types.ts";
import type { TrafficPolicy } from "../routing/policy.ts";
import { type LocalityGroup, reach } from "../routing/reach.ts";
import type { GatewayAddress, Topology } from "../routing/topology.ts";
import type { Asker } from "./asker.ts";
import { type Tier, tiersOf } from "./choose.ts";
import { isCalled, type Target } from "./lookup.ts";
import type { DnsIngress } from "./spec.ts";

export interface Reachable {
  readonly localities: readonly LocalityGroup[];
  readonly tiers: readonly Tier[];
}

export interface ReachableFinder {
  /** `port`: its name; undefined: whatever ports instances have, for addresses alone. */
  find(target: Target, port: string | undefined, asker: Asker): Reachable;
}

export interface ReachableInput {
  readonly traffic: Pick<TrafficPolicy, "topology" | "policyOf">;
  readonly ingress: readonly DnsIngress[];
  readonly random: () => number;
}

/** Services are made anew by every change of theirs, so what is known of one is known as long as it is. */
export function createReachable({ traffic, ingress, random }: ReachableInput): ReachableFinder {
  const topology = withIngress(traffic.topology, ingress);
  const known = new WeakMap<CatalogService, Map<string, Reachable>>();
  return {
    find(target, port, asker) {
      const policy = traffic.policyOf(target.service.key);
      const first = policy.distribute === undefined ? undefined : shareOf(policy.distribute, random);
      const { cluster, instance, order } = target;
      const key = JSON.stringify([port, asker.key, first, cluster, instance, order]);
      const answers = known.get(target.service) ?? new Map<string, Reachable>();
      const before = answers.get(key);
      if (before !== undefined) return before;
      const service = partOf(target, port);
      const failover = order === undefined ? policy.failover : { order, priorityLabels: [] };
      const { localities } = reach(service, port ?? ANY_PORT, asker.client, {
        topology,
        preference: { failover, affinity: policy.affinity, first },
        mode: policy.gatewayMode === "none" ? "none" : "remote",
        named: true,
        spill: policy.overprovisioning / 100,
      });
      const found = { localities, tiers: tiersOf(localities, policy.overprovisioning) };
      // Asked for by name of what does not exist, a service would collect keys without end.
      if (answers.size >= MAX_KEYS) answers.clear();
      known.set(target.service, answers.set(key, found));
      return found;
    },
  };
}

const MAX_KEYS = 1000;
const ANY_PORT = "any";

/** What stands for a network to those outside it; there is no other way in for who asks by name. */
function withIngress(topology: Topology, ingress: readonly DnsIngress[]): Topology {
  const table = new Map<string, readonly GatewayAddress[]>();
  for (const { network, addresses, port } of ingress) {
    const locality = { region: "", zone: "", subZone: "" };
    const found = addresses.map((address) => ({ address, port, locality, name: address }));
    table.set(network, [...(table.get(network) ?? []), ...found]);
  }
  return { ...topology, gatewaysOf: (network) => table.get(network) ?? [] };
}

/** The cluster that this answer counts for, by the shares of `distribute`. */
function shareOf(shares: Readonly<Record<string, number>>, random: () => number): string | undefined {
  const all = Object.entries(shares).filter(([, share]) => share > 0);
  const sum = all.reduce((total, [, share]) => total + share, 0);
  let at = random() * sum;
  for (const [cluster, share] of all) {
    at -= share;
    if (at < 0) return cluster;
  }
  return all.at(-1)?.[0];
}

function partOf({ service, cluster, instance }: Target, port: string | undefined): CatalogService {
  if (cluster === undefined && instance === undefined && port !== undefined) return service;
  const instances = service.instances
    .filter((one) => (cluster === undefined || one.cluster === cluster) && (instance === undefined || isCalled(one, instance)))
    .map((one) => (port === undefined ? { ...one, ports: { [ANY_PORT]: Object.values(one.ports)[0] ?? 0 } } : one));
  return { ...service, instances };
}
