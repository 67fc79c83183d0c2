/** The file registry: services written by hand or by another program into YAML or JSON files. */
import { setImmediate as otherWork } from "node:timers/promises";
import { readText } from "../../src/kernel/read-text.ts";
import { watchFiles } from "../../src/kernel/watch-files.ts";
import { fail } from "../../src/model/errors.ts";
import { AUTHORITATIVE, suspect } from "../../src/model/evidence.ts";
import { defineAdapter, type RegistryEvent, type WatchContext } from "../../src/registry/adapter.ts";
import { createFileParser, type FileParser } from "./parse.ts";
import { listFiles, type Place } from "./places.ts";
import { type Known, type Plan, planFiles, type ReadFile } from "./plan.ts";
import { FileSettings } from "./schema.ts";

export const file = defineAdapter({
  kind: "file",
  description: "Services in YAML or JSON files on this machine, read again whenever they change.",
  schema: FileSettings,
  async *watch({ path }, context) {
    const { baseDir, signal, clock } = context;
    const reader = createReader(path, context);
    let known: Known = new Map();
    let first = true;
    const watched = async () => (await listFiles(path, baseDir)).watched;
    for await (const _ of watchFiles(watched, { signal, clock, again: () => reader.failed })) {
      const read = await reader.read(known);
      if (read === undefined) return;
      const { files, unreadable } = read;
      const plan = planFiles(known, files, context.name);
      known = plan.known;
      yield* plan.events;
      yield* conclusion(plan, { files, unreadable, first, registry: context.name });
      if (files.some(({ reading }) => reading?.records !== undefined)) first = false;
    }
  },
});

interface Unreadable {
  readonly file: string;
  readonly reason: string;
}

interface Reader {
  /** Every file of the setting, and those that are gone while services of theirs are known; undefined after an abort. */
  read(known: Known): Promise<{ readonly files: readonly ReadFile[]; readonly unreadable: readonly Unreadable[] } | undefined>;
  /** Whether some file could not be read the last time: it is then tried again without an event. */
  readonly failed: boolean;
}

function createReader(setting: string | readonly string[], { baseDir, settings, signal }: WatchContext): Reader {
  const parsers = new Map<string, FileParser>();
  let failed = false;
  const breathe = async () => {
    await otherWork();
    return !signal.aborted;
  };
  const readOne = async ({ path, file }: Place, unreadable: Unreadable[]): Promise<ReadFile> => {
    const result = await readText(path);
    if ("reason" in result) {
      unreadable.push({ file, reason: result.reason });
      return { file, reading: undefined };
    }
    const parser = parsers.get(path) ?? createFileParser(settings, breathe);
    parsers.set(path, parser);
    return { file, reading: await parser.parse(result.text, path.endsWith(".json") ? "json" : "yaml") };
  };
  return {
    get failed() {
      return failed;
    },
    async read(known) {
      const { files, unmatched } = await listFiles(setting, baseDir);
      const unreadable: Unreadable[] = [];
      const read: ReadFile[] = [];
      for (const place of files) read.push(await readOne(place, unreadable));
      if (signal.aborted) return undefined;
      const listed = new Set(files.map((place) => place.file));
      for (const path of parsers.keys()) if (!files.some((place) => place.path === path)) parsers.delete(path);
      const vanished = new Set([...known.values()].map((said) => said.file).filter((name) => !listed.has(name)));
      for (const name of vanished) {
        read.push({ file: name, reading: undefined });
        unreadable.push({ file: name, reason: "it is gone; to remove its services, write `services: []` into it first" });
      }
      if (vanished.size === 0) unreadable.push(...unmatched);
      failed = unreadable.length > 0;
      return { files: read, unreadable };
    },
  };
}

interface Outcome {
  readonly files: readonly ReadFile[];
  readonly unreadable: readonly Unreadable[];
  /** Nothing was ever read in this run. */
  readonly first: boolean;
  readonly registry: string;
}

/**
 * `synced` when everything was read. When only a part was, the first time: the rest must not wait for it, yet what is
 * missing is no proof. When nothing was, `degraded` alone, so that what an earlier process knew is kept.
 */
function* conclusion(plan: Plan, { files, unreadable, first, registry }: Outcome): Generator<RegistryEvent> {
  const complete = plan.complete && unreadable.length === 0;
  if (complete) yield { type: "synced", evidence: AUTHORITATIVE };
  else if (first && files.some(({ reading }) => reading?.records !== undefined))
    yield { type: "synced", evidence: suspect("partial-read") };
  if (plan.problems.length > 0) {
    const lines = [...unreadable.map((one) => `${one.file}  cannot be read: ${one.reason}`), ...plan.problems];
    yield { type: "degraded", error: fail("MB_FILE_INVALID", { problems: listed(lines) }) };
  } else if (unreadable.length > 0) {
    const path = unreadable.map((one) => one.file).join(", ");
    yield { type: "degraded", error: fail("MB_FILE_UNREADABLE", { registry, path, reason: unreadable[0]?.reason ?? "" }) };
  }
}

const MAX_LINES = 50;

function listed(lines: readonly string[]): string {
  const more = lines.length - MAX_LINES;
  return [...lines.slice(0, MAX_LINES), ...(more > 0 ? [`and ${more} more`] : [])].join("\n");
}
