/** What is known of one resource, object by object, and what a list or an event changes of it. */
import { isDeepStrictEqual } from "node:util";
import { isBefore } from "./watch-line.ts";

/** What is kept of an object, and the version it had. */
export interface Kept<T> {
  readonly item: T;
  readonly version: string | undefined;
}

/** In `changes`, undefined is gone. */
export type Changes<T> = ReadonlyMap<string, T | undefined>;

export interface Known<T> {
  /** True when it differs from what was known. Undefined: the object is gone, or no longer what is kept. */
  take(key: string, kept: Kept<T> | undefined): boolean;
  /** Makes the list what is known. `wentBack`: it has an object in an older version than was seen of it before. */
  replace(listed: ReadonlyMap<string, Kept<T>>): { readonly changes: Changes<T>; readonly wentBack: boolean };
}

export function createKnown<T>(): Known<T> {
  const known = new Map<string, Kept<T>>();
  return {
    take(key, kept) {
      if (kept === undefined) return known.delete(key);
      const before = known.get(key);
      known.set(key, kept);
      return before === undefined || !isDeepStrictEqual(before.item, kept.item);
    },
    replace(listed) {
      const changes = new Map<string, T | undefined>();
      let wentBack = false;
      for (const key of known.keys()) if (!listed.has(key)) changes.set(key, undefined);
      for (const [key, { item, version }] of listed) {
        const before = known.get(key);
        wentBack ||= isOlder(version, before?.version);
        if (before === undefined || !isDeepStrictEqual(before.item, item)) changes.set(key, item);
      }
      known.clear();
      for (const [key, kept] of listed) known.set(key, kept);
      return { changes, wentBack };
    },
  };
}

function isOlder(version: string | undefined, than: string | undefined): boolean {
  return version !== undefined && than !== undefined && isBefore(version, than);
}
