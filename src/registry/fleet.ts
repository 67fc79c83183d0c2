/**
 * All configured registries: starts, stops and swaps their supervisors as the configuration changes.
 *
 * Three events that are never confused: a registry that is *unreachable* keeps what it said; one *removed from the
 * configuration* takes its groups along, after they have drained where its kind says so; one whose *settings changed* is built anew beside the old one and takes over
 * when it has synced, so that no endpoint is reset by a change of configuration.
 */
import { isDeepStrictEqual } from "node:util";
import type { Group } from "../model/group.ts";
import { sourceName } from "../model/source.ts";
import type { HeldInstance, HoldFilter } from "./holds.ts";
import type { LastKnownGood } from "./last-known-good.ts";
import type { GroupChanges } from "./ledger.ts";
import type { RegistryStatus, RejectedRecord } from "./status.ts";
import { type RegistrySpec, type Supervisor, type SupervisorEnv, startSupervisor } from "./supervisor.ts";

export interface FleetEnv extends Omit<SupervisorEnv, "onChange" | "onStatus" | "onEvent" | "lastKnownGood"> {
  lastKnownGood(spec: RegistrySpec): LastKnownGood | undefined;
  /** What the registry of that name has changed, in order; never concurrently. */
  onChange(registry: string, changes: GroupChanges): void;
  /** The state or the last error of the registry of that name may have changed. */
  onStatus(registry: string): void;
  /** For counting only. */
  onEvent(registry: string, type: string): void;
}

export interface Fleet {
  /** Makes the running registries those of `specs`, touching only what differs. Returns without waiting for syncs. */
  configure(specs: readonly RegistrySpec[]): void;
  /**
   * In configuration order, then those that drain. A registry being replaced shows the one that still feeds the catalog.
   */
  statuses(): readonly RegistryStatus[];
  rejected(): readonly RejectedRecord[];
  held(): readonly HeldInstance[];
  /** Ends holds of one registry because the operator says so; how many, or undefined when there is no such registry. */
  release(registry: string, filter: HoldFilter): number | undefined;
  /** Of those that the start waits for: whether all have synced, still wait, or are known to fail with or without a saved state. */
  progress(): { readonly allSynced: boolean; readonly allSettled: boolean; readonly anyBlank: boolean };
  stop(): Promise<void>;
}

interface Member {
  active: Supervisor;
  /** Built beside the active one; takes over when it has synced. */
  next: Supervisor | undefined;
}

