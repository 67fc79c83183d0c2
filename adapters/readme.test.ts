/** Follows adapters/README.md literally: its example adapter is written to disk and passes the contract suite. */
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { pathToFileURL } from "node:url";

const readme = await readFile(join(import.meta.dirname, "README.md"), "utf8");
const blocks = [...readme.matchAll(/^`adapters\/roster\/(\S+)`[^\n]*:\n\n```ts\n(.*?)^```$/gms)].map(
  ([, name = "", code = ""]) => ({ name, code }),
);

test("the page shows an adapter and its test", () => {
  assert.deepEqual(
    blocks.map(({ name }) => name),
    ["index.ts", "roster.test.ts"],
  );
});

// Outside the tree, so that no run leaves a folder behind there: imports are pointed back at it.
const dir = await mkdtemp(join(tmpdir(), "adapter-readme-"));
after(() => rm(dir, { recursive: true, force: true }));
const src = pathToFileURL(join(import.meta.dirname, "..", "src")).href;
for (const { name, code } of blocks)
  await writeFile(
    join(dir, name),
    code.replaceAll('from "../../src/', `from "${src}/`).replace('from "typebox"', `from "${import.meta.resolve("typebox")}"`),
  );

await import(pathToFileURL(join(dir, "roster.test.ts")).href);
