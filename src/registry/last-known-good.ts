/**
 * What a registry said last, kept on disk over restarts, so that a bridge that starts while the registry is down serves
 * what was true last instead of nothing. Checksummed and atomically replaced; a damaged file falls back to the one before.
 */
import { createHash } from "node:crypto";
import { mkdir, open, readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../kernel/clock.ts";
import { reasonOf } from "../kernel/errors.ts";
import { createLatest } from "../kernel/latest.ts";
import type { Log } from "../kernel/log.ts";
import type { Group } from "../model/group.ts";

const FORMAT = 1;
/** Writes of one registry are at least this far apart; the newest state wins. */
const QUIET_MS = 1000;

export interface LastKnownGood {
  /** The groups saved last; undefined when there are none, they are damaged, or belong to other settings. */
  load(): Promise<readonly Group[] | undefined>;
  /** Asks for a write soon; `groups` is called when it happens. A disk that fails costs a warning, nothing else. */
  save(groups: () => readonly Group[]): void;
  /** Writes what is waiting and ends. */
  flush(): Promise<void>;
}

export interface LastKnownGoodOptions {
  readonly dir: string;
  readonly registry: string;
  /** What the groups depend on (kind and settings): saved groups of another fingerprint are ignored. */
  readonly fingerprint: string;
  readonly clock: Clock;
  readonly log: Log;
}

export function createLastKnownGood({ dir, registry, fingerprint, clock, log }: LastKnownGoodOptions): LastKnownGood {
  // The fingerprint is part of the name, so that a changed registry built beside the old one never writes over it.
  const path = join(dir, `${encodeURIComponent(registry)}-${checksum(fingerprint).slice(0, 12)}.json`);
  const previous = `${path}.previous`;
  const waiting = createLatest<() => readonly Group[]>();
  const ending = new AbortController();

  const readOne = async (file: string): Promise<readonly Group[] | undefined> => {
    try {
      const saved = parse(await readFile(file, "utf8"));
      return saved.fingerprint === fingerprint ? saved.groups : undefined;
    } catch (error) {
      if (!isMissing(error)) log.warn({ registry, file, reason: reasonOf(error) }, "saved state is not usable and is ignored");
      return undefined;
    }
  };

  const write = async (groups: readonly Group[]) => {
    try {
      await mkdir(dir, { recursive: true, mode: 0o700 });
      const temporary = `${path}.new`;
      const file = await open(temporary, "w", 0o600);
      try {
        await file.writeFile(format(fingerprint, clock.now(), groups));
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(path, previous).catch((error: unknown) => {
        if (!isMissing(error)) throw error;
      });
      await rename(temporary, path);
    } catch (error) {
      log.warn({ registry, dir, reason: reasonOf(error) }, "saved state could not be written; a restart will not know it");
    }
  };

  const writer = (async () => {
    for await (const groups of waiting) {
      await write(groups());
      // The sleep's only rejection is the end, after which the last state is written without a wait.
      await clock.sleep(QUIET_MS, ending.signal).catch(() => undefined);
    }
  })();

  return {
    load: async () => (await readOne(path)) ?? (await readOne(previous)),
    save: (groups) => waiting.push(groups),
    async flush() {
      waiting.close();
      ending.abort(new Error("ending"));
      await writer;
    },
  };
}

interface Saved {
  readonly fingerprint: string;
  readonly groups: readonly Group[];
}

/** First line: format, checksum of the rest. Second line: the content. */
function format(fingerprint: string, savedAt: number, groups: readonly Group[]): string {
  const body = JSON.stringify({ fingerprint, savedAt, groups });
  return `meshbridge-last-known-good ${FORMAT} ${checksum(body)}\n${body}\n`;
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
