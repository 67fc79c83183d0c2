/**
 * What one registry has said so far, after sanitising and removal protection. Deterministic, no I/O: the supervisor
 * feeds it events and times, and passes on what it says has changed.
 */
import { isDeepStrictEqual } from "node:util";
import { type CompactGroup, compact } from "../model/compact.ts";
import { AUTHORITATIVE, type Evidence, type SuspectReason } from "../model/evidence.ts";
import type { Group } from "../model/group.ts";
import { serviceId } from "../model/service.ts";
import { type Source, sourceName } from "../model/source.ts";
import type { RegistryEvent, Rejection } from "./adapter.ts";
import { type AddressRules, createAddressRules } from "./address-rules.ts";
import { createDropGuard, type MassDrop } from "./drop-guard.ts";
import { createHolds, type HeldInstance, type HoldFilter, type Moment } from "./holds.ts";
import { nameGroup } from "./naming.ts";
import { bringBack, protectGroup, releaseGroup, type Statement } from "./protection.ts";
import { sanitise } from "./sanitise.ts";
import type { RegistrySettings } from "./settings.ts";
import type { RejectedRecord } from "./status.ts";

/** New state by source name; undefined: the source says nothing any more. */
export type GroupChanges = ReadonlyMap<string, Group | undefined>;

interface Entry {
  readonly source: Source;
  group: CompactGroup | undefined;
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
  /** Takes one event and returns what changed by it, also of other sources when too much left at once. */
  apply(event: RegistryEvent, at: Moment): GroupChanges;
  /** When the next hold ends if nothing happens (monotonic ms); undefined: nothing is held, or evidence is in doubt. */
  releaseAt(): number | undefined;
  /** Ends every hold whose time has come. */
  release(at: Moment): GroupChanges;
  /** Ends holds because the operator says so; the guard forgets what these sources lost. */
  releaseNow(filter: HoldFilter, at: Moment): GroupChanges;
  /** Takes groups saved by an earlier process as what the registry said last; ignored for sources already known. */
  restore(groups: readonly Group[], at: Moment): GroupChanges;
  groups(): readonly Group[];
  held(at: Moment): readonly HeldInstance[];
  rejected(): readonly RejectedRecord[];
  counts(): LedgerCounts;
  /** Why the last statement was not proof, or why something is held in spite of proof; undefined when all is well. */
  readonly suspectReason: SuspectReason | undefined;
}

export interface LedgerEnv {
  /** Ids of the group's instances that take no traffic by the word of a drain: their leaving takes nothing along. Default: none. */
  drained?(group: Group): ReadonlySet<string>;
}

