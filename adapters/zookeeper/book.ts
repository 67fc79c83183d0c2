/**
 * What has been said of every service, by the unit it was read from: so that only differences are told, and that what is
 * no longer there is told as gone. Deterministic, no I/O.
 */
import { isDeepStrictEqual } from "node:util";
import { AUTHORITATIVE, type Evidence, suspect } from "../../src/model/evidence.ts";
import type { Group } from "../../src/model/group.ts";
import type { ServicePort } from "../../src/model/service.ts";
import type { RegistryEvent, Rejection } from "../../src/registry/adapter.ts";
import type { Translation } from "./translate.ts";

/** Names a unit of a root. */
export type UnitKey = string;

/** `path` and the format's own name of the unit; neither holds a NUL. */
export function unitKey(path: string, unit: string): UnitKey {
  return `${path}\0${unit}`;
}

export interface Book {
  /** Takes what a unit says now, all of it; none: the unit is no more. Returns what is to be told. */
  take(key: UnitKey, services: readonly Translation[], evidence: Evidence): readonly RegistryEvent[];
  /** Units that have said something. */
  units(): Iterable<UnitKey>;
  /** Units of which a host name is one of these. */
  unitsWith(hosts: ReadonlySet<string>): readonly UnitKey[];
  /** All host names in use. */
  hosts(): ReadonlySet<string>;
  /** Units with an instance that warms up. */
  readonly warming: ReadonlySet<UnitKey>;
  /** Ports of a service so far. */
  portsOf(key: UnitKey, scope: string): readonly ServicePort[];
  /** Some group lacks an instance because no name server answered. */
  readonly doubtful: boolean;
  /** What lost instances without proof, said again with it. */
  prove(): readonly RegistryEvent[];
}

interface Entry {
  readonly group: Group;
  readonly rejected: readonly Rejection[];
}

interface Unit {
  readonly entries: ReadonlyMap<string, Entry>;
  readonly hosts: ReadonlySet<string>;
}

/** An empty book. */
export function createBook(): Book {
  const units = new Map<UnitKey, Unit>();
  const warming = new Set<UnitKey>();
  const doubtful = new Set<UnitKey>();
  /** Of what is missing without proof: the unit by scope. */
  const unproven = new Map<string, { readonly key: UnitKey; readonly gone: RegistryEvent }>();

  const tell = (key: UnitKey, before: Entry | undefined, translation: Translation, evidence: Evidence): RegistryEvent[] => {
    const { group, rejected } = translation;
    const { scope } = group.source;
    if (before !== undefined && isDeepStrictEqual([before.group, before.rejected], [group, rejected])) return [];
    if (evidence.kind === "authoritative") unproven.delete(scope);
    else if (before !== undefined && loses(before.group, group)) unproven.set(scope, { key, gone: goneEvent(group) });
    return [groupEvent({ group, rejected }, translation.doubtful ? suspect("partial-read") : evidence)];
  };

  const leave = (key: UnitKey, { group }: Entry, evidence: Evidence): RegistryEvent => {
    const { scope } = group.source;
    if (evidence.kind === "authoritative") unproven.delete(scope);
    else unproven.set(scope, { key, gone: goneEvent(group) });
    return { type: "gone", source: group.source, evidence };
  };

  return {
    take(key, services, evidence) {
      const before = units.get(key)?.entries ?? new Map<string, Entry>();
      const events: RegistryEvent[] = [];
      const entries = new Map<string, Entry>();
      for (const service of services) {
        const { scope } = service.group.source;
        events.push(...tell(key, before.get(scope), service, evidence));
        entries.set(scope, { group: service.group, rejected: service.rejected });
      }
      for (const [scope, entry] of before) if (!entries.has(scope)) events.push(leave(key, entry, evidence));
      if (entries.size === 0) units.delete(key);
      else units.set(key, { entries, hosts: new Set(services.flatMap(({ hosts }) => [...hosts])) });
      mark(
        warming,
        key,
        services.some((service) => service.warming),
      );
      mark(
        doubtful,
        key,
        services.some((service) => service.doubtful),
      );
      return events;
    },
    units: () => units.keys(),
    unitsWith: (hosts) => [...units].filter(([, unit]) => !unit.hosts.isDisjointFrom(hosts)).map(([key]) => key),
    hosts: () => new Set([...units.values()].flatMap(({ hosts }) => [...hosts])),
    warming,
    portsOf: (key, scope) => units.get(key)?.entries.get(scope)?.group.ports ?? [],
    get doubtful() {
      return doubtful.size > 0;
    },
    prove() {
      const events = [...unproven].map(([scope, { key, gone }]) => {
        const entry = units.get(key)?.entries.get(scope);
        return entry === undefined ? gone : groupEvent(entry, AUTHORITATIVE);
      });
      unproven.clear();
      return events;
    },
  };
}

function groupEvent({ group, rejected }: Entry, evidence: Evidence): RegistryEvent {
  return { type: "group", group, evidence, ...(rejected.length > 0 && { rejected }) };
}

function goneEvent({ source }: Group): RegistryEvent {
  return { type: "gone", source, evidence: AUTHORITATIVE };
}

function loses(before: Group, after: Group): boolean {
  const ids = new Set(after.instances.map(({ id }) => id));
  return before.instances.some(({ id }) => !ids.has(id));
}

function mark<T>(set: Set<T>, item: T, within: boolean): void {
  if (within) set.add(item);
  else set.delete(item);
}
