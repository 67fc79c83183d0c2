import assert from "node:assert/strict";
import { copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { DrivenView } from "../../../deploy/cli/rollout.ts";
import { startMembers } from "../../../deploy/engine/testing.ts";
import { valueAt } from "../../../deploy/json/value.ts";
import { systemClock } from "../../kernel/clock.ts";
import { runCommand } from "../testing/run.ts";

const EXAMPLES = new URL("../../../examples/deploy/", import.meta.url);
const WEB = "deployments/shop/web";
const IMAGE = ["spec", "template", "spec", "containers", 0, "image"];
const ROLLOUT = `  rollout:
    gate: { workload: applied }
    stages:
      - { name: canary, clusters: [eu-1] }
      - { name: rest, maxConcurrency: 1, approval: true }
  placement:`;
/** Turns come twenty times as fast. */
const clock = { ...systemClock, sleep: (ms: number, signal?: AbortSignal) => systemClock.sleep(ms / 20, signal) };

async function rig(t: TestContext, rollout = ROLLOUT) {
  const { servers, dir } = await startMembers(t, ["eu-1", "us-1", "us-2"]);
  const file = join(dir, "web.yaml");
  await copyFile(new URL("clusters.yaml", EXAMPLES), join(dir, "clusters.yaml"));
  const text = await readFile(new URL("web.yaml", EXAMPLES), "utf8");
  await writeFile(file, text.replace("  placement:", rollout));
  const allow = ["--allow", "http", "insecure-skip-tls-verify"];
  const given = ["-f", file, "--clusters", join(dir, "clusters.yaml"), "--timeout", "2s", ...allow];
  const run = (verb: string, ...words: readonly string[]) => runCommand(["deploy", verb, ...given, ...words], { clock });
  const say = (...words: readonly string[]) => runCommand(["deploy", "rollout", ...words, "-f", file], { clock });
  const apply = async (...words: readonly string[]) => {
    const { code, stdout, stderr } = await run("apply", "-o", "json", "--wait", "2s", ...words);
    assert.notEqual(stdout, "", stderr);
    return { code, stderr, view: JSON.parse(stdout) as DrivenView };
  };
  const edit = async (from: string, to: string) => await writeFile(file, (await readFile(file, "utf8")).replace(from, to));
  const images = () =>
    [...servers.values()].map(({ objects }) => /:([\d.]+)$/.exec(String(valueAt(objects.get(WEB), IMAGE)))?.[1]);
  const writes = () =>
    [...servers.values()].reduce((sum, { counts }) => sum + (counts["PATCH"] ?? 0) + (counts["DELETE"] ?? 0), 0);
  return { run, say, apply, edit, images, writes, servers, state: `${file}.rollout` };
}

test("the canary first; the rest when it is approved; then nothing more is written", async (t) => {
  const { say, apply, images, writes, run } = await rig(t);
  const { hash } = JSON.parse((await run("plan", "-o", "json")).stdout) as { readonly hash: string };
  const first = await apply("--plan-hash", hash);
  assert.deepEqual([first.code, first.view.ended, first.view.reason], [1, "time is up", "ApprovalNeeded"], first.stderr);
  assert.deepEqual(images(), ["2.53", undefined, undefined]);
  assert.match(first.stderr, /eu-1 {2}Passed/);
  const status = await say("status");
  assert.deepEqual([status.code, /eu-1 +Passed/.test(status.stdout)], [1, true], status.stdout);
  assert.match((await say("approve", "nobody")).stderr, /MB_DEPLOY_REFUSED.*there are: canary, rest/s);
  assert.equal((await say("approve", "rest")).code, 0);
  const second = await apply();
  assert.deepEqual([second.code, second.view.ended, images()], [0, "done", ["2.53", "2.53", "2.53"]], second.stderr);
  const before = writes();
  const third = await apply();
  assert.deepEqual([third.code, writes()], [0, before], third.stderr);
  assert.equal((await say("status")).code, 0);
});

test("a plan that is another by now is refused before anything is kept or written", async (t) => {
  const { run, writes, say } = await rig(t);
  const { code, stderr } = await run("apply", "--plan-hash", "0123456789abcdef");
  assert.deepEqual([code, writes()], [1, 0]);
  assert.match(stderr, /MB_DEPLOY_PLAN_CHANGED/);
  assert.match((await say("status")).stderr, /nothing was rolled out/);
});

test("undo goes back to the template that was kept, also where the file has only the new one; resume tries again", async (t) => {
  const { say, apply, edit, images } = await rig(t, ROLLOUT.replace(", approval: true", ""));
  assert.equal((await apply()).code, 0);
  await edit("agnhost:2.53", "agnhost:2.54");
  assert.deepEqual([(await apply()).code, images()], [0, ["2.54", "2.54", "2.54"]]);
  assert.equal((await say("undo")).code, 0);
  const undone = await apply();
  assert.deepEqual([undone.code, undone.view.phase, images()], [1, "RolledBack", ["2.53", "2.53", "2.53"]], undone.stderr);
  assert.equal((await say("resume")).code, 0);
  assert.deepEqual([(await apply()).code, images()], [0, ["2.54", "2.54", "2.54"]]);
});

test("paused, nothing begins; what was not told keeps its revision", async (t) => {
  const { say, apply, edit, images } = await rig(t);
  await apply();
  await say("approve", "rest");
  assert.equal((await apply()).code, 0);
  await edit("agnhost:2.53", "agnhost:2.54");
  await apply();
  assert.equal((await say("pause")).code, 0);
  assert.equal((await say("approve", "rest")).code, 0);
  const paused = await apply();
  assert.deepEqual([paused.code, paused.view.phase, images()], [1, "Paused", ["2.54", "2.53", "2.53"]], paused.stderr);
  await say("resume");
  assert.deepEqual([(await apply()).code, images()], [0, ["2.54", "2.54", "2.54"]]);
});

test("a registry gate without a bridge to ask is a mistake, unless that is meant", async (t) => {
  const { run, apply } = await rig(t, ROLLOUT.replace("applied }", "applied, registry: { service: shop/web } }"));
  const { code, stderr } = await run("apply");
  assert.equal(code, 2);
  assert.match(stderr, /give --bridge URL/);
  assert.equal((await apply("--without-bridge")).view.reason, "ApprovalNeeded");
});

test("one process drives; one that was killed holds nobody up", async (t) => {
  const { run, apply, state } = await rig(t, ROLLOUT.replace(", approval: true", ""));
  await mkdir(state);
  await writeFile(join(state, "driver.pid"), `${process.ppid}\n`);
  const busy = await run("apply");
  assert.equal(busy.code, 1);
  assert.match(busy.stderr, /MB_DEPLOY_BUSY/);
  await writeFile(join(state, "driver.pid"), "999999999\n");
  assert.equal((await apply()).code, 0);
});

test("delete takes it away everywhere and ends", async (t) => {
  const { run, apply, servers } = await rig(t, ROLLOUT.replace(", approval: true", ""));
  await apply();
  const { code, stderr } = await run("delete", "--wait", "5s");
  assert.equal(code, 0, stderr);
  assert.deepEqual(
    [...servers.values()].map(({ objects }) => objects.size),
    [0, 0, 0],
  );
});
