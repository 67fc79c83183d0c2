/** What of a type is said to a client, and in how many responses. Pure. */
import { type Resource, TYPE_URL, type TypeTable, type ViewTables } from "../types.ts";
import type { Due } from "./due.ts";
import { everyHost, isOnDemandType, isWildcardType, wants } from "./subscription.ts";
import type { TypeState } from "./type-state.ts";

/** Delta responses are split at this many bytes of content: gRPC clients refuse messages above 4 MiB by default. */
const MAX_CHUNK_BYTES = 1024 * 1024;

/** What one response is to say. */
export interface Part {
  readonly resources: readonly Resource[];
  readonly removed: readonly string[];
  /** Absent: none. */
  readonly absent?: readonly string[];
  readonly missing?: readonly string[];
}

/** Undefined: nothing to say. */
export function deltaAnswer(
  state: TypeState,
  { present, removed, absent }: Due,
  tables: ViewTables,
): readonly Part[] | undefined {
  if (present.length === 0 && removed.length === 0 && absent.length === 0)
    return state.mustAnswer ? [{ resources: [], removed: nothingOf(state, tables) }] : undefined;
  const last = absent.length > 0 ? { removed, absent } : { removed };
  return chunksOf(present).map((resources, at, { length }) => ({ resources, ...(at === length - 1 ? last : NOTHING_REMOVED) }));
}

const NOTHING_REMOVED = { removed: [] };

/** At least one; where it is one, the very list. */
function chunksOf(resources: readonly Resource[]): readonly (readonly Resource[])[] {
  const chunks: (readonly Resource[])[] = [];
  let from = 0;
  let bytes = 0;
  for (const [at, { body }] of resources.entries()) {
    if (at > from && bytes + body.byteLength > MAX_CHUNK_BYTES) {
      chunks.push(resources.slice(from, at));
      from = at;
      bytes = 0;
    }
    bytes += body.byteLength;
  }
  return from === 0 ? [resources] : [...chunks, resources.slice(from)];
}

/**
 * Of virtual hosts Envoy does not hear an answer without a name: it takes those of each route configuration apart and
 * waits for all of them at its start.
 */
function nothingOf({ typeUrl }: TypeState, tables: ViewTables): readonly string[] {
  return isOnDemandType(typeUrl)
    ? tables
        .table(TYPE_URL.route)
        .all()
        .map(({ name }) => everyHost(name))
    : [];
}

/**
 * Listeners and clusters are always sent as the whole; of other types only what is due. Of a missing name nothing is said,
 * unless the client understands errors of resources (`tellMissing`).
 */
export function sotwAnswer(
  state: TypeState,
  { present, removed, blocked, waiting }: Due,
  tables: ViewTables,
  tellMissing: boolean,
): readonly Part[] | undefined | "wait" {
  const missing = tellMissing ? removed.filter((name) => state.owed.has(name)) : [];
  const more = missing.length > 0 ? { missing } : {};
  if (!isWildcardType(state.typeUrl))
    return present.length > 0 || missing.length > 0 ? [{ resources: present, removed: [], ...more }] : undefined;
  if (blocked.length > 0) return "wait";
  if (present.length === 0 && removed.length === 0 && !state.mustAnswer) return undefined;
  return [{ resources: wholeOf(state, tables.table(state.typeUrl), waiting), removed: [], ...more }];
}

/** Everything wanted, and what is `lingering`: still referred to by routes the client has, so leaving it out would harm. */
export function wholeOf(
  { subscription }: TypeState,
  table: TypeTable,
  lingering: ReadonlyMap<string, unknown>,
): readonly Resource[] {
  const whole = subscription.wild ? table.all() : table.all().filter(({ name }) => wants(subscription, name));
  return lingering.size === 0 ? whole : [...whole, ...[...lingering.keys()].flatMap((name) => table.removed(name) ?? [])];
}
