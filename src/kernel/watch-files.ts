/**
 * Tells when files may have changed, whichever way they are written: rewritten in place, replaced by a rename (most
 * editors), or swapped by a symlink above them (Kubernetes ConfigMaps and Secrets swap the directory link `..data`).
 * Therefore directories are watched, never files: a watch on a file stays with the old inode.
 */
import { type FSWatcher, watch } from "node:fs";
import { basename } from "node:path";
import type { Clock } from "./clock.ts";
import { type FileTrace, traceFile } from "./file-trace.ts";

export interface WatchFilesOptions {
  readonly signal: AbortSignal;
  readonly clock: Clock;
  /** A notice is given after no event has come for so long: a writer in the middle of a file is waited for. Default 50. */
  readonly quietMs?: number;
  /** But never later than this after the first event, so that steady writing is seen as well. Default 2000. */
  readonly maxWaitMs?: number;
  /** How often the files are compared without an event: watches miss network file systems and new folders. Default 5000. */
  readonly pollMs?: number;
  /** Asked at each poll: true gives a notice even without a change, for whoever failed to read and must try again. */
  readonly again?: () => boolean;
}

/**
 * `paths` says which absolute paths matter (files or directories, there or not); it is asked anew before each notice.
 * The first notice comes at once, when the watches stand: whoever reads after it misses nothing. Every later one means
 * "look again": something may have changed, not that it has. Notices coalesce. Ends, without error, at the abort.
 */
export async function* watchFiles(
  paths: () => Promise<readonly string[]> | readonly string[],
  { signal, clock, quietMs = 50, maxWaitMs = 2000, pollMs = 5000, again = () => false }: WatchFilesOptions,
): AsyncGenerator<void, void, undefined> {
  const bell = createBell();
  const watches = createWatches(bell.ring);
  try {
    let before: string | undefined;
    while (!signal.aborted) {
      const { fingerprint, entries } = await look(await paths());
      watches.set(entries);
      if (before !== fingerprint || bell.take() || again()) {
        before = fingerprint;
        yield;
      }
      await pause(bell, clock, { quietMs, maxWaitMs, pollMs, signal });
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    watches.close();
  }
}

interface Bell {
  ring(): void;
  /** Whether it rang since it was last taken. */
  take(): boolean;
  readonly rung: boolean;
  /** Resolves when it rings, at once when it has; never rejects. */
  wait(): Promise<void>;
}

function createBell(): Bell {
  let rung = false;
  let wake: () => void = () => undefined;
  return {
    ring() {
      rung = true;
      wake();
    },
    take() {
      const was = rung;
      rung = false;
      return was;
    },
    get rung() {
      return rung;
    },
    wait: () =>
      new Promise((resolve) => {
        if (rung) resolve();
        else wake = resolve;
      }),
  };
}

interface Pace {
  readonly quietMs: number;
  readonly maxWaitMs: number;
  readonly pollMs: number;
  readonly signal: AbortSignal;
}

/** Returns when the next look is due: after an event and the quiet that follows it, or at the next poll. */
async function pause(bell: Bell, clock: Clock, { quietMs, maxWaitMs, pollMs, signal }: Pace): Promise<void> {
  await ringOrSleep(bell, clock, pollMs, signal);
  if (!bell.rung) return;
  const until = clock.monotonic() + maxWaitMs;
  while (bell.take() && clock.monotonic() < until) await clock.sleep(quietMs, signal);
  // What was rung is answered by the look that follows; the fingerprint need not differ for it.
  bell.ring();
}

async function ringOrSleep(bell: Bell, clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  const rest = new AbortController();
  const sleeping = clock.sleep(ms, AbortSignal.any([signal, rest.signal])).catch((error: unknown) => {
    if (!rest.signal.aborted) throw error; // Called off by the bell below; an abort from outside goes on.
  });
  await Promise.race([sleeping, bell.wait()]);
  rest.abort();
  await sleeping;
}

interface Look {
  readonly fingerprint: string;
  /** Names that matter, by the directory to watch. */
  readonly entries: ReadonlyMap<string, Entry>;
}

interface Entry {
  readonly names: Set<string>;
  /** True when every name in the directory matters. */
  all: boolean;
  readonly inode: bigint;
}

async function look(paths: readonly string[]): Promise<Look> {
  const traces: readonly FileTrace[] = await Promise.all(paths.map(traceFile));
  const entries = new Map<string, Entry>();
  for (const { steps, directory } of traces) {
    for (const { directory: parent, inode, name } of steps) {
      const entry = entries.get(parent) ?? { names: new Set(), all: false, inode };
      entry.names.add(name);
      entries.set(parent, entry);
    }
    if (directory === undefined) continue;
    const entry = entries.get(directory.path) ?? { names: new Set(), all: true, inode: directory.inode };
    entry.all = true;
    entries.set(directory.path, entry);
  }
  return { fingerprint: traces.map(({ fingerprint }) => fingerprint).join("\n"), entries };
}

/** The standing watches: one a directory, closed when no longer needed, opened anew when the directory was replaced. */
function createWatches(ring: () => void) {
  const open = new Map<string, { readonly watcher: FSWatcher; readonly inode: bigint; entry: Entry }>();
  const close = (path: string) => {
    open.get(path)?.watcher.close();
    open.delete(path);
  };
  const start = (path: string, entry: Entry) => {
    try {
      const watcher = watch(path, { persistent: false }, (_event, name) => {
        const wanted = open.get(path)?.entry;
        if (wanted === undefined) return;
        // Its own name: the directory itself was moved or removed.
        if (name === null || wanted.all || wanted.names.has(name) || name === basename(path)) ring();
      });
      // The directory went away, or the system ran out of watches: the poll opens it again.
      watcher.on("error", () => close(path));
      open.set(path, { watcher, inode: entry.inode, entry });
    } catch {
      // No watch to be had here (too many, not supported, just removed): the poll alone sees changes until one is.
      close(path);
    }
  };
  return {
    set(entries: ReadonlyMap<string, Entry>) {
      for (const [path, { inode }] of open) if (entries.get(path)?.inode !== inode) close(path);
      for (const [path, entry] of entries) {
        const standing = open.get(path);
        if (standing === undefined) start(path, entry);
        else standing.entry = entry;
      }
    },
    close() {
      for (const path of [...open.keys()]) close(path);
    },
  };
}
