/**
 * What a registry said last, kept on disk over restarts, so that a bridge that starts while the registry is down serves
 * what was true last instead of nothing. Checksummed and atomically replaced; a damaged file falls back to the one before.
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import type { Clock } from "../kernel/clock.ts";
import { reasonOf } from "../kernel/errors.ts";
import { createLatest } from "../kernel/latest.ts";
import type { Log } from "../kernel/log.ts";
import type { Group } from "../model/group.ts";
import { diskFiles, type StateFiles } from "./state-files.ts";

const FORMAT = 1;
/** Writes of one registry are at least this far apart; the newest state wins. */
const QUIET_MS = 1000;
/** How exactly it is kept when the registry last confirmed what is saved. */
const CONFIRM_MS = 10_000;

export interface LastKnownGood {
  /** What was saved last; undefined when there is nothing, it is damaged, or belongs to other settings. */
  load(): Promise<SavedState | undefined>;
  /** Asks for a write soon; `groups` is called when it happens. A disk that fails costs a warning, nothing else. */
  save(groups: () => readonly Group[]): void;
  /** The registry says that what was saved last is still so: it counts as saved now. Ignored until a write succeeded. */
  confirm(): void;
  /** Writes what is waiting and ends. */
  flush(): Promise<void>;
}

/** Groups as a registry said them last, and when they were written or confirmed. */
export interface SavedState {
  readonly groups: readonly Group[];
  /** Wall-clock ms since the epoch. */
  readonly savedAt: number;
}

export interface LastKnownGoodOptions {
  readonly dir: string;
  readonly registry: string;
  /** What the groups depend on (kind and settings): saved groups of another fingerprint are ignored. */
  readonly fingerprint: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Default: the disk. */
  readonly files?: StateFiles | undefined;
}

export function createLastKnownGood(options: LastKnownGoodOptions): LastKnownGood {
  const { dir, registry, fingerprint, clock, log, files = diskFiles } = options;
  // The fingerprint is part of the name, so that a changed registry built beside the old one never writes over it.
  const path = join(dir, `${encodeURIComponent(registry)}-${checksum(fingerprint).slice(0, 12)}.json`);
  const previous = `${path}.previous`;
  const confirmation = `${path}.confirmed`;
  const waiting = createLatest<() => readonly Group[]>();
  const confirming = createLatest<number>();
  const ending = new AbortController();

  const readOne = async (file: string): Promise<SavedState | undefined> => {
    try {
      const saved = parse(await files.read(file));
      return saved.fingerprint === fingerprint ? saved : undefined;
    } catch (error) {
      if (!isMissing(error)) log.warn({ registry, file, reason: reasonOf(error) }, "saved state is not usable and is ignored");
      return undefined;
    }
  };

  /** How often something was to be saved, and up to which of these the disk has it. */
  let asked = 0;
  let written = 0;
  const write = async (groups: readonly Group[], upTo: number) => {
    try {
      const temporary = `${path}.new`;
      await files.write(temporary, format(fingerprint, clock.now(), groups));
      await files.rename(path, previous).catch((error: unknown) => {
        if (!isMissing(error)) throw error;
      });
      await files.rename(temporary, path);
      written = upTo;
    } catch (error) {
      log.warn({ registry, dir, reason: reasonOf(error) }, "saved state could not be written; a restart will not know it");
    }
  };

  const writer = (async () => {
    for await (const groups of waiting) {
      await write(groups(), asked);
      // The sleep's only rejection is the end, after which the last state is written without a wait.
      await clock.sleep(QUIET_MS, ending.signal).catch(() => undefined);
    }
  })();

  const writeConfirmation = async (at: number) => {
    try {
      await files.write(`${confirmation}.new`, `${at}\n`);
      await files.rename(`${confirmation}.new`, confirmation);
    } catch (error) {
      // What is saved is then thought older than it is, which costs nothing but its priority after a restart.
      log.debug({ registry, dir, reason: reasonOf(error) }, "the age of the saved state could not be written");
    }
  };
  const confirmer = (async () => {
    for await (const at of confirming) {
      await writeConfirmation(at);
      // As above.
      await clock.sleep(CONFIRM_MS, ending.signal).catch(() => undefined);
    }
  })();

  /** The newest of what was saved counts as confirmed; the one before it was replaced because it was so no more. */
  const newest = async (): Promise<SavedState | undefined> => {
    const saved = await readOne(path);
    if (saved === undefined) return undefined;
    const confirmedAt = Number(await files.read(confirmation).catch(() => ""));
    return { ...saved, savedAt: Number.isSafeInteger(confirmedAt) ? Math.max(saved.savedAt, confirmedAt) : saved.savedAt };
  };

  return {
    load: async () => (await newest()) ?? (await readOne(previous)),
    save(groups) {
      asked++;
      waiting.push(groups);
    },
    confirm() {
      if (written > 0 && written === asked) confirming.push(clock.now());
    },
    async flush() {
      waiting.close();
      confirming.close();
      ending.abort(new Error("ending"));
      await Promise.all([writer, confirmer]);
    },
  };
}

interface Saved extends SavedState {
  readonly fingerprint: string;
}

/** First line: format, checksum of the rest. Second line: the content. */
function format(fingerprint: string, savedAt: number, groups: readonly Group[]): string {
  const body = JSON.stringify({ fingerprint, savedAt, groups: groups.map(bare) });
  return `meshbridge-last-known-good ${FORMAT} ${checksum(body)}\n${body}\n`;
}

/** An instance that is kept knows its group's source (model/compact.ts): in a file it would be said once for each. */
function bare(group: Group): Group {
  return { ...group, instances: group.instances.map((one) => ({ ...one, source: undefined })) };
}

function parse(text: string): Saved {
  const [head = "", body = ""] = text.split("\n", 2);
  const [, version, sum] = head.split(" ");
  if (version !== String(FORMAT)) throw new Error(`format ${version ?? "?"} is not ${FORMAT}`);
  if (sum !== checksum(body)) throw new Error("the checksum does not match: the file is damaged");
  return JSON.parse(body) as Saved;
}

function checksum(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}
