/** What is read of trees of the form `root/<service>/<member>`: names on both levels, data on the two below the root. */
import type { Wanted } from "./types.ts";

/** For `Format.wants`; nothing below the members is read. */
export function wantsTwoLevels({ length: depth }: readonly string[]): Wanted | undefined {
  if (depth === 0) return { children: true };
  if (depth === 1) return { children: true, data: true };
  return depth === 2 ? { data: true } : undefined;
}
