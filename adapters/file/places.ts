/** Which files the setting `path` means, and which places on disk to watch for them. */
import type { Dirent } from "node:fs";
import { glob } from "node:fs/promises";
import { isAbsolute, join, relative, resolve, sep } from "node:path";

export interface Place {
  readonly path: string;
  /** For people: from the folder of the configuration where it is below that, else absolute. */
  readonly file: string;
}

export interface Listing {
  /** In the order of the setting, the matches of a glob by name; no file twice. */
  readonly files: readonly Place[];
  /** Globs that match nothing, and why. */
  readonly unmatched: readonly { readonly file: string; readonly reason: string }[];
  /** Files, and the folders in which a match could appear. */
  readonly watched: readonly string[];
}

const GLOB = /[*?[\]{}]/;

/** Never rejects. A path without a glob is a file, there or not; folders that match a glob are passed over. */
export async function listFiles(setting: string | readonly string[], baseDir: string): Promise<Listing> {
  const files = new Map<string, Place>();
  const unmatched: { file: string; reason: string }[] = [];
  const watched = new Set<string>();
  for (const pattern of typeof setting === "string" ? [setting] : setting) {
    const { base, rest } = cut(pattern, baseDir);
    if (rest.length === 0) {
      files.set(base, place(base, baseDir));
      watched.add(base);
      continue;
    }
    const found = await matches(base, rest);
    for (const folder of found.folders) watched.add(folder);
    for (const path of found.files) {
      files.set(path, place(path, baseDir));
      watched.add(path);
    }
    if (found.files.length === 0) unmatched.push({ file: place(join(base, ...rest), baseDir).file, reason: found.reason });
  }
  return { files: [...files.values()], unmatched, watched: [...watched] };
}

function place(path: string, baseDir: string): Place {
  const below = relative(baseDir, path);
  return { path, file: below.startsWith("..") || isAbsolute(below) ? path : below };
}

/** The folder before the first glob, and the parts from there on. The base folder's own name is never a glob. */
function cut(pattern: string, baseDir: string): { readonly base: string; readonly rest: readonly string[] } {
  const parts = pattern.split(sep);
  const first = parts.findIndex((part) => GLOB.test(part));
  if (first === -1) return { base: resolve(baseDir, pattern), rest: [] };
  return {
    base: resolve(baseDir, parts.slice(0, first).join(sep) || (isAbsolute(pattern) ? sep : ".")),
    rest: parts.slice(first),
  };
}

async function matches(base: string, rest: readonly string[]) {
  const folders = new Set([base]);
  try {
    for (let depth = 1; depth < rest.length; depth++)
      for (const entry of await entries(base, rest.slice(0, depth)))
        if (entry.isDirectory()) folders.add(join(entry.parentPath, entry.name));
    const files = (await entries(base, rest)).filter((entry) => !entry.isDirectory());
    const paths = files.map((entry) => join(entry.parentPath, entry.name)).sort();
    return { files: paths, folders, reason: "no file matches" };
  } catch (error) {
    // A folder on the way cannot be read: that is a reason to keep what was known, not to stop watching.
    return { files: [], folders, reason: error instanceof Error ? error.message : String(error) };
  }
}

async function entries(cwd: string, parts: readonly string[]): Promise<readonly Dirent[]> {
  const found: Dirent[] = [];
  for await (const entry of glob(parts.join("/"), { cwd, withFileTypes: true })) found.push(entry);
  return found;
}
