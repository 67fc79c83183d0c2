import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { readText } from "../../src/kernel/read-text.ts";
import { listFiles } from "./places.ts";

let dir = "";
before(async () => {
  dir = await mkdtemp(join(tmpdir(), "places-[x]-"));
  for (const name of ["b.yaml", "a.yaml", ".hidden.yaml", "notes.txt", "one/c.yaml", "one/deep/d.yaml", "two/c.yaml"]) {
    await mkdir(dirname(join(dir, name)), { recursive: true });
    await writeFile(join(dir, name), name);
  }
  await mkdir(join(dir, "folder.yaml"));
  await symlink("notes.txt", join(dir, "link.yaml"));
});
after(() => rm(dir, { recursive: true }));

for (const [setting, files, watched] of [
  ["a.yaml", ["a.yaml"], ["a.yaml"]],
  ["./one/../a.yaml", ["a.yaml"], ["a.yaml"]],
  ["missing.yaml", ["missing.yaml"], ["missing.yaml"]],
  ["*.yaml", ["a.yaml", "b.yaml", "link.yaml"], ["", "a.yaml", "b.yaml", "link.yaml"]],
  [
    ["b.yaml", "*.yaml"],
    ["b.yaml", "a.yaml", "link.yaml"],
    ["b.yaml", "", "a.yaml", "link.yaml"],
  ],
  ["*/c.yaml", ["one/c.yaml", "two/c.yaml"], ["", "folder.yaml", "one", "two", "one/c.yaml", "two/c.yaml"]],
  ["one/**/*.yaml", ["one/c.yaml", "one/deep/d.yaml"], ["one", "one/deep", "one/c.yaml", "one/deep/d.yaml"]],
  ["{a,b}.yaml", ["a.yaml", "b.yaml"], ["", "a.yaml", "b.yaml"]],
] as readonly (readonly [string | readonly string[], readonly string[], readonly string[]])[])
  test(`${JSON.stringify(setting)} means ${files.join(", ")}`, async () => {
    const listing = await listFiles(setting, dir);
    assert.deepEqual(
      listing.files.map(({ file }) => file),
      files,
    );
    assert.deepEqual(listing.watched.toSorted(), watched.map((name) => join(dir, name)).sort());
    assert.deepEqual(listing.unmatched, []);
  });

test("a glob without a match says so, and its folder is watched", async () => {
  const listing = await listFiles("nowhere/*.yaml", dir);
  assert.deepEqual(listing, {
    files: [],
    unmatched: [{ file: "nowhere/*.yaml", reason: "no file matches" }],
    watched: [join(dir, "nowhere")],
  });
});

test("a file elsewhere keeps its whole path", async () => {
  const elsewhere = join(tmpdir(), "elsewhere.yaml");
  const listing = await listFiles(elsewhere, dir);
  assert.deepEqual(listing.files, [{ path: elsewhere, file: elsewhere }]);
});

for (const [name, want] of [
  ["a.yaml", { text: "a.yaml" }],
  ["missing", { reason: "there is no such file" }],
  ["a.yaml/below", { reason: "there is no such file" }],
  ["one", { reason: "it is not a file" }],
] as const)
  test(`reading ${name}`, async () => {
    assert.deepEqual(await readText(join(dir, name)), want);
  });
