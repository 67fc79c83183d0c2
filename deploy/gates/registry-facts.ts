/** The registry's and the proxies' part of what is known of a cluster, from the Pods there and what the bridges say. Pure. */
import type { JsonObject } from "../json/value.ts";
import type { ClusterFacts } from "../rollout/types.ts";
import { addressesOf, type PodSets } from "./pods.ts";
import type { ReadInstance, Reading, ServiceReading } from "./reading.ts";

export interface RegistryFactsInput {
  readonly cluster: string;
  readonly revision: string;
  /** Undefined when the workload says nothing of replicas. */
  readonly desired: number | undefined;
  /** Undefined: it cannot be told which Pods are new. */
  readonly pods: PodSets | undefined;
  /** When the Pods were read. */
  readonly podsObservedAt: number;
  /** Addresses of Pods that were seen here before and are gone: what is still registered of them is old. */
  readonly goneAddresses: ReadonlySet<string>;
  /** One for each bridge. */
  readonly readings: readonly Reading[];
}

export type RegistryFacts = Pick<ClusterFacts, "registry" | "proxies"> & {
  /** Why there is no fact. */
  readonly unknown?: string;
};

/** Every bridge must say so: the fewest passing of any, the most old of any, all clients of all. */
export function registryFacts(input: RegistryFactsInput): RegistryFacts {
  const { pods, readings, revision } = input;
  const silent = readings.find((one) => "unknown" in one);
  if (silent !== undefined && "unknown" in silent) return { unknown: silent.unknown };
  const known = readings.filter((one): one is ServiceReading => !("unknown" in one));
  if (known.length === 0) return { unknown: "no bridge is asked" };
  const bridgesAt = Math.min(...known.map(({ observedAt }) => observedAt));
  const clients = known.reduce((sum, one) => sum + one.clients.length, 0);
  const acked = known.reduce((sum, one) => sum + one.acked.length, 0);
  const proxies = { observedAt: bridgesAt, revision, gateways: clients, acked };
  if (pods === undefined) return { proxies, unknown: "it cannot be told which Pods are new" };
  const counts = known.map((reading) => countIn(reading, input, pods));
  const registry = {
    observedAt: Math.min(bridgesAt, input.podsObservedAt),
    revision,
    expected: Math.max(pods.new.length, input.desired ?? 0),
    passing: Math.min(...counts.map(({ passing }) => passing)),
    critical: Math.max(...counts.map(({ critical }) => critical)),
    old: Math.max(...counts.map(({ old }) => old)),
  };
  return { registry, proxies };
}

const FAILING = new Set(["unhealthy", "timeout", "draining"]);

function countIn(reading: ServiceReading, { cluster, goneAddresses }: RegistryFactsInput, pods: PodSets) {
  const byAddress = Map.groupBy(reading.instances, ({ address }) => address);
  const of = (pod: JsonObject) => addressesOf(pod).flatMap((address) => byAddress.get(address) ?? []);
  const isPassing = (instances: readonly ReadInstance[]) =>
    instances.length > 0 && instances.every(({ health }) => health === "healthy");
  const isCritical = (instances: readonly ReadInstance[]) => instances.some(({ health }) => FAILING.has(health));
  const newest = pods.new.map(of);
  const newAddresses = new Set(pods.new.flatMap(addressesOf));
  const oldAddresses = new Set(pods.old.flatMap(addressesOf));
  // An instance that nobody can confirm may be a ghost: it passes nothing, and it has not left.
  const old = [...reading.instances, ...reading.doubtful].filter(
    ({ address, cluster: where }) =>
      !newAddresses.has(address) && (oldAddresses.has(address) || goneAddresses.has(address) || where === cluster),
  );
  return { passing: newest.filter(isPassing).length, critical: newest.filter(isCritical).length, old: old.length };
}
