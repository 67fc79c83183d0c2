/** One complete list, page by page. */
import type { ApiRefusal, KubeApi, Query } from "./api.ts";
import type { Kept } from "./known.ts";
import { objectKey, objectVersion } from "./object-key.ts";

const PAGE_SIZE = 500;
const PAGE_MS = 30_000;
/** Half a million objects: a bound, so that a list which never ends is noticed. */
const MAX_PAGES = 1000;
/** A list that expired half-way is begun anew so often; then it is a failure like any other. */
const RESTARTS = 3;

export interface ListOptions<T> {
  readonly api: KubeApi;
  readonly path: string;
  readonly query: Query;
  keep(raw: unknown): T | undefined;
  readonly signal: AbortSignal;
}

export interface List<T> {
  /** By `namespace/name`. */
  readonly items: ReadonlyMap<string, Kept<T>>;
  readonly resourceVersion: string;
}

/** All or nothing: a list of which a page failed is a failure. Rejects with the signal's reason alone. */
export async function listAll<T>(options: ListOptions<T>): Promise<List<T> | ApiRefusal> {
  for (let restart = 0; ; restart++) {
    const list = await listOnce(options);
    // The server forgot where the next page begins (etcd was compacted in between).
    if (!("error" in list) || list.status !== 410 || restart === RESTARTS) return list;
  }
}

async function listOnce<T>({ api, path, query, keep, signal }: ListOptions<T>): Promise<List<T> | ApiRefusal> {
  const items = new Map<string, Kept<T>>();
  let next = "";
  for (let pages = 0; pages < MAX_PAGES; pages++) {
    const page = { ...query, limit: String(PAGE_SIZE), ...(next !== "" && { continue: next }) };
    const answer = await api.get(path, page, { timeoutMs: PAGE_MS, signal });
    if ("error" in answer) return answer;
    const read = readPage(answer.body);
    if (read === undefined) {
      const error = api.faults.badReply(`${path} is no list`);
      return { error, status: 200, retryAfterMs: undefined };
    }
    for (const raw of read.items) {
      const key = objectKey(raw);
      const kept = key === undefined ? undefined : keep(raw);
      if (key !== undefined && kept !== undefined) items.set(key, { item: kept, version: objectVersion(raw) });
    }
    next = read.next;
    if (next === "") return { items, resourceVersion: read.resourceVersion };
  }
  const error = api.faults.badReply(`the list of ${path} does not end`);
  return { error, status: 200, retryAfterMs: undefined };
}

function readPage(body: unknown) {
  if (typeof body !== "object" || body === null) return undefined;
  const { items, metadata } = body as { readonly items?: unknown; readonly metadata?: unknown };
  const { resourceVersion, continue: next } = (metadata ?? {}) as Readonly<Record<string, unknown>>;
  // The API writes an empty list as [], some proxies and old servers as null.
  const list = items ?? [];
  if (!Array.isArray(list) || typeof resourceVersion !== "string" || resourceVersion === "") return undefined;
  return { items: list as readonly unknown[], resourceVersion, next: typeof next === "string" ? next : "" };
}
