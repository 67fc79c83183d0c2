/**
 * The resources of one view by type, with a change log each: "what is new since seq n" costs as much as there is new.
 * Mutable inside, written by one owner (the view), read by its streams.
 */
import { hash } from "node:crypto";
import type { NameIndex } from "./name-set.ts";
import { type Resource, TYPE_URL, type TypeTable, type TypeUrl, type ViewTables } from "./types.ts";

/** Removed names are remembered so that clients far behind learn of them; the oldest are forgotten beyond this. */
const MAX_REMOVED = 100_000;
/** The log is rewritten without what is superseded when it has grown to this many times the names it is about. */
const LOG_SLACK = 2;

interface Entry {
  /** Its number in the table's index. */
  id: number;
  resource: Resource | undefined;
  /** What the name held before it was removed. */
  last: Resource;
  addedAt: number;
  changedAt: number;
}

export interface WritableTable extends TypeTable {
  /** Returns whether anything changed: equal content is none. */
  set(resource: Resource): boolean;
  delete(name: string): boolean;
  setPending(names: ReadonlySet<string>): void;
}

export function createTable(): WritableTable {
  const entries = new Map<string, Entry>();
  let log: { readonly seq: number; readonly name: string }[] = [];
  let seq = 0;
  let size = 0;
  let pending: ReadonlySet<string> = new Set();
  /** XOR of one hash per resource: the same whatever the order, and kept current at the cost of what changes. */
  let digest = 0n;
  /** The digest as text, until it changes: every response carries it. */
  let version: string | undefined;
  let list: readonly Resource[] | undefined;
  let index = newIndex(entries);
  let lately: { readonly since: number; readonly seq: number; readonly names: readonly string[] } | undefined;

  /** The content changes, by resources of this digest. */
  const advance = (by: bigint) => {
    seq++;
    digest ^= by;
    version = undefined;
    list = undefined;
  };

  const record = (name: string, entry: Entry) => {
    entry.changedAt = seq;
    log.push({ seq, name });
    if (log.length > 1000 && log.length > LOG_SLACK * entries.size) compact();
  };

  const compact = () => {
    const removed = entries.size - size;
    let surplus = removed - MAX_REMOVED;
    log = log.filter((line) => {
      const entry = entries.get(line.name);
      if (entry?.changedAt !== line.seq) return false;
      if (entry.resource !== undefined || surplus-- <= 0) return true;
      entries.delete(line.name);
      return false;
    });
    // What was forgotten gives its number back.
    if (removed > MAX_REMOVED) index = newIndex(entries);
  };

  return {
    get seq() {
      return seq;
    },
    get size() {
      return size;
    },
    get version() {
      version ??= digest.toString(16).padStart(16, "0");
      return version;
    },
    get index() {
      return index;
    },
    get: (name) => entries.get(name)?.resource,
    addedAt: (name) => {
      const entry = entries.get(name);
      return entry?.resource === undefined ? 0 : entry.addedAt;
    },
    changedAt: (name) => entries.get(name)?.changedAt ?? 0,
    pending: (name) => pending.has(name),
    removed: (name) => {
      const entry = entries.get(name);
      return entry?.resource === undefined ? entry?.last : undefined;
    },
    all() {
      list ??= [...entries.values()].flatMap(({ resource }) => resource ?? []);
      return list;
    },
    changedSince(since) {
      // Streams that are in step ask the same one after the other.
      if (lately?.since === since && lately.seq === seq) return lately.names;
      const names: string[] = [];
      for (let i = firstAfter(log, since); i < log.length; i++) {
        const line = log[i];
        if (line !== undefined && entries.get(line.name)?.changedAt === line.seq) names.push(line.name);
      }
      lately = { since, seq, names };
      return names;
    },
    setPending(names) {
      pending = names;
    },
    set(resource) {
      const entry = entries.get(resource.name);
      if (entry?.resource?.version === resource.version) {
        // Equal bytes: of the two only the newer one, which other views may hold as well, is kept.
        entry.resource = resource;
        entry.last = resource;
        list = undefined;
        return false;
      }
      advance(digestOf(resource) ^ (entry?.resource === undefined ? 0n : digestOf(entry.resource)));
      if (entry === undefined) {
        const fresh: Entry = { id: index.add(resource.name), resource, last: resource, addedAt: seq, changedAt: seq };
        entries.set(resource.name, fresh);
        size++;
        record(resource.name, fresh);
        return true;
      }
      if (entry.resource === undefined) {
        entry.addedAt = seq;
        size++;
      }
      entry.resource = resource;
      entry.last = resource;
      record(resource.name, entry);
      return true;
    },
    delete(name) {
      const entry = entries.get(name);
      if (entry?.resource === undefined) return false;
      advance(digestOf(entry.resource));
      size--;
      entry.resource = undefined;
      record(name, entry);
      return true;
    },
  };
}

/** Numbers the entries anew. */
function newIndex(entries: ReadonlyMap<string, Entry>): NameIndex & { add(name: string): number } {
  const names: string[] = [];
  const add = (name: string) => names.push(name) - 1;
  for (const [name, entry] of entries) entry.id = add(name);
  return {
    idOf: (name) => entries.get(name)?.id,
    nameOf: (id) => names[id],
    get size() {
      return names.length;
    },
    add,
  };
}

/** Index of the first line of the log with a greater seq. */
function firstAfter(log: readonly { readonly seq: number }[], seq: number): number {
  let low = 0;
  let high = log.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((log[middle]?.seq ?? 0) > seq) high = middle;
    else low = middle + 1;
  }
  return low;
}

function digestOf({ name, version }: Resource): bigint {
  return hash("sha256", `${name}\n${version}`, "buffer").readBigUInt64BE();
}

export interface WritableTables extends ViewTables {
  table(typeUrl: TypeUrl): WritableTable;
  complete: boolean;
}

/** Tables for the types the bridge serves; any other type is an empty table that never changes. */
export function createTables(): WritableTables {
  const tables = new Map(Object.values(TYPE_URL).map((typeUrl) => [typeUrl as TypeUrl, createTable()]));
  const none = createTable();
  return { table: (typeUrl) => tables.get(typeUrl) ?? none, complete: false };
}
