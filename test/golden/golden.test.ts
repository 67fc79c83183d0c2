/**
 * From configuration and services to xDS, held against files: the name of the input is the name of the test.
 * UPDATE_GOLDEN=1 rewrites the outputs and removes those that belong to no input.
 */
import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { readWorld, renderWorld } from "./world.ts";

const IN = new URL("in/", import.meta.url).pathname;
const OUT = new URL("out/", import.meta.url).pathname;
const update = process.env["UPDATE_GOLDEN"] === "1";

const inputs = readdirSync(IN)
  .filter((file) => file.endsWith(".yaml"))
  .sort();
const written = new Set<string>();
mkdirSync(OUT, { recursive: true });

for (const file of inputs) {
  const name = file.replace(/\.yaml$/, "");
  const outputs = renderWorld(readWorld(readFileSync(join(IN, file), "utf8"), name));
  for (const output of outputs.keys()) written.add(`${name}.${output}.yaml`);
  test(`golden: ${name}`, () => {
    for (const [output, text] of outputs) {
      const path = join(OUT, `${name}.${output}.yaml`);
      if (update) writeFileSync(path, text);
      assert.equal(text, readFileSync(path, "utf8"), `${name}.${output}.yaml differs; UPDATE_GOLDEN=1 rewrites it`);
    }
  });
}

test("golden: there are inputs, and no output without one", () => {
  assert.ok(inputs.length >= 20, `${inputs.length} inputs`);
  for (const file of readdirSync(OUT)) {
    if (update && !written.has(file)) rmSync(join(OUT, file));
    else assert.ok(written.has(file), `${file} belongs to no input`);
  }
});
