/**
 * What to change in a registry so that it holds what is wanted. Pure. Promised, whatever comes in (the property tests):
 * no record of another owner is ever changed; what is right already is left alone, so that a plan that has been applied is
 * followed by an empty one; a record goes only after those of its service that replace it have come; nothing goes while our
 * own view is not complete; nothing goes back to where it came from.
 */
import { compareText } from "../../kernel/compare.ts";
import { loopOf } from "./loop.ts";
import { type Desired, type FoundRecord, isSameOwner, type Observed, type Owner, type WantedRecord } from "./record.ts";

/**
 * Writes the record; it replaces `over`, our own of before with the same key, where there is one. `instead`: one of ours with
 * another key that goes because this one comes, as after a restart where the key says when it was. A registry that can
 * change both at once does so, and none sees both or none of them; in others `instead` stays until its own removal, which is
 * in the plan in any case.
 */
export interface Put {
  readonly type: "put";
  readonly record: WantedRecord;
  readonly over: FoundRecord | undefined;
  readonly instead: FoundRecord | undefined;
}

/** In the order they are to be made. */
export type Change =
  | Put
  /** Marks our record as one not to be dialled any more: what precedes its removal. */
  | { readonly type: "take-out"; readonly record: FoundRecord; readonly after: readonly string[] }
  /** Removes our record, as it was found; not before the puts of `after`, by key, have succeeded. */
  | { readonly type: "remove"; readonly record: FoundRecord; readonly after: readonly string[] };

/** What is not done although it is wanted, and why. */
export interface Withheld {
  readonly key: string;
  /**
   * `foreign`: somebody else has a record of this key. `superseded`: a later life of ourselves has written it. `loop`, `hops`: it
   * has come from there, or through too many places. `not-synced`: it would be removed, but our own view is not complete.
   */
  readonly reason: "foreign" | "superseded" | "loop" | "hops" | "not-synced";
}

export interface Plan {
  readonly changes: readonly Change[];
  readonly withheld: readonly Withheld[];
}

/** Keys that occur twice in `desired` count once, the first. */
export function plan(desired: Desired, observed: Observed, owner: Owner): Plan {
  const found = new Map(observed.records.map((record) => [record.key, record]));
  const wanted = new Map<string, WantedRecord>();
  for (const record of desired.records) if (!wanted.has(record.key)) wanted.set(record.key, record);

  const withheld: Withheld[] = [];
  const pending: Pick<Put, "record" | "over">[] = [];
  for (const record of sorted(wanted.values())) {
    const over = found.get(record.key);
    const tooFar = loopOf(record.origin, observed.place);
    // It came another way before, perhaps: what may not be there goes, or two syncs would keep it alive for each other.
    if (tooFar !== undefined) wanted.delete(record.key);
    const reason = tooFar ?? (over === undefined ? undefined : refusalOf(over, owner));
    if (reason !== undefined) withheld.push({ key: record.key, reason });
    else if (over?.content !== record.content) pending.push({ record, over });
  }

  const leaving = sorted(found.values()).filter((record) => !wanted.has(record.key) && isOurs(record, owner));
  if (!desired.synced) {
    for (const { key } of leaving) withheld.push({ key, reason: "not-synced" });
    return { changes: paired(pending, []), withheld };
  }
  const puts = paired(pending, leaving);
  const after = ({ service }: FoundRecord) =>
    puts.flatMap((change) => (change.record.service === service ? [change.record.key] : []));
  const out = leaving.filter(({ traffic }) => traffic === "in");
  return {
    changes: [
      ...puts,
      ...out.map((record) => ({ type: "take-out" as const, record, after: after(record) })),
      ...leaving.map((record) => ({ type: "remove" as const, record, after: after(record) })),
    ],
    withheld,
  };
}

/** Each new record with one of its service that leaves, as long as there are any. */
function paired(pending: readonly Pick<Put, "record" | "over">[], leaving: readonly FoundRecord[]): readonly Put[] {
  const left = Map.groupBy(leaving, ({ service }) => service);
  return pending.map(({ record, over }) => ({
    ...{ type: "put" as const, record, over },
    instead: over === undefined ? left.get(record.service)?.shift() : undefined,
  }));
}

/** Ours, and not of a later life: that one knows better. */
function isOurs(record: FoundRecord, owner: Owner): boolean {
  return refusalOf(record, owner) === undefined;
}

function refusalOf({ owner: of }: FoundRecord, owner: Owner): "foreign" | "superseded" | undefined {
  if (of === undefined || !isSameOwner(of, owner)) return "foreign";
  return of.epoch > owner.epoch ? "superseded" : undefined;
}

function sorted<Record extends { readonly key: string }>(records: Iterable<Record>): Record[] {
  return [...records].sort((a, b) => compareText(a.key, b.key));
}
