/** How a path leads to its file: every name on the way whose replacement would make the path mean something else. */
import type { BigIntStats } from "node:fs";
import { lstat, readlink, stat } from "node:fs/promises";
import { join, parse, resolve, sep } from "node:path";

export interface FileTrace {
  /** The links on the way and the last name, each with the directory it stands in. */
  readonly steps: readonly FileStep[];
  /** Set when the path is a directory: its entries matter then. */
  readonly directory: { readonly path: string; readonly inode: bigint } | undefined;
  /** Differs when the file, or what the path leads to, has changed. */
  readonly fingerprint: string;
}

export interface FileStep {
  readonly directory: string;
  /** Inode of that directory, to notice that it was replaced. */
  readonly inode: bigint;
  readonly name: string;
}

/** As many as Linux follows before ELOOP. */
const MAX_LINKS = 40;

/** Never rejects: a path that leads nowhere has the fingerprint of its error. */
export async function traceFile(path: string): Promise<FileTrace> {
  const steps: FileStep[] = [];
  let rest = split(path);
  let at = parse(resolve(path)).root;
  for (let links = 0; ; ) {
    const name = rest.shift();
    if (name === undefined) break;
    const entry = await statOf(join(at, name), lstat);
    if (typeof entry !== "string" && entry.isSymbolicLink() && links++ < MAX_LINKS) {
      steps.push(await step(at, name));
      rest = [...split(resolve(at, await targetOf(join(at, name)))), ...rest];
      at = parse(at).root;
      continue;
    }
    // A missing directory cannot be watched; the nearest one above it can, for the missing name.
    if (rest.length === 0 || typeof entry === "string") {
      steps.push(await step(at, name));
      at = join(at, name, ...rest);
      break;
    }
    at = join(at, name);
  }
  const end = await statOf(at, stat);
  if (typeof end === "string") return { steps, directory: undefined, fingerprint: `${path} ${at} ${end}` };
  const { ino, size, mtimeNs, ctimeNs } = end;
  const directory = end.isDirectory() ? { path: at, inode: ino } : undefined;
  return { steps, directory, fingerprint: `${path} ${at} ${ino} ${size} ${mtimeNs} ${ctimeNs}` };
}

function split(path: string): string[] {
  return resolve(path)
    .slice(parse(resolve(path)).root.length)
    .split(sep)
    .filter((name) => name !== "");
}

async function step(directory: string, name: string): Promise<FileStep> {
  const entry = await statOf(directory, stat);
  return { directory, inode: typeof entry === "string" ? 0n : entry.ino, name };
}

type StatFunction = (path: string, options: { bigint: true }) => Promise<BigIntStats>;

/** The error's code instead of a rejection: not being there is one of the states a watched path can have. */
async function statOf(path: string, read: StatFunction): Promise<BigIntStats | string> {
  try {
    return await read(path, { bigint: true });
  } catch (error) {
    return codeOf(error);
  }
}

async function targetOf(link: string): Promise<string> {
  try {
    return await readlink(link);
  } catch (error) {
    // Replaced between lstat and here; the event of that replacement brings the next look.
    return `unreadable-link-${codeOf(error)}`;
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "UNKNOWN";
}
