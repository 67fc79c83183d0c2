import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { Drain } from "../catalog/drains.ts";
import type { Log } from "../kernel/log.ts";
import { silentLog } from "../kernel/log.ts";
import { drainFile } from "./drain-file.ts";

const DRAIN: Drain = {
  service: "shop/web",
  cluster: "eu-1",
  owner: "operator",
  addresses: undefined,
  reason: "upgrade",
  since: 1,
  until: 2,
  force: true,
};

async function folder(t: { after(work: () => Promise<void>): void }): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "meshbridge-drains-"));
  t.after(() => rm(dir, { recursive: true }));
  return dir;
}

test("what was saved is loaded; nothing saved is no drain and no complaint", async (t) => {
  const errors: unknown[] = [];
  const log: Log = { ...silentLog, error: (fields) => errors.push(fields) };
  const file = drainFile(join(await folder(t), "state"), log);
  assert.deepEqual(await file.load(), []);
  const some = [DRAIN, { ...DRAIN, owner: "deploy", addresses: ["10.0.0.1"], force: false }];
  await file.save(some);
  assert.deepEqual(await file.load(), some);
  assert.deepEqual(errors, []);
});

for (const [what, text] of [
  ["no JSON", '{"format":1,"dra'],
  ["another format", '{"format":2,"drains":[]}'],
  ["no drain", '{"format":1,"drains":[{"service":"a/b"}]}'],
  ["no time", JSON.stringify({ format: 1, drains: [{ ...DRAIN, until: "soon" }] })],
] as const) {
  test(`a file with ${what} is said to be unusable, and nothing is drained`, async (t) => {
    const dir = await folder(t);
    const errors: unknown[] = [];
    await writeFile(join(dir, "drains.json"), text);
    assert.deepEqual(await drainFile(dir, { ...silentLog, error: (fields) => errors.push(fields) }).load(), []);
    assert.equal(errors.length, 1);
  });
}

test("a folder that cannot be written is an error of the table, and the file stays as it was", async (t) => {
  const dir = await folder(t);
  await drainFile(dir, silentLog).save([DRAIN]);
  const before = await readFile(join(dir, "drains.json"), "utf8");
  const full = {
    read: () => Promise.reject(new Error("unused")),
    write: () => Promise.reject(new Error("ENOSPC")),
    rename: async () => undefined,
  };
  await assert.rejects(drainFile(dir, silentLog, full).save([]), { code: "MB_STATE_UNWRITABLE", message: /ENOSPC/ });
  assert.equal(await readFile(join(dir, "drains.json"), "utf8"), before);
});
