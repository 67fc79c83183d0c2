import assert from "node:assert/strict";
import { mkdir, mkdtemp, rename, rm, symlink, unlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { systemClock } from "../kernel/clock.ts";
import { loadConfig } from "./load.ts";
import { testOptions } from "./testing.ts";
import { type ConfigUpdate, watchConfig } from "./watch.ts";

const level = (name: string) => `log: { level: ${name} }\n`;
const deadline = { timeout: 15_000 };

function said(update: ConfigUpdate): string {
  return "ok" in update ? update.ok.log.level : update.error.code;
}

async function follow(t: TestContext, path: string) {
  const options = testOptions({ path });
  const { text } = await loadConfig(options);
  const controller = new AbortController();
  const updates = watchConfig({ ...options, text, signal: controller.signal, clock: systemClock });
  t.after(() => controller.abort());
  const next = async () => {
    const { value, done } = await updates.next();
    return done === true ? "ended" : said(value);
  };
  return { next, abort: () => controller.abort() };
}

/** All of it at once: a busy machine may rest between the two steps of `writeFile`, and an empty file is another fault. */
async function replace(path: string, text: string): Promise<void> {
  await writeFile(`${path}.new`, text);
  await rename(`${path}.new`, path);
}

async function folder(t: TestContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "watch-config-"));
  t.after(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

test("every change is told, however it is written; a bad file once, and that it is good again", deadline, async (t) => {
  const dir = await folder(t);
  const path = join(dir, "meshbridge.yaml");
  await writeFile(path, level("info"));
  const watched = await follow(t, path);

  await writeFile(path, level("warn"));
  assert.equal(await watched.next(), "warn");
  await replace(path, level("error"));
  assert.equal(await watched.next(), "error");
  await writeFile(path, "log: { level: loud }\n");
  assert.equal(await watched.next(), "MB_CONFIG_INVALID");
  await unlink(path);
  assert.equal(await watched.next(), "MB_CONFIG_UNREADABLE");
  await replace(path, level("error"));
  assert.equal(await watched.next(), "error");
});

test("a rewrite of the same content, and the same fault again, are not told", deadline, async (t) => {
  const path = join(await folder(t), "meshbridge.yaml");
  await writeFile(path, level("info"));
  const watched = await follow(t, path);
  await replace(path, level("info"));
  // Longer than the quiet period: each write is looked at by itself.
  await systemClock.sleep(500);
  await replace(path, "nothing: 1\n");
  assert.equal(await watched.next(), "MB_CONFIG_INVALID");
  await replace(path, "nothing: 2\n");
  const next = watched.next();
  await systemClock.sleep(500);
  await replace(path, level("debug"));
  assert.equal(await next, "debug");
});

test("a mounted ConfigMap is followed through its swaps", deadline, async (t) => {
  const mount = await folder(t);
  const swap = async (version: string, text: string) => {
    await mkdir(join(mount, `..${version}`));
    await writeFile(join(mount, `..${version}`, "meshbridge.yaml"), text);
    await symlink(`..${version}`, join(mount, "..data_tmp"));
    await rename(join(mount, "..data_tmp"), join(mount, "..data"));
  };
  await swap("v1", level("info"));
  const path = join(mount, "meshbridge.yaml");
  await symlink("..data/meshbridge.yaml", path);
  const watched = await follow(t, path);
  for (const name of ["warn", "error", "debug"]) {
    await swap(name, level(name));
    assert.equal(await watched.next(), name);
  }
});

test("it ends at the abort", deadline, async (t) => {
  const path = join(await folder(t), "meshbridge.yaml");
  await writeFile(path, level("info"));
  const watched = await follow(t, path);
  const next = watched.next();
  watched.abort();
  assert.equal(await next, "ended");
});
