import assert from "node:assert/strict";
import { appendFile, mkdir, mkdtemp, readFile, rename, rm, symlink, unlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { systemClock } from "./clock.ts";
import { fakeClock } from "./fake-clock.ts";
import { type WatchFilesOptions, watchFiles } from "./watch-files.ts";

async function folder(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "watch-files-"));
  t.after(() => rm(path, { recursive: true, force: true }));
  return path;
}

type Follow = Partial<WatchFilesOptions>;

/** Starts watching and takes the first notice. A poll of an hour: only events count, unless the test says otherwise. */
async function follow(t: TestContext, path: string, options: Follow = {}) {
  const controller = new AbortController();
  t.after(() => controller.abort());
  const notices = watchFiles(() => [path], { signal: controller.signal, clock: systemClock, pollMs: 3_600_000, ...options });
  await notices.next();
  return { next: () => notices.next(), abort: () => controller.abort() };
}

/** Takes notices until the file reads as wanted: a notice promises "look", not that there is something new. */
async function untilContent(watched: Awaited<ReturnType<typeof follow>>, path: string, want: string): Promise<void> {
  for (;;) {
    const notice = await watched.next();
    assert.equal(notice.done, false);
    if ((await readFile(path, "utf8")) === want) return;
  }
}

const deadline = { timeout: 10_000 };

test("a file rewritten in place", deadline, async (t) => {
  const path = join(await folder(t), "a.yaml");
  await writeFile(path, "1");
  const watched = await follow(t, path);
  await writeFile(path, "2");
  await untilContent(watched, path, "2");
  await appendFile(path, "3");
  await untilContent(watched, path, "23");
});

test("a file replaced by a rename, as editors do", deadline, async (t) => {
  const dir = await folder(t);
  const path = join(dir, "a.yaml");
  await writeFile(path, "1");
  const watched = await follow(t, path);
  for (const content of ["2", "3"]) {
    await writeFile(join(dir, ".a.yaml.swp"), content);
    await rename(join(dir, ".a.yaml.swp"), path);
    await untilContent(watched, path, content);
  }
});

test("a file that is removed and comes back", deadline, async (t) => {
  const path = join(await folder(t), "a.yaml");
  await writeFile(path, "1");
  const watched = await follow(t, path);
  await unlink(path);
  await watched.next();
  await assert.rejects(readFile(path), { code: "ENOENT" });
  await writeFile(path, "2");
  await untilContent(watched, path, "2");
});

/** What the kubelet does: a new folder, a new link beside, a rename of the link over the old one. */
async function swapConfigMap(mount: string, version: string): Promise<void> {
  await mkdir(join(mount, `..${version}`));
  await writeFile(join(mount, `..${version}`, "a.yaml"), version);
  await symlink(`..${version}`, join(mount, "..data_tmp"));
  await rename(join(mount, "..data_tmp"), join(mount, "..data"));
}

test("a mounted ConfigMap whose ..data link is swapped", deadline, async (t) => {
  const mount = await folder(t);
  await swapConfigMap(mount, "v1");
  const path = join(mount, "a.yaml");
  await symlink("..data/a.yaml", path);
  const watched = await follow(t, path);
  for (const [next, old] of [
    ["v2", "v1"],
    ["v3", "v2"],
    ["v4", "v3"],
  ] as const) {
    await swapConfigMap(mount, next);
    await rm(join(mount, `..${old}`), { recursive: true });
    await untilContent(watched, path, next);
  }
});

test("a file behind a link into another folder, and behind the next link", deadline, async (t) => {
  const dir = await folder(t);
  const path = join(dir, "link.yaml");
  for (const name of ["one", "two"]) {
    await mkdir(join(dir, name));
    await writeFile(join(dir, name, "real.yaml"), name);
  }
  await symlink("one/real.yaml", path);
  const watched = await follow(t, path);
  await writeFile(join(dir, "one", "real.yaml"), "one changed");
  await untilContent(watched, path, "one changed");
  await symlink("two/real.yaml", join(dir, "tmp"));
  await rename(join(dir, "tmp"), path);
  await untilContent(watched, path, "two");
  await writeFile(join(dir, "two", "real.yaml"), "two changed");
  await untilContent(watched, path, "two changed");
});

