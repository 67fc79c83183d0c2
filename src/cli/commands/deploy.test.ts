import assert from "node:assert/strict";
import { copyFile, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { startMembers } from "../../../deploy/engine/testing.ts";
import { valueAt } from "../../../deploy/json/value.ts";
import { systemClock } from "../../kernel/clock.ts";
import { runCommand } from "../testing/run.ts";

const EXAMPLES = new URL("../../../examples/deploy/", import.meta.url);
const WEB = "deployments/shop/web";

async function rig(t: TestContext) {
  const { servers, dir } = await startMembers(t, ["eu-1", "us-1", "us-2"]);
  const file = join(dir, "web.yaml");
  for (const name of ["web.yaml", "clusters.yaml"]) await copyFile(new URL(name, EXAMPLES), join(dir, name));
  const allow = ["--allow", "http", "insecure-skip-tls-verify"];
  const given = ["-f", file, "--clusters", join(dir, "clusters.yaml"), "--timeout", "2s", ...allow];
  const run = (verb: string, ...words: readonly string[]) =>
    runCommand(["deploy", verb, ...given, ...words], { clock: systemClock });
  const edit = async (change: (text: string) => string) => await writeFile(file, change(await readFile(file, "utf8")));
  const server = (name: string) => servers.get(name) ?? assert.fail(name);
  const writes = () =>
    [...servers.values()].reduce((sum, { counts }) => sum + (counts["PATCH"] ?? 0) + (counts["DELETE"] ?? 0), 0);
  const replicas = () => [...servers.values()].map(({ objects }) => valueAt(objects.get(WEB), ["spec", "replicas"]));
  return { run, edit, server, servers, writes, replicas, dir };
}

interface PlanJson {
  readonly hash: string;
  readonly actions: readonly { readonly verb: string; readonly reason: string }[];
  readonly ask?: { readonly hash: string };
}
const verbs = (stdout: string) => (JSON.parse(stdout) as PlanJson).actions.map(({ verb }) => verb);

test("what is planned is done, and a second apply writes nothing", async (t) => {
  const { run, server, writes, replicas } = await rig(t);
  const planned = await run("plan", "-o", "json");
  const { hash } = JSON.parse(planned.stdout) as PlanJson;
  assert.deepEqual([planned.code, writes(), verbs(planned.stdout)], [0, 0, Array.from({ length: 12 }, () => "create")]);
  const applied = await run("apply", "--plan-hash", hash);
  assert.deepEqual([applied.code, writes(), replicas()], [0, 12, [4, 2, 3]], applied.stderr);
  const image = valueAt(server("us-1").objects.get(WEB), ["spec", "template", "spec", "containers", 0, "image"]);
  assert.equal(image, "us.example.com/e2e-test-images/agnhost:2.53");
  const again = await run("apply");
  assert.deepEqual([again.code, writes()], [0, 12]);
  assert.match(again.stderr, /nothing to do: every cluster is as declared/);
});

test("what the workload names follows from the cluster that has it, without what binds it there", async (t) => {
  const { run, edit, server, dir } = await rig(t);
  await edit((text) => text.replace("envFrom:", "envFrom:\n                    - secretRef: { name: credentials }"));
  await edit((text) => text.replace("  placement:", "  policy: { dependencies: Follow }\n  placement:"));
  const alone = await run("plan");
  assert.match(alone.stderr, /note: Secret credentials is named by the workload and not in its template/);
  for (const verb of ["plan", "status"]) {
    const { missing } = JSON.parse((await run(verb, "-o", "json")).stdout) as { readonly missing: readonly string[] };
    assert.deepEqual(missing, ["Secret shop/credentials"], verb);
  }
  const metadata = {
    name: "credentials",
    namespace: "shop",
    annotations: { "kubectl.kubernetes.io/last-applied-configuration": "x" },
  };
  server("us-2").put("secrets/shop/credentials", { apiVersion: "v1", kind: "Secret", metadata, data: { key: "c2VjcmV0" } });
  const from = ["--dependencies-from", "us-2", "--kubeconfig", `${dir}/us-2.kubeconfig`];
  const applied = await run("apply", ...from);
  assert.equal(applied.code, 0, applied.stderr);
  const copy = server("eu-1").objects.get("secrets/shop/credentials");
  assert.equal(valueAt(copy, ["data", "key"]), "c2VjcmV0");
  assert.equal(valueAt(copy, ["metadata", "annotations", "kubectl.kubernetes.io/last-applied-configuration"]), undefined);
  assert.doesNotMatch(applied.stdout + applied.stderr, /c2VjcmV0/);
});

test("a plan that is another by now is refused before anything is written", async (t) => {
  const { run, edit, writes } = await rig(t);
  const { hash } = JSON.parse((await run("plan", "-o", "json")).stdout) as PlanJson;
  await edit((text) => text.replace("total: 9", "total: 8"));
  const { code, stderr } = await run("apply", "--plan-hash", hash);
  assert.deepEqual([code, writes()], [1, 0]);
  assert.match(stderr, /MB_DEPLOY_PLAN_CHANGED/);
});

test("bad input is told with file, line and column", async (t) => {
  const { run, edit, writes } = await rig(t);
  await edit((text) => text.replace("total: 9", "total: nine"));
  const { code, stderr } = await run("apply");
  assert.deepEqual([code, writes()], [2, 0]);
  assert.match(stderr, /web\.yaml:\d+:\d+ {2}spec\.replicas\.total/);
});

test("a cluster that is down keeps its share, gets no delete, and holds up nobody", async (t) => {
  const { run, edit, server, replicas } = await rig(t);
  await run("apply");
  server("us-2").hang(true);
  await edit((text) => text.replace("total: 9", "total: 12").replace("max: 4", "max: 9"));
  const { code, stderr } = await run("apply");
  assert.equal(code, 3);
  assert.match(stderr, /cluster us-2 did not answer/);
  assert.deepEqual(replicas().slice(2), [3]);
  assert.equal(Number(replicas()[0]) + Number(replicas()[1]), 9);
  server("us-2").hang(false);
  assert.equal((await run("apply")).code, 0);
  assert.equal(
    replicas().reduce<number>((sum, one) => sum + Number(one), 0),
    12,
  );
});

test("a placement that matches nothing any more deletes nothing until somebody says so", async (t) => {
  const { run, edit, servers } = await rig(t);
  await run("apply");
  await edit((text) => text.replace("tier: production", "tier: none"));
  const refused = await run("apply");
  assert.equal(refused.code, 1);
  assert.match(refused.stderr + refused.stdout, /no healthy copy is known elsewhere; allow the last copy to go/);
  const { code, stdout } = await run("apply", "--allow-last-copy", "-o", "json");
  const { ask } = JSON.parse(stdout) as PlanJson;
  assert.deepEqual([code, new Set(verbs(stdout))], [1, new Set(["held"])]);
  for (const { counts } of servers.values()) assert.equal(counts["DELETE"], undefined);
  const gone = await run("apply", "--approve-deletes", ask?.hash ?? "", "--allow-last-copy");
  assert.deepEqual([gone.code, [...servers.values()].map(({ objects }) => objects.size)], [0, [0, 0, 0]], gone.stderr);
});

test("delete takes everything away in reverse order; why and diff explain", async (t) => {
  const { run, edit, servers } = await rig(t);
  await run("apply");
  const why = await run("why");
  assert.match(why.stdout, /eu-1 {2}placed: .*\n {2}4 replicas/);
  await edit((text) => text.replace("greeting: hello", "greeting: bye"));
  const diff = await run("diff");
  assert.match(diff.stdout, /eu-1 {2}ConfigMap shop\/web {2}update: .*\n(.*\n)? {2}\/data\/greeting: "hello" -> "bye"/);
  const gone = await run("delete", "-o", "json");
  assert.equal(gone.code, 0, gone.stderr);
  assert.deepEqual(
    [...servers.values()].map(({ objects }) => objects.size),
    [0, 0, 0],
  );
});
