import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { adapters } from "../../../adapters/index.ts";
import { writers } from "../../../adapters/writers.ts";
import { MeshbridgeError } from "../../kernel/errors.ts";
import { loadAnyConfig, parseClusterConfig } from "../../sidecar/settings/load.ts";

const EXAMPLE = join(import.meta.dirname, "../../../examples/sidecar/cluster.yaml");

/** The problems of a text, as lines without their places. */
function problems(text: string): readonly string[] {
  try {
    parseClusterConfig(text, "s.yaml", writers, adapters);
  } catch (error) {
    if (!(error instanceof MeshbridgeError)) throw error;
    return String(error.details["problems"])
      .split("\n")
      .map((line) => line.replace(/^s.yaml:\d+:\d+ {2}/, ""));
  }
  return [];
}

test("the example of the cluster scope is valid, and known by its scope", async () => {
  const loaded = await loadAnyConfig(EXAMPLE, writers, adapters);
  assert.equal(loaded.scope, "cluster");
  assert.equal(loaded.file.mirrors.length, 2);
});

test("what a schema cannot say: names that are not there, an agent as target, a place that leads to itself", async () => {
  const text = await readFile(EXAMPLE, "utf8");
  assert.deepEqual(problems(text.replace("mode: catalog", "mode: agent").replace("from: consul", "from: konsul")), [
    "targets[0]  needs `mode: catalog`: the replica that acts may be on any node, and an agent speaks for its own",
    'mirrors[1].from  there is no source "konsul"; did you mean "consul"?',
  ]);
  assert.deepEqual(problems(text.replace("to: [east]", "to: [consul]")), ['mirrors[1].to[0]  "consul" is where it comes from']);
  assert.match(problems(text.replace("kind: kubernetes, namespace", "kind: file, namespace"))[0] ?? "", /^election/);
});
