/**
 * What one registry has said so far, after sanitising and removal protection. Deterministic, no I/O: the supervisor
 * feeds it events and times, and passes on what it says has changed.
 */
import { isDeepStrictEqual } from "node:util";
import { AUTHORITATIVE, type Evidence, type SuspectReason } from "../model/evidence.ts";
import type { Group } from "../model/group.ts";
import { serviceId } from "../model/service.ts";
import { type Source, sourceName } from "../model/source.ts";
import type { RegistryEvent, Rejection } from "./adapter.ts";
import { type AddressRules, createAddressRules } from "./address-rules.ts";
import { protectGroup, releaseGroup } from "./protection.ts";
import { sanitise } from "./sanitise.ts";
import type { RegistrySettings } from "./settings.ts";
import type { RejectedRecord } from "./status.ts";

/** New state by source name; undefined: the source says nothing any more. */
export type GroupChanges = ReadonlyMap<string, Group | undefined>;

interface Entry {
  readonly source: Source;
  group: Group | undefined;
  /** False once the source no longer knows the service and only held instances keep the group. */
  declared: boolean;
  rejected: readonly RejectedRecord[];
  /** The adapter's run that named it last: what is older when a run has synced is left over. */
  run: number;
}

export interface LedgerCounts {
  readonly services: number;
  readonly instances: number;
  readonly held: number;
  readonly rejected: number;
}

export interface Ledger {
  /** A new run of the adapter begins: what it does not name until it has synced is left over from an earlier one. */
  beginRun(): void;
  /** Takes one event at wall-clock time `now` (ms) and returns what changed by it. */
  apply(event: RegistryEvent, now: number): GroupChanges;
  /** When the holds end if nothing happens (wall-clock ms); undefined: nothing is held, or evidence is in doubt. */
  releaseAt(): number | undefined;
  /** Ends every hold whose time has come. */
  release(now: number): GroupChanges;
  /** Takes groups saved by an earlier process as what the registry said last; ignored for sources already known. */
  restore(groups: readonly Group[]): GroupChanges;
  groups(): readonly Group[];
  rejected(): readonly RejectedRecord[];
  counts(): LedgerCounts;
  /** Why the last statement was not proof; undefined when it was. */
  readonly suspectReason: SuspectReason | undefined;
}

export function createLedger(settings: RegistrySettings): Ledger {
  const rules: AddressRules = createAddressRules({ ...settings.addresses, trusted: settings.trusted });
  const entries = new Map<string, Entry>();
  /** Sources with something held: kept beside, so that asking for the next release costs nothing. */
  const holding = new Set<string>();
  let run = 0;
  /** Since when authoritative answers have stood without a doubt in between. */
  let authoritativeSince: number | undefined;
  let suspectReason: SuspectReason | undefined;

  const weigh = (evidence: Evidence, now: number) => {
    if (evidence.kind === "suspect") {
      authoritativeSince = undefined;
      suspectReason = evidence.reason;
    } else authoritativeSince ??= now;
  };

  const set = (entry: Entry, group: Group | undefined, declared: boolean): GroupChanges => {
    const name = sourceName(entry.source);
    entry.declared = declared;
    if (group === undefined && entry.rejected.length === 0) entries.delete(name);
    if (isDeepStrictEqual(entry.group, group)) return NO_CHANGES;
    entry.group = group;
    if (group?.instances.some(({ hold }) => hold !== undefined)) holding.add(name);
    else holding.delete(name);
    return new Map([[name, group]]);
  };

  const entryOf = (source: Source): Entry => {
    const name = sourceName(source);
    let entry = entries.get(name);
    if (entry === undefined) {
      entry = { source, group: undefined, declared: true, rejected: [], run };
      entries.set(name, entry);
    }
    entry.run = run;
    return entry;
  };

  const state = (raw: Group, evidence: Evidence, rejections: readonly Rejection[], now: number): GroupChanges => {
    const entry = entryOf(raw.source);
    const { group, rejected } = sanitise(raw, rules);
    const service = serviceId(raw.service);
    entry.rejected = [...rejections, ...rejected].map((rejection) => ({ ...rejection, source: raw.source, service }));
    if (group === undefined) return set(entry, undefined, false);
    return set(entry, protectGroup(entry.group, { group, declared: true, evidence }, now), true);
  };

  const gone = (entry: Entry, evidence: Evidence, now: number): GroupChanges => {
    entry.rejected = [];
    if (entry.group === undefined) return set(entry, undefined, false);
    const emptied = { ...entry.group, instances: [] };
    return set(entry, protectGroup(entry.group, { group: emptied, declared: false, evidence }, now), false);
  };

  const synced = (evidence: Evidence, now: number): GroupChanges => {
    if (evidence.kind === "authoritative") suspectReason = undefined;
    const changes = [...entries.values()].filter((entry) => entry.run !== run).map((entry) => gone(entry, evidence, now));
    return new Map(changes.flatMap((change) => [...change]));
  };

  const ledger: Ledger = {
    beginRun() {
      run++;
    },
    apply(event, now) {
      if (event.type === "degraded") {
        authoritativeSince = undefined;
        return NO_CHANGES;
      }
      weigh(event.evidence, now);
      if (event.type === "group") return state(event.group, event.evidence, event.rejected ?? [], now);
      if (event.type === "synced") return synced(event.evidence, now);
      const entry = entries.get(sourceName(event.source));
      return entry === undefined ? NO_CHANGES : gone(entry, event.evidence, now);
    },
    releaseAt() {
      if (authoritativeSince === undefined || holding.size === 0) return undefined;
      return authoritativeSince + settings.holdForMs;
    },
    release(now) {
      const at = ledger.releaseAt();
      if (at === undefined || now < at) return NO_CHANGES;
      const changes = [...entries.values()].map((entry) =>
        entry.group === undefined ? NO_CHANGES : set(entry, releaseGroup(entry.group, entry.declared), entry.declared),
      );
      return new Map(changes.flatMap((change) => [...change]));
    },
    restore(groups) {
      const changes = groups
        .filter(({ source }) => !entries.has(sourceName(source)))
        .map((group) => state(group, AUTHORITATIVE, [], 0));
      // What an earlier process saw is no statement of the registry: it must not start the clock of any hold.
      authoritativeSince = undefined;
      return new Map(changes.flatMap((change) => [...change]));
    },
    groups: () => [...entries.values()].flatMap(({ group }) => (group === undefined ? [] : [group])),
    rejected: () => [...entries.values()].flatMap(({ rejected }) => rejected),
    counts: () => count(entries.values()),
    get suspectReason() {
      return suspectReason;
    },
  };
  return ledger;
}

const NO_CHANGES: GroupChanges = new Map();

function count(entries: Iterable<Entry>): LedgerCounts {
  const services = new Set<string>();
  let instances = 0;
  let held = 0;
  let rejected = 0;
  for (const entry of entries) {
    rejected += entry.rejected.length;
    if (entry.group === undefined) continue;
    services.add(serviceId(entry.group.service));
    instances += entry.group.instances.length;
    for (const { hold } of entry.group.instances) if (hold !== undefined) held++;
  }
  return { services: services.size, instances, held, rejected };
}