test("a folder that does not exist yet", deadline, async (t) => {
  const dir = join(await folder(t), "later");
  const path = join(dir, "a.yaml");
  const watched = await follow(t, path);
  await mkdir(dir);
  await watched.next();
  await writeFile(path, "1");
  await untilContent(watched, path, "1");
});

test("a folder that is replaced by another", deadline, async (t) => {
  const root = await folder(t);
  const path = join(root, "live", "a.yaml");
  for (const name of ["live", "next"]) {
    await mkdir(join(root, name));
    await writeFile(join(root, name, "a.yaml"), name);
  }
  const watched = await follow(t, path, { pollMs: 50 });
  await rename(join(root, "live"), join(root, "old"));
  await rename(join(root, "next"), join(root, "live"));
  await untilContent(watched, path, "next");
  await writeFile(path, "changed");
  await untilContent(watched, path, "changed");
});

test("the entries of a folder", deadline, async (t) => {
  const dir = await folder(t);
  const watched = await follow(t, dir);
  await writeFile(join(dir, "new.yaml"), "1");
  assert.equal((await watched.next()).done, false);
});

test("the poll finds what no watch tells", deadline, async (t) => {
  const dir = await folder(t);
  const clock = fakeClock();
  let asked = 0;
  // The watched path moves elsewhere between two looks: no event can tell of it.
  const paths = () => [join(dir, asked++ === 0 ? "a" : "b")];
  const controller = new AbortController();
  t.after(() => controller.abort());
  const notices = watchFiles(paths, { signal: controller.signal, clock, pollMs: 5000 });
  await notices.next();
  const second = notices.next();
  await advanceUntil(clock, second);
  assert.equal(asked, 2);
});

test("whoever failed to read is woken at the next poll", deadline, async (t) => {
  const clock = fakeClock();
  const controller = new AbortController();
  t.after(() => controller.abort());
  let failed = true;
  const notices = watchFiles(() => [join("/", "nowhere")], {
    signal: controller.signal,
    clock,
    pollMs: 5000,
    again: () => failed,
  });
  await notices.next();
  const second = notices.next();
  await advanceUntil(clock, second);
  assert.equal(clock.monotonic(), 5000);
  failed = false;
  const third = notices.next();
  await waitForSleep(clock);
  await clock.advance(5000);
  await waitForSleep(clock);
  controller.abort();
  assert.equal((await third).done, true);
});

/** Lets real file system calls come back until the loop sleeps on the fake clock. */
async function waitForSleep(clock: ReturnType<typeof fakeClock>): Promise<void> {
  while (clock.sleeping === 0) await new Promise((resolve) => setImmediate(resolve));
}

async function advanceUntil(clock: ReturnType<typeof fakeClock>, notice: Promise<unknown>): Promise<void> {
  await waitForSleep(clock);
  await clock.advance(5000);
  await notice;
}

test("a burst of writes is one notice, after it", deadline, async (t) => {
  const path = join(await folder(t), "a.yaml");
  await writeFile(path, "0");
  const watched = await follow(t, path, { quietMs: 100 });
  for (let part = 1; part <= 20; part++) await appendFile(path, `,${part}`);
  await watched.next();
  assert.match(await readFile(path, "utf8"), /,20$/);
});

test("other files of the folder give no notice", deadline, async (t) => {
  const dir = await folder(t);
  const path = join(dir, "a.yaml");
  await writeFile(path, "1");
  const watched = await follow(t, path);
  for (let line = 0; line < 5; line++) await appendFile(join(dir, "other.log"), "noise\n");
  // Were there a notice of the noise, it would win against a wait of several times the quiet period.
  const next = watched.next();
  const winner = await Promise.race([next.then(() => "notice"), systemClock.sleep(300).then(() => "quiet")]);
  assert.equal(winner, "quiet");
  await writeFile(path, "2");
  await next;
});

test("the abort ends it at once, whatever it waits for", deadline, async (t) => {
  const path = join(await folder(t), "a.yaml");
  const watched = await follow(t, path);
  const next = watched.next();
  watched.abort();
  assert.equal((await next).done, true);
});

test("it does not begin after an abort", async () => {
  const notices = watchFiles(() => ["/"], { signal: AbortSignal.abort(), clock: systemClock });
  assert.equal((await notices.next()).done, true);
});
