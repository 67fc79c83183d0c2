/** What the rollout is told: the engine's facts, with the registry's and the proxies' where a cluster is being changed. */
import { NO_KINDS, stateOf } from "../engine/view.ts";
import { addressesOf, podSets } from "../gates/pods.ts";
import type { Reading } from "../gates/reading.ts";
import { registryFacts } from "../gates/registry-facts.ts";
import { replicasAt } from "../interpret/scale.ts";
import { usersOf } from "../plan/ownership.ts";
import type { ClusterFacts, RolloutState } from "../rollout/types.ts";
import type { DriverWorkload, LiveWorkload } from "./types.ts";

/** Clusters whose gate is being judged, with the revision they should have. */
export function judgedClusters({ clusters, revision, previous }: RolloutState): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const { cluster, phase } of clusters) {
    if (phase === "Verifying") found.set(cluster, revision);
    if (previous !== null && (phase === "RollingBack" || phase === "RollbackFailed")) found.set(cluster, previous);
  }
  return found;
}

/**
 * Caches are as old as what was last heard of any of their kinds; who waits for a cluster's gate has asked it for the object
 * itself, and that counts when it is newer. Pure.
 */
export function withLive(
  facts: ReadonlyMap<string, ClusterFacts>,
  live: ReadonlyMap<string, LiveWorkload | undefined>,
  { key, kinds = NO_KINDS }: DriverWorkload,
): ReadonlyMap<string, ClusterFacts> {
  const all = new Map(facts);
  for (const [cluster, seen] of live) {
    const known = facts.get(cluster);
    if (seen?.object === undefined || !usersOf(seen.object).includes(key)) continue;
    const { observedAt } = seen;
    if (known?.reachable?.value !== true || observedAt <= (known.workload?.observedAt ?? 0)) continue;
    all.set(cluster, { ...known, workload: { observedAt, ...stateOf(seen.object, kinds) } });
  }
  return all;
}

export interface FactsInput {
  readonly workload: DriverWorkload;
  readonly judged: ReadonlyMap<string, string>;
  readonly facts: ReadonlyMap<string, ClusterFacts>;
  readonly live: ReadonlyMap<string, LiveWorkload | undefined>;
  readonly readings: readonly Reading[];
  /** Addresses of Pods that were seen here and are gone, by cluster. */
  readonly gone: ReadonlyMap<string, ReadonlySet<string>>;
}

export interface Known {
  readonly facts: ReadonlyMap<string, ClusterFacts>;
  readonly unknown: readonly string[];
}

/** Pure. A cluster that shows another revision has Pods of that one: they prove nothing of the new. */
export function withRegistry({ workload, judged, facts, live, readings, gone }: FactsInput): Known {
  const all = new Map(facts);
  const unknown: string[] = [];
  if (workload.service === undefined) return { facts: all, unknown };
  for (const [cluster, revision] of judged) {
    const seen = live.get(cluster);
    const known = facts.get(cluster);
    if (seen === undefined || known?.workload?.revision !== revision) continue;
    const found = registryFacts({
      cluster,
      revision,
      desired: replicasAt(seen.object, workload.kinds ?? NO_KINDS),
      pods: seen.object === undefined ? undefined : podSets(seen.object, seen),
      podsObservedAt: seen.observedAt,
      goneAddresses: gone.get(cluster) ?? new Set(),
      readings,
    });
    if (found.unknown !== undefined) unknown.push(`${cluster}: ${found.unknown}`);
    all.set(cluster, {
      ...known,
      ...(found.registry !== undefined && { registry: found.registry }),
      ...(found.proxies !== undefined && { proxies: found.proxies }),
    });
  }
  return { facts: all, unknown };
}

/** Which addresses Pods had that are gone by now, as far as this process saw them. An address that is used again is not gone. */
export function createAddressMemory() {
  const seen = new Map<string, Set<string>>();
  return (live: ReadonlyMap<string, LiveWorkload | undefined>): ReadonlyMap<string, ReadonlySet<string>> => {
    const gone = new Map<string, ReadonlySet<string>>();
    for (const [cluster, workload] of live) {
      if (workload === undefined) continue;
      const known = seen.get(cluster) ?? new Set<string>();
      const now = new Set(workload.pods.flatMap(addressesOf));
      for (const address of now) known.add(address);
      seen.set(cluster, known);
      gone.set(cluster, known.difference(now));
    }
    return gone;
  };
}
