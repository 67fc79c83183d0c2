/**
 * All configured registries: starts, stops and swaps their supervisors as the configuration changes.
 *
 * Three events that are never confused: a registry that is *unreachable* keeps what it said; one *removed from the
 * configuration* takes its groups along; one whose *settings changed* is built anew beside the old one and takes over
 * when it has synced, so that no endpoint is reset by a change of configuration.
 */
import { isDeepStrictEqual } from "node:util";
import { sourceName } from "../model/source.ts";
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
  /** In configuration order. A registry being replaced shows the one that still feeds the catalog. */
  statuses(): readonly RegistryStatus[];
  rejected(): readonly RejectedRecord[];
  /** Whether every registry has synced, or still waits, or is known to fail with or without a saved state. */
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

  const retire = (supervisor: Supervisor) => {
    const done = supervisor.stop().finally(() => stopping.delete(done));
    stopping.add(done);
  };

  const start = (spec: RegistrySpec): Supervisor => {
    const supervisor: Supervisor = startSupervisor(spec, {
      ...env,
      lastKnownGood: env.lastKnownGood(spec),
      onChange: (changes) => {
        // While it is built beside an active one, what it says is kept in its own ledger only.
        if (members.get(spec.name)?.next !== supervisor) env.onChange(spec.name, changes);
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

  const remove = (name: string, { active, next }: Member) => {
    env.onChange(name, new Map(active.groups().map((group) => [sourceName(group.source), undefined])));
    retire(active);
    if (next !== undefined) retire(next);
    env.log.info({ registry: name }, "registry removed from the configuration; its instances go");
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
        const member = members.get(spec.name);
        ordered.set(spec.name, member === undefined ? { active: start(spec), next: undefined } : replace(member, spec));
      }
      members = ordered;
    },
    statuses: () => [...members.values()].map(({ active }) => active.status()),
    rejected: () => [...members.values()].flatMap(({ active }) => active.rejected()),
    progress() {
      const all = [...members.values()].map(({ active }) => active);
      return {
        allSynced: all.every(({ synced }) => synced),
        allSettled: all.every(({ synced, failing, blank }) => synced || (failing && !blank)),
        anyBlank: all.some(({ blank }) => blank),
      };
    },
    async stop() {
      for (const { active, next } of members.values()) {
        retire(active);
        if (next !== undefined) retire(next);
      }
      await Promise.all(stopping);
    },
  };
}

function sameSpec(a: RegistrySpec, b: RegistrySpec): boolean {
  return a.adapter === b.adapter && a.baseDir === b.baseDir && isDeepStrictEqual([a.config, a.settings], [b.config, b.settings]);
}