export function createLedger(settings: RegistrySettings, { drained }: LedgerEnv = {}): Ledger {
  const rules: AddressRules = createAddressRules({ ...settings.addresses, trusted: settings.trusted });
  const guard = createDropGuard(settings.protection);
  const holds = createHolds(settings.holdForMs);
  const entries = new Map<string, Entry>();
  let run = 0;
  let suspectReason: SuspectReason | undefined;

  const weigh = (evidence: Evidence, at: Moment) => {
    if (evidence.kind === "authoritative") return holds.trust(at);
    holds.doubt();
    suspectReason = evidence.reason;
  };

  const set = (entry: Entry, next: Group | undefined, declared: boolean, at: Moment): GroupChanges => {
    const name = sourceName(entry.source);
    const group = next && compact(next, entry.group);
    entry.declared = declared;
    if (group === undefined && entry.rejected.length === 0) entries.delete(name);
    if (isDeepStrictEqual(entry.group, group)) return NO_CHANGES;
    entry.group = group;
    holds.update(name, group, at);
    return new Map([[name, group]]);
  };

  const entryOf = (source: Source): Entry => {
    const name = sourceName(source);
    let entry = entries.get(name);
    if (entry === undefined) {
      entry = { source, group: undefined, declared: true, rejected: [], run };
      entries.set(name, entry);
    }
    return entry;
  };

  /** The changes of one source, and of others that are held with it because too much is leaving. */
  const take = (entry: Entry, statement: Statement, at: Moment): GroupChanges => {
    const previous = entry.group;
    const { evidence } = statement;
    const meant = evidence.kind === "authoritative" && evidence.byOperator === true;
    const before = meant || previous === undefined ? undefined : withoutLeaving(previous, statement.group, drained);
    guard.observe(sourceName(entry.source), before, statement.group, at.mono);
    const own = set(entry, protectGroup(previous, statement, at.wall), statement.declared, at);
    return merged([own, ...guard.held(at.mono).map((drop) => restoreDropped(drop, at))]);
  };

  const restoreDropped = ({ group, instances }: MassDrop, at: Moment): GroupChanges => {
    const known = entries.get(sourceName(group.source))?.group;
    const base = known ?? { ...group, instances: [] };
    const held = bringBack(base, instances, at.wall);
    if (held === base) return NO_CHANGES;
    const entry = entryOf(group.source);
    return set(entry, held, known !== undefined && entry.declared, at);
  };

  /** `raw` is called as it shall be called here. */
  const state = (raw: Group, evidence: Evidence, rejections: readonly Rejection[], at: Moment): GroupChanges => {
    const entry = entryOf(raw.source);
    entry.run = run;
    const { group, rejected } = sanitise(raw, rules);
    const service = serviceId(raw.service);
    entry.rejected = [...rejections, ...rejected].map((rejection) => ({ ...rejection, source: raw.source, service }));
    if (group === undefined) return set(entry, undefined, false, at);
    return take(entry, { group, declared: true, evidence }, at);
  };

  const gone = (entry: Entry, evidence: Evidence, at: Moment): GroupChanges => {
    entry.run = run;
    entry.rejected = [];
    if (entry.group === undefined) return set(entry, undefined, false, at);
    return take(entry, { group: { ...entry.group, instances: [] }, declared: false, evidence }, at);
  };

  const synced = (evidence: Evidence, at: Moment): GroupChanges => {
    if (evidence.kind === "authoritative") suspectReason = undefined;
    return merged([...entries.values()].filter((entry) => entry.run !== run).map((entry) => gone(entry, evidence, at)));
  };

  const end = (over: ReadonlyMap<string, ReadonlySet<string>>, at: Moment): GroupChanges =>
    merged(
      [...over].map(([name, ids]) => {
        const entry = entries.get(name);
        if (entry?.group === undefined) return NO_CHANGES;
        guard.forgive(name);
        return set(entry, releaseGroup(entry.group, entry.declared, ids), entry.declared, at);
      }),
    );

  return {
    beginRun() {
      run++;
    },
    apply(event, at) {
      if (event.type === "degraded") holds.doubt();
      if (event.type === "degraded" || event.type === "recovered" || event.type === "parts") return NO_CHANGES;
      weigh(event.evidence, at);
      if (event.type === "group") return state(nameGroup(event.group, settings.naming), event.evidence, event.rejected ?? [], at);
      if (event.type === "synced") return synced(event.evidence, at);
      const entry = entries.get(sourceName(event.source));
      return entry === undefined ? NO_CHANGES : gone(entry, event.evidence, at);
    },
    releaseAt: () => holds.nextEnd(),
    release: (at) => end(holds.due(at), at),
    releaseNow: (filter, at) => end(holds.matching(filter), at),
    restore(groups, at) {
      const unknown = groups.filter(({ source }) => !entries.has(sourceName(source)));
      // What an earlier process saw is no statement of the registry: it starts the clock of no hold.
      return merged(unknown.map((group) => state(group, AUTHORITATIVE, [], at)));
    },
    groups: () => [...entries.values()].flatMap(({ group }) => (group === undefined ? [] : [group])),
    held: (at) => holds.list(at),
    rejected: () => [...entries.values()].flatMap(({ rejected }) => rejected),
    counts: () => count(entries.values()),
    get suspectReason() {
      return suspectReason ?? (holds.againstProof ? "mass-drop" : undefined);
    },
  };
}

/** `before` without what was drained and has left: whoever drained it meant it to go, and no client was sent there. */
function withoutLeaving(before: Group, after: Group, drained: LedgerEnv["drained"]): Group {
  const named = new Set(after.instances.map(({ id }) => id));
  if (drained === undefined || before.instances.every(({ id }) => named.has(id))) return before;
  const ids = drained(before);
  if (ids.size === 0) return before;
  return { ...before, instances: before.instances.filter(({ id }) => named.has(id) || !ids.has(id)) };
}

const NO_CHANGES: GroupChanges = new Map();

function merged(changes: readonly GroupChanges[]): GroupChanges {
  return new Map(changes.flatMap((change) => [...change]));
}

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
