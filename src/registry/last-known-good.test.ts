import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { systemClock } from "../kernel/clock.ts";
import { fakeClock } from "../kernel/fake-clock.ts";
import { type Log, silentLog } from "../kernel/log.ts";
import type { Group } from "../model/group.ts";
import { createLastKnownGood } from "./last-known-good.ts";
import type { StateFiles } from "./state-files.ts";

const group = (name: string): Group => ({
  source: { registry: "r", scope: name },
  service: { namespace: "default", name },
  ports: [],
  labels: {},
  instances: [],
});

async function withDir(work: (dir: string) => Promise<void>): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), "meshbridge-lkg-"));
  try {
    await work(dir);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

const open = (dir: string, fingerprint = "f", log: Log = silentLog) =>
  createLastKnownGood({ dir, registry: "r/1", fingerprint, clock: systemClock, log });

async function saveOnce(dir: string, ...groups: Group[]): Promise<void> {
  const store = open(dir);
  store.save(() => groups);
  await store.flush();
}

test("what was saved last is loaded by the next process", () =>
  withDir(async (dir) => {
    await saveOnce(dir, group("a"));
    await saveOnce(dir, group("b"));
    const store = open(dir);
    assert.deepEqual((await store.load())?.groups, [group("b")]);
    await store.flush();
  }));

test("a damaged file is refused with a warning and the one before is used", () =>
  withDir(async (dir) => {
    await saveOnce(dir, group("a"));
    await saveOnce(dir, group("b"));
    const name = (await readdir(dir)).find((file) => file.endsWith(".json")) ?? "";
    const text = await readFile(join(dir, name), "utf8");
    await writeFile(join(dir, name), text.slice(0, -10));
    const warnings: string[] = [];
    const store = open(dir, "f", { ...silentLog, warn: (_fields, message) => warnings.push(message) });
    assert.deepEqual((await store.load())?.groups, [group("a")]);
    assert.equal(warnings.length, 1);
    await store.flush();
  }));

/** A disk in memory, of which a test may say that it is full. */
function memoryDisk() {
  const texts = new Map<string, string>();
  const disk = { full: false };
  const missing = () => Object.assign(new Error("no such file"), { code: "ENOENT" });
  const files: StateFiles = {
    read: async (path) => texts.get(path) ?? Promise.reject(missing()),
    async write(path, text) {
      if (disk.full) throw new Error("no space left on device");
      texts.set(path, text);
    },
    async rename(from, to) {
      const text = texts.get(from);
      if (text === undefined) throw missing();
      texts.set(to, text);
      texts.delete(from);
    },
  };
  return { disk, files };
}

test("what is confirmed counts as saved then, to ten seconds, as long as the disk has what was said last", async () => {
  const clock = fakeClock(1_000_000);
  const { disk, files } = memoryDisk();
  const options = { dir: "/state", registry: "r", fingerprint: "f", clock, log: silentLog, files };
  const store = createLastKnownGood(options);
  const savedAt = async () => ((await createLastKnownGood(options).load())?.savedAt ?? 0) - 1_000_000;
  store.confirm();
  store.save(() => [group("a")]);
  await clock.advance(0);
  assert.equal(await savedAt(), 0);
  await clock.advance(60_000);
  store.confirm();
  await clock.advance(0);
  assert.equal(await savedAt(), 60_000);
  await clock.advance(5000);
  store.confirm();
  await clock.advance(0);
  assert.equal(await savedAt(), 60_000);
  await clock.advance(5000);
  assert.equal(await savedAt(), 65_000);
  disk.full = true;
  store.save(() => [group("b")]);
  await clock.advance(10_000);
  disk.full = false;
  store.confirm();
  await clock.advance(10_000);
  assert.equal(await savedAt(), 65_000);
  await store.flush();
});

test("state saved under other settings is not used", () =>
  withDir(async (dir) => {
    await saveOnce(dir, group("a"));
    const store = open(dir, "other");
    assert.equal(await store.load(), undefined);
    await store.flush();
  }));

test("a folder that cannot be written costs a warning, nothing else", () =>
  withDir(async (dir) => {
    await writeFile(join(dir, "file"), "");
    const warnings: string[] = [];
    const store = open(join(dir, "file"), "f", { ...silentLog, warn: (_fields, message) => warnings.push(message) });
    store.save(() => [group("a")]);
    await store.flush();
    assert.deepEqual(warnings, ["saved state could not be written; a restart will not know it"]);
  }));
