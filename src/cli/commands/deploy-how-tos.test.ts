/** The examples of the how-tos, as they are in the repository, against API servers in this process. */
import assert from "node:assert/strict";
import { copyFile, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { startMembers } from "../../../deploy/engine/testing.ts";
import { valueAt } from "../../../deploy/json/value.ts";
import { systemClock } from "../../kernel/clock.ts";
import { runCommand } from "../testing/run.ts";

const EXAMPLES = new URL("../../../examples/deploy/", import.meta.url);

async function rig(t: TestContext, name: string) {
  const { servers, dir } = await startMembers(t, ["eu-1", "us-1", "us-2"]);
  for (const one of [name, "clusters.yaml"]) await copyFile(new URL(one, EXAMPLES), join(dir, one));
  const fleet = join(dir, "clusters.yaml");
  const given = ["-f", join(dir, name), "--clusters", fleet, "--timeout", "1s", "--allow", "http", "insecure-skip-tls-verify"];
  const run = (verb: string, ...words: readonly string[]) =>
    runCommand(["deploy", verb, ...given, ...words], { clock: systemClock });
  const server = (cluster: string) => servers.get(cluster) ?? assert.fail(cluster);
  const editFleet = async (from: RegExp, to: string) => {
    const text = await readFile(fleet, "utf8");
    assert.match(text, from);
    await writeFile(fleet, text.replace(from, to));
  };
  const deletes = () => [...servers.values()].reduce((sum, { counts }) => sum + (counts["DELETE"] ?? 0), 0);
  return { run, server, servers, editFleet, deletes };
}

test("canary: what it would do is told, stage by stage it is one apply", async (t) => {
  const { run, servers } = await rig(t, "canary.yaml");
  const { code, stdout, stderr } = await run("plan");
  assert.equal(code, 0, stderr);
  assert.equal(stdout.match(/ create /g)?.length, 6);
  // There are no controllers here, so the canary never becomes ready: nothing is changed beyond it.
  const { stderr: said } = await run("apply", "--wait", "1s");
  assert.deepEqual(
    [...servers].map(([name, { objects }]) => [name, objects.has("deployments/shop/canary")]),
    [
      ["eu-1", true],
      ["us-1", false],
      ["us-2", false],
    ],
    said,
  );
});

test("failover drill: an outage moves nothing, a taint does, and the dark cluster is not touched", async (t) => {
  const { run, server, servers, editFleet, deletes } = await rig(t, "failover.yaml");
  const replicas = () =>
    [...servers.values()].map(({ objects }) => valueAt(objects.get("deployments/shop/failover"), ["spec", "replicas"]));
  assert.equal((await run("apply")).code, 0);
  assert.deepEqual(replicas(), [2, 2, 2]);
  server("us-2").hang(true);
  const planned = await run("plan");
  assert.equal(planned.code, 3);
  assert.doesNotMatch(planned.stdout, /update|delete|create/);
  const taint = (minutes: number) =>
    `taints: [{ key: outage, effect: NoExecute, timeAdded: "${new Date(Date.now() - minutes * 60_000).toISOString()}" }]`;
  await editFleet(/kubeconfig: us-2.kubeconfig/, `kubeconfig: us-2.kubeconfig, ${taint(0.5)}`);
  await run("apply");
  assert.deepEqual(replicas(), [2, 2, 2], "endured for a minute");
  await editFleet(/taints: \[.*\]/, taint(5));
  const moved = await run("apply");
  assert.equal(moved.code, 3, moved.stderr);
  assert.deepEqual([replicas(), deletes()], [[3, 3, 2], 0]);
  server("us-2").hang(false);
});

test("adopt: an equal object is taken over, one that differs is told, and none is deleted in the end", async (t) => {
  const { run, server, deletes } = await rig(t, "adopt.yaml");
  const theirs = (greeting: string) => ({
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "adopt", namespace: "shop" },
    data: { greeting },
  });
  server("eu-1").put("configmaps/shop/adopt", theirs("hello"));
  server("us-1").put("configmaps/shop/adopt", theirs("other"));
  const applied = await run("apply");
  assert.equal(applied.code, 1, applied.stderr);
  assert.match(applied.stdout, /eu-1 +update +ConfigMap shop\/adopt +done/);
  assert.match(applied.stdout, /us-1 +blocked .*differs in/);
  assert.deepEqual(server("us-1").objects.get("configmaps/shop/adopt")?.["data"], { greeting: "other" });
  const gone = await run("delete");
  assert.equal(gone.code, 0, gone.stderr);
  assert.equal(deletes(), 0);
  assert.ok(server("eu-1").objects.has("configmaps/shop/adopt"));
});