export function createFleet(env: FleetEnv): Fleet {
  let members = new Map<string, Member>();
  const stopping = new Set<Promise<void>>();
  /** Taken out of the configuration, and not gone yet. */
  const leaving = new Map<string, { readonly active: Supervisor; readonly called: AbortController }>();

  const retire = (supervisor: Supervisor) => {
    const done = supervisor.stop().finally(() => stopping.delete(done));
    stopping.add(done);
  };

  const start = (spec: RegistrySpec): Supervisor => {
    const supervisor: Supervisor = startSupervisor(spec, {
      ...env,
      lastKnownGood: env.lastKnownGood(spec),
      onChange: (changes) => {
        // While it is built beside an active one, or drains, what it says is kept in its own ledger only.
        if (members.get(spec.name)?.next !== supervisor && leaving.get(spec.name)?.active !== supervisor)
          env.onChange(spec.name, changes);
      },
      onStatus: () => {
        const member = members.get(spec.name);
        if (member?.next === supervisor && supervisor.synced) takeOver(spec.name, member, supervisor);
        env.onStatus(spec.name);
      },
      onEvent: (type) => env.onEvent(spec.name, type),
    });
    return supervisor;
  };

  const takeOver = (name: string, member: Member, next: Supervisor) => {
    const old = member.active;
    members.set(name, { active: next, next: undefined });
    const changes = new Map<string, GroupChanges extends ReadonlyMap<string, infer G> ? G : never>();
    for (const group of old.groups()) changes.set(sourceName(group.source), undefined);
    for (const group of next.groups()) changes.set(sourceName(group.source), group);
    env.onChange(name, changes);
    retire(old);
    env.log.info({ registry: name }, "changed registry has synced and takes over");
  };

  const drop = (name: string, active: Supervisor) => {
    env.onChange(name, new Map(active.groups().map((group) => [sourceName(group.source), undefined])));
    retire(active);
    env.log.info({ registry: name }, "registry removed from the configuration; its instances go");
  };

  const remove = (name: string, { active, next }: Member) => {
    if (next !== undefined) retire(next);
    const { drainMs } = active.spec.adapter;
    if (drainMs === undefined) {
      drop(name, active);
      return;
    }
    const called = new AbortController();
    leaving.set(name, { active, called });
    env.onChange(name, new Map(active.groups().map((group) => [sourceName(group.source), draining(group)])));
    env.log.info({ registry: name, drainMs }, "registry removed from the configuration; its instances drain");
    env.clock.sleep(drainMs, called.signal).then(
      () => {
        leaving.delete(name);
        drop(name, active);
      },
      // Called off: it was added again, or everything stops.
      () => undefined,
    );
  };

  /** What still drains goes on as it was, until whatever is configured now has synced. */
  const comeBack = (name: string): Member | undefined => {
    const found = leaving.get(name);
    if (found === undefined) return undefined;
    leaving.delete(name);
    found.called.abort(new Error("added again"));
    env.onChange(name, new Map(found.active.groups().map((group) => [sourceName(group.source), group])));
    return { active: found.active, next: undefined };
  };

  const replace = (member: Member, spec: RegistrySpec): Member => {
    if (sameSpec(member.next?.spec ?? member.active.spec, spec)) return member;
    if (member.next !== undefined) retire(member.next);
    if (sameSpec(member.active.spec, spec)) return { active: member.active, next: undefined };
    if (member.active.synced || !member.active.blank) return { active: member.active, next: start(spec) };
    // The old one never had anything: there is nothing to keep, and its successor's errors should be seen.
    retire(member.active);
    return { active: start(spec), next: undefined };
  };

  return {
    configure(specs) {
      const wanted = new Set(specs.map(({ name }) => name));
      for (const [name, member] of members) if (!wanted.has(name)) remove(name, member);
      const before = members;
      // Set before anything starts, so that the callbacks of a new supervisor find their place.
      members = new Map([...before].filter(([name]) => wanted.has(name)));
      const ordered = new Map<string, Member>();
      for (const spec of specs) {
        const member = members.get(spec.name) ?? comeBack(spec.name);
        ordered.set(spec.name, member === undefined ? { active: start(spec), next: undefined } : replace(member, spec));
      }
      members = ordered;
    },
    statuses: () => [...members.values(), ...leaving.values()].map(({ active }) => active.status()),
    rejected: () => [...members.values()].flatMap(({ active }) => active.rejected()),
    held: () => [...members.values()].flatMap(({ active }) => active.held()),
    release: (registry, filter) => members.get(registry)?.active.release(filter),
    progress() {
      const all = [...members.values()].map(({ active }) => active).filter(({ spec }) => spec.settings.required);
      return {
        allSynced: all.every(({ synced }) => synced),
        allSettled: all.every(({ synced, failing, blank }) => synced || (failing && !blank)),
        anyBlank: all.some(({ blank }) => blank),
      };
    },
    async stop() {
      for (const { active, called } of leaving.values()) {
        called.abort(new Error("stopped"));
        retire(active);
      }
      leaving.clear();
      for (const { active, next } of members.values()) {
        retire(active);
        if (next !== undefined) retire(next);
      }
      await Promise.all(stopping);
    },
  };
}

/** Nothing new is sent there; what is under way ends in peace. */
function draining(group: Group): Group {
  return { ...group, instances: group.instances.map((instance) => ({ ...instance, health: "draining" as const })) };
}

function sameSpec(a: RegistrySpec, b: RegistrySpec): boolean {
  return a.adapter === b.adapter && a.baseDir === b.baseDir && isDeepStrictEqual([a.config, a.settings], [b.config, b.settings]);
}
