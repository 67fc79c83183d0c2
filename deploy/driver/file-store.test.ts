import assert from "node:assert/strict";
import { mkdtempDisposable, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { beginRollout } from "../rollout/step.ts";
import { createFileStore } from "./file-store.ts";
import type { DriverState } from "./types.ts";

const state = (revision: string): DriverState => ({ rollout: beginRollout(undefined, revision), removals: [] });

async function rig(t: TestContext) {
  const dir = await mkdtempDisposable(join(tmpdir(), "rollout-"));
  t.after(() => dir.remove());
  const path = join(dir.path, "web.yaml.rollout");
  return { path, open: (workload = "shop/web") => createFileStore(path, workload) };
}

test("what was kept last is found by the next process, for this user alone", async (t) => {
  const { path, open } = await rig(t);
  const store = open();
  assert.equal(await store.load(t.signal), undefined);
  await store.save(state("a1"), t.signal);
  await store.save(state("a2"), t.signal);
  assert.deepEqual(await open().load(t.signal), state("a2"));
  assert.deepEqual(await readdir(path), ["state-2.json"]);
  assert.equal((await stat(join(path, "state-2.json"))).mode & 0o077, 0);
});

test("of two that go on from one state only the first is kept, and the other learns of it", async (t) => {
  const { open } = await rig(t);
  const [one, other] = [open(), open()];
  await one.save(state("a1"), t.signal);
  await other.load(t.signal);
  await one.save(state("a2"), t.signal);
  await assert.rejects(other.save(state("a3"), t.signal), /MB_DEPLOY_TAKEN_OVER/);
  assert.deepEqual(await other.load(t.signal), state("a2"));
  await other.save(state("a3"), t.signal);
});

test("killed between making a state and removing the one before: the newer counts", async (t) => {
  const { path, open } = await rig(t);
  const store = open();
  await store.save(state("a1"), t.signal);
  const before = await readFile(join(path, "state-1.json"), "utf8");
  await store.save(state("a2"), t.signal);
  await writeFile(join(path, "state-1.json"), before);
  assert.deepEqual(await open().load(t.signal), state("a2"));
});

for (const [what, edit] of [
  ["edited", (text: string) => text.replace("Progressing", "Succeeded")],
  ["cut off", (text: string) => text.slice(0, text.length / 2)],
  ["of another format", (text: string) => text.replace('"format": 1', '"format": 2')],
] as const)
  test(`a state that is ${what} is refused, not guessed at`, async (t) => {
    const { path, open } = await rig(t);
    await open().save(state("a1"), t.signal);
    const file = join(path, "state-1.json");
    await writeFile(file, edit(await readFile(file, "utf8")));
    await assert.rejects(open().load(t.signal), /MB_DEPLOY_STATE/);
  });

test("the state of another workload is refused", async (t) => {
  const { open } = await rig(t);
  await open().save(state("a1"), t.signal);
  await assert.rejects(open("shop/other").load(t.signal), /about another workload/);
});

test("templates are kept until no state names them", async (t) => {
  const { open } = await rig(t);
  const store = open();
  const template = (revision: string) => ({ revision, manifests: [{ kind: "ConfigMap", data: { secret: "x" } }], overrides: [] });
  for (const revision of ["a1", "a2"]) await store.keepTemplate(template(revision), t.signal);
  await store.keepTemplate(template("a1"), t.signal);
  assert.deepEqual(await store.template("a1", t.signal), template("a1"));
  await store.prune(new Set(["a2"]), t.signal);
  assert.equal(await store.template("a1", t.signal), undefined);
  assert.deepEqual(await store.template("a2", t.signal), template("a2"));
});
