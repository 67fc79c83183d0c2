/** What one peer may see of one service of the catalog, by origin. Pure. */
import type { CatalogInstance, CatalogService } from "../catalog/types.ts";
import { type Evidence, worstEvidence } from "../model/evidence.ts";
import { isUsable } from "../model/health.ts";
import type { Instance } from "../model/instance.ts";
import type { Source } from "../model/source.ts";
import { sourceName } from "../model/source.ts";
import { isExported, type LinkPolicy } from "./policy.ts";
import { type ExportedGroup, PATH_LABEL } from "./wire.ts";

/** How a registry of this bridge stands. */
export interface RegistryStanding {
  /** It is a link to another bridge: what comes from it is relayed, never passed off as our own. */
  readonly link: boolean;
  /** It has been read in this process. */
  readonly synced: boolean;
  /** It can be read at the moment. */
  readonly current: boolean;
  /** What its silence about something proves. */
  readonly evidence: Evidence;
  /**
   * Of a link: the same by origin. A relay speaks of each origin as it stands itself: in a ring of links the whole of one would
   * hang on the whole of the next, and one doubt would go round for ever.
   */
  readonly origins?: ReadonlyMap<string, Pick<RegistryStanding, "current" | "evidence">>;
}

/** How one origin stands with a registry. */
function standingAs(standing: RegistryStanding, origin: string): Pick<RegistryStanding, "current" | "evidence"> {
  return standing.origins?.get(origin) ?? standing;
}

export interface ExportContext {
  /** Our own cluster's name. */
  readonly cluster: string;
  readonly peer: string;
  readonly policy: LinkPolicy;
  readonly registries: ReadonlyMap<string, RegistryStanding>;
}

/** One group of an export, and the registries that it rests on. */
export interface Exported extends ExportedGroup {
  readonly registries: readonly string[];
}

/**
 * Own instances as one group; of each other origin those of the shortest way here. Nothing that has been at the peer, and
 * nothing that would go through more bridges than allowed: so a ring of links comes to rest and never grows.
 */
export function exportedGroups(service: CatalogService, context: ExportContext): readonly Exported[] {
  const { cluster, peer, policy, registries } = context;
  if (!isExported(policy, service.key, peer)) return [];
  // A registry that nobody knows any more is on its way out: better relayed under limits than passed off as our own.
  const isLink = ({ registry }: Source) => registries.get(registry)?.link ?? true;
  const groupOf = (path: readonly string[], instances: readonly CatalogInstance[], sources: readonly Source[]): Exported => {
    const names = [...new Set(sources.map(({ registry }) => registry))];
    return {
      path,
      group: { service: service.key, ports: service.ports, labels: service.labels, instances: instances.map(forPeer) },
      evidence: worstEvidence(standingsOf(names, path[0] ?? "", registries).map(({ evidence }) => evidence)),
      registries: names,
    };
  };
  const own = service.sources.filter((source) => !isLink(source));
  const groups: Exported[] = [];
  if (own.length > 0) {
    const local = service.instances.filter(({ source }) => !isLink(source));
    groups.push(groupOf([cluster], local, own));
  }
  for (const { path, instances, source } of waysOf(service.instances.filter((instance) => isLink(instance.source)))) {
    const whole = [...path, cluster];
    // What came back to us by a ring is our own already.
    if (whole.length > policy.hopLimit || whole.includes(peer) || path.includes(cluster)) continue;
    groups.push(groupOf(whole, instances, [source]));
  }
  return groups;
}

/** Those of the registries that are known, towards one origin. */
export function standingsOf(names: readonly string[], origin: string, registries: ExportContext["registries"]) {
  return names.flatMap((name) => {
    const standing = registries.get(name);
    return standing === undefined ? [] : [standingAs(standing, origin)];
  });
}

interface Way {
  readonly path: readonly string[];
  readonly source: Source;
  readonly instances: CatalogInstance[];
}

/** By origin, the shortest way it came; of two equally long ones the first by name. */
function waysOf(instances: readonly CatalogInstance[]): readonly Way[] {
  const ways = new Map<string, Way>();
  for (const instance of instances) {
    const path = (instance.labels[PATH_LABEL] ?? "").split(",");
    const key = `${sourceName(instance.source)} ${path.join()}`;
    const way = ways.get(key) ?? { path, source: instance.source, instances: [] };
    way.instances.push(instance);
    ways.set(key, way);
  }
  const best = new Map<string, Way>();
  for (const way of [...ways.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, one]) => one)) {
    const origin = way.path[0] ?? "";
    const known = best.get(origin);
    if (origin !== "" && (known === undefined || way.path.length < known.path.length)) best.set(origin, way);
  }
  return [...best.values()];
}

/**
 * As a peer is told: what we hold or could not confirm is degraded. Two sources may use one id, so an id carries where it
 * was seen; the label of the way is the receiver's to write.
 */
function forPeer({ source, hold, stale, ...instance }: CatalogInstance): Instance {
  const { [PATH_LABEL]: _, ...labels } = instance.labels;
  const doubted = (hold !== undefined || stale !== undefined) && isUsable(instance.health);
  return {
    ...instance,
    id: `${sourceName(source)}#${instance.id}`.slice(-512),
    labels,
    health: doubted ? "degraded" : instance.health,
  };
}
