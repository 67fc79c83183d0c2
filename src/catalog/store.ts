/**
 * The catalog: groups in, merged services out, with a version that only grows. Readers subscribe and get the newest
 * state with a hint of what changed; a slow reader misses intermediate states, never the last one.
 */
import { isDeepStrictEqual } from "node:util";
import { createLatest } from "../kernel/latest.ts";
import { createSnapshotMap } from "../kernel/snapshot-map.ts";
import { type CompactGroup, compact } from "../model/compact.ts";
import type { Group } from "../model/group.ts";
import { isUsable } from "../model/health.ts";
import { type ServiceId, type ServiceKey, serviceId } from "../model/service.ts";
import { sourceName } from "../model/source.ts";
import { type Drain, withDrains } from "./drains.ts";
import { mergeService } from "./merge.ts";
import type { CatalogChange, CatalogService, MergeRule, SyncState } from "./types.ts";

export interface CatalogRules {
  /** Names of the registries in configuration order. */
  readonly registries: readonly string[];
  ruleOf(service: ServiceKey): MergeRule;
}

export interface CatalogStore {
  /** Takes new states of sources by source name; undefined removes the source. */
  apply(changes: ReadonlyMap<string, Group | undefined>): void;
  /** Other merge rules: every service is merged anew, and only what differs counts as changed. */
  configure(rules: CatalogRules): void;
  setSync(state: SyncState): void;
  /** The drains in force from now on. What they do not name is as its sources say. */
  setDrains(drains: readonly Drain[]): void;
  /**
   * Ids of the source's instances that a drain keeps all new traffic from. Where nothing else is left of the service, clients
   * still go there unless the drain is forced: those are not named.
   */
  drained(group: Pick<Group, "source" | "service">): ReadonlySet<string>;
  /** The state as it is now; a later change does not alter it. */
  snapshot(): { readonly version: number; readonly sync: SyncState; readonly services: ReadonlyMap<ServiceId, CatalogService> };
  /** The current state first, then the newest after each change, coalesced. Ends when the signal aborts. */
  subscribe(signal: AbortSignal): AsyncIterable<CatalogChange>;
}

export function createCatalogStore(initial: CatalogRules): CatalogStore {
  let rules = initial;
  let version = 0;
  let sync: SyncState = "waiting";
  const services = createSnapshotMap<CatalogService>();
  /** What each source says, by its name; the same by service. */
  const groupOf = new Map<string, CompactGroup>();
  const groupsOf = new Map<ServiceId, readonly CompactGroup[]>();
  let drainsOf: ReadonlyMap<ServiceId, readonly Drain[]> = new Map();
  const readers = new Set<(changed: ReadonlySet<ServiceId>) => void>();

  /** The state is taken when a reader takes the notice, not when it is made: of ten thousand changes a slow reader gets the last state. */
  const current = (changed: ReadonlySet<ServiceId>): CatalogChange => ({
    version,
    sync,
    services: services.snapshot(),
    changed,
  });

  /** While the sources are waited for nobody may be served, so nobody is told: all of it comes with the first notice after. */
  const notify = (changed: ReadonlySet<ServiceId>) => {
    if (sync === "waiting") return;
    for (const push of readers) push(changed);
  };

  /** Puts what the source says now in place of what it said; returns the services that either is about. */
  const replace = (source: string, group: Group | undefined): ReadonlySet<ServiceId> => {
    const before = groupOf.get(source);
    const after = group && compact(group, before);
    const ids = new Set([before, after].flatMap((one) => (one === undefined ? [] : [serviceId(one.service)])));
    for (const id of ids) {
      const others = groupsOf.get(id)?.filter((one) => one !== before) ?? [];
      const groups = after !== undefined && serviceId(after.service) === id ? others.concat([after]) : others;
      if (groups.length === 0) groupsOf.delete(id);
      else groupsOf.set(id, groups);
    }
    if (after === undefined) groupOf.delete(source);
    else groupOf.set(source, after);
    return ids;
  };

  /** Merges the services named anew; returns those that really differ from before. */
  const remerge = (ids: Iterable<ServiceId>): ReadonlySet<ServiceId> => {
    const changed = new Set<ServiceId>();
    for (const id of ids) {
      const groups = groupsOf.get(id) ?? [];
      const key = groups[0]?.service;
      const context = key && { registries: rules.registries, rule: rules.ruleOf(key) };
      const merged = context && withDrains(mergeService(key, groups, context), drainsOf.get(id) ?? []);
      if (isDeepStrictEqual(services.get(id), merged)) continue;
      changed.add(id);
      if (merged === undefined) services.delete(id);
      else services.set(id, merged);
    }
    if (changed.size > 0) {
      version++;
      notify(changed);
    }
    return changed;
  };

  return {
    apply(changes) {
      const touched = new Set<ServiceId>();
      for (const [source, group] of changes) for (const id of replace(source, group)) touched.add(id);
      remerge(touched);
    },
    configure(next) {
      rules = next;
      remerge([...groupsOf.keys()]);
    },
    setSync(state) {
      if (state === sync) return;
      const first = sync === "waiting";
      sync = state;
      notify(new Set(first ? services.snapshot().keys() : []));
    },
    setDrains(drains) {
      const before = drainsOf;
      drainsOf = Map.groupBy(drains, ({ service }) => service);
      remerge(new Set([...before.keys(), ...drainsOf.keys()]));
    },
    drained({ source, service }) {
      const id = serviceId(service);
      if (!drainsOf.has(id)) return new Set();
      const all = services.get(id)?.instances ?? [];
      const others = all.some(({ drain, health, hold }) => drain === undefined && hold === undefined && isUsable(health));
      const name = sourceName(source);
      const found = all.filter(
        (one) => sourceName(one.source) === name && one.drain !== undefined && (others || one.drain.force),
      );
      return new Set(found.map((one) => one.id));
    },
    snapshot: () => ({ version, sync, services: services.snapshot() }),
    async *subscribe(signal) {
      const inbox = createLatest<Set<ServiceId>>((waiting, next) => {
        for (const id of next) waiting.add(id);
        return waiting;
      });
      const push = (changed: ReadonlySet<ServiceId>) => inbox.push(new Set(changed));
      readers.add(push);
      const end = () => inbox.close();
      signal.addEventListener("abort", end, { once: true });
      try {
        if (signal.aborted) return;
        inbox.push(new Set(services.snapshot().keys()));
        for await (const changed of inbox) yield current(changed);
      } finally {
        signal.removeEventListener("abort", end);
        readers.delete(push);
      }
    },
  };
}
