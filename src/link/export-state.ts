/**
 * What one peer has been told on one stream, and what it must be told next. Level-triggered: the newest state of each
 * group, then a marker that says "this is all" with a digest over it, so that the peer can prove it missed nothing. Pure.
 */
import type { CatalogService } from "../catalog/types.ts";
import type { Synced, WatchResponse } from "../gen/meshbridge/link/v1/link.ts";
import { BY_OPERATOR, type Evidence, suspect, worstEvidence } from "../model/evidence.ts";
import type { ServiceId, ServiceKey } from "../model/service.ts";
import { type ExportContext, type Exported, exportedGroups, standingsOf } from "./exported.ts";
import { isExported } from "./policy.ts";
import { digestOf, doubtText, encodeGroup, groupKey, toggleDigest } from "./wire.ts";

export interface ExportState {
  /** What the peer must be told about these services now. */
  update(ids: Iterable<ServiceId>, services: ReadonlyMap<ServiceId, CatalogService>, context: ExportContext): WatchResponse[];
  /** Every service that the peer was told of. */
  known(): Iterable<ServiceId>;
  /** "This is all", as things stand now. */
  marker(context: ExportContext): Synced;
}

interface Told {
  readonly key: ServiceKey;
  readonly origin: string;
  readonly digest: Buffer;
  readonly registries: readonly string[];
}

export function createExportState(): ExportState {
  const told = new Map<ServiceId, Map<string, Told>>();
  const digest = Buffer.alloc(16);
  /** How many groups of an origin rest on a registry, so that a marker costs the same however many groups there are. */
  const rests = new Map<string, Map<string, number>>();
  let count = 0;

  const rest = ({ origin, registries }: Told, by: 1 | -1) => {
    const counts = rests.get(origin) ?? new Map<string, number>();
    rests.set(origin, counts);
    for (const name of registries) {
      const next = (counts.get(name) ?? 0) + by;
      if (next === 0) counts.delete(name);
      else counts.set(name, next);
    }
    if (counts.size === 0) rests.delete(origin);
  };

  const put = (entries: Map<string, Told>, key: string, exported: Exported): WatchResponse | undefined => {
    const wire = encodeGroup(exported);
    const before = entries.get(key);
    const next = digestOf(wire);
    if (before?.digest.equals(next)) return undefined;
    const { registries, path } = exported;
    const now: Told = { key: exported.group.service, origin: path[0] ?? "", digest: next, registries };
    if (before === undefined) count++;
    else {
      toggleDigest(digest, before.digest);
      rest(before, -1);
    }
    toggleDigest(digest, next);
    rest(now, 1);
    entries.set(key, now);
    return { message: { $case: "group", value: wire } };
  };

  const drop = (entries: Map<string, Told>, key: string, one: Told, evidence: Evidence): WatchResponse => {
    const { key: service, origin } = one;
    entries.delete(key);
    toggleDigest(digest, one.digest);
    rest(one, -1);
    count--;
    return { message: { $case: "gone" as const, value: { origin, ...service, doubt: doubtText(evidence) } } };
  };

  return {
    update(ids, services, context) {
      const messages: WatchResponse[] = [];
      for (const id of ids) {
        const service = services.get(id);
        const exported = service === undefined ? [] : exportedGroups(service, context);
        const entries = told.get(id) ?? new Map<string, Told>();
        const now = new Map(exported.map((one) => [groupKey(one.path[0] ?? "", one.group.service), one]));
        for (const [key, one] of entries) if (!now.has(key)) messages.push(drop(entries, key, one, whyGone(one, context)));
        for (const [key, one] of now) {
          const message = put(entries, key, one);
          if (message !== undefined) messages.push(message);
        }
        if (entries.size === 0) told.delete(id);
        else told.set(id, entries);
      }
      return messages;
    },
    known: () => told.keys(),
    marker(context) {
      const { registries, cluster } = context;
      const own = [...registries.values()].filter(({ link }) => !link);
      const origins = new Map<string, { current: boolean; evidence: Evidence[] }>();
      const originOf = (name: string) => {
        const known = origins.get(name) ?? { current: true, evidence: [] };
        origins.set(name, known);
        return known;
      };
      originOf(cluster).evidence.push(...own.map(({ evidence }) => evidence));
      for (const [origin, counts] of rests) {
        if (origin === cluster) continue;
        const known = originOf(origin);
        for (const standing of standingsOf([...counts.keys()], origin, registries)) {
          known.current &&= standing.current;
          known.evidence.push(standing.evidence);
        }
      }
      const all = [...registries.values()];
      return {
        groups: count,
        digest: Buffer.from(digest),
        origins: [...origins].map(([name, { current, evidence }]) => ({
          cluster: name,
          current,
          doubt: doubtText(worstEvidence(evidence)),
        })),
        complete: all.every(({ synced }) => synced),
        doubt: doubtText(worstEvidence(all.map(({ evidence }) => evidence))),
      };
    },
  };
}

/** What is no longer exported, or came from a registry that was taken out of the configuration, is meant to go. */
function whyGone({ key, origin, registries }: Told, { policy, peer, registries: standing }: ExportContext): Evidence {
  if (!isExported(policy, key, peer)) return BY_OPERATOR;
  const known = standingsOf(registries, origin, standing);
  if (known.length === 0) return BY_OPERATOR;
  return worstEvidence(known.map(({ evidence, current }) => (current ? evidence : suspect("partial-read"))));
}
