/** A registry in memory that takes changes as the real ones do: each by itself, and each against what it was planned on. */
import type { Change } from "./plan.ts";
import type { FoundRecord, Observed, Owner, WantedRecord } from "./record.ts";

/** The record as it is found after it was put. */
export function asFound({ key, service, traffic, content }: WantedRecord, owner: Owner): FoundRecord {
  return { key, service, traffic, content, owner };
}

export interface ModelRegistry {
  readonly records: Map<string, FoundRecord>;
  observe(): Observed;
  /** False when what is there is not what the change was planned on: then nothing has happened. */
  apply(change: Change, owner: Owner): boolean;
}

export function modelRegistry(place: string, records: readonly FoundRecord[] = []): ModelRegistry {
  const held = new Map(records.map((record) => [record.key, record]));
  return {
    records: held,
    observe: () => ({ place, records: [...held.values()] }),
    apply(change, owner) {
      const { key } = change.record;
      const there = held.get(key);
      const expected = change.type === "put" ? change.over : change.record;
      const contents = [expected?.content];
      // What the same plan has taken out a moment ago differs from what it found in that alone.
      if (change.type === "remove") contents.push(takenOut(change.record).content);
      if ((there === undefined) !== (expected === undefined) || !contents.includes(there?.content)) return false;
      if (change.type === "put") held.set(key, asFound(change.record, owner));
      else if (change.type === "remove") held.delete(key);
      else if (there !== undefined) held.set(key, takenOut(there));
      return true;
    },
  };
}

function takenOut(record: FoundRecord): FoundRecord {
  return { ...record, traffic: "out", content: `${record.content} out` };
}
