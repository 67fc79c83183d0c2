import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { parseAllDocuments } from "yaml";
import { writers } from "../../../adapters/writers.ts";
import { runCommand } from "../testing/run.ts";

const EXAMPLES = join(import.meta.dirname, "../../../examples/sidecar");
const run = (file: string, config: string) =>
  runCommand(["sidecar", "manifest", "-f", join(EXAMPLES, file), "-c", join(EXAMPLES, config)], { deps: { writers } });

for (const config of ["consul.yaml", "zookeeper.yaml"])
  test(`sidecar manifest: the example with ${config} is complete, and its configuration is valid`, async () => {
    const { code, stdout, stderr } = await run("deployment.yaml", config);
    assert.equal(code, 0, stderr);
    const objects = parseAllDocuments(stdout).map((document) => document.toJS() as { kind: string });
    assert.deepEqual(
      objects.map(({ kind }) => kind),
      ["ConfigMap", "ServiceAccount", "Role", "RoleBinding", "Deployment"],
    );
  });

test("sidecar manifest: a file without a workload, and one that is not there, are told", async () => {
  const none = await run("consul.yaml", "consul.yaml");
  assert.equal(none.code, 2);
  assert.match(none.stderr, /has no Deployment, StatefulSet or DaemonSet/);
  const missing = await run("nothing.yaml", "consul.yaml");
  assert.match(missing.stderr, /MB_CONFIG_UNREADABLE/);
});
