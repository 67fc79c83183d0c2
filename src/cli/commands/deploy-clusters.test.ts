import assert from "node:assert/strict";
import { copyFile, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { startMembers } from "../../../deploy/engine/testing.ts";
import { textAt, valueAt } from "../../../deploy/json/value.ts";
import { systemClock } from "../../kernel/clock.ts";
import { runCommand } from "../testing/run.ts";

const WEB = new URL("../../../examples/deploy/web.yaml", import.meta.url);

async function rig(t: TestContext) {
  const { servers, dir } = await startMembers(t, ["eu-1", "us-1", "hub"]);
  const fleet = join(dir, "fleet.yaml");
  await copyFile(WEB, join(dir, "web.yaml"));
  const allow = ["--allow", "http", "insecure-skip-tls-verify"];
  const run = (verb: string, ...words: readonly string[]) =>
    runCommand(["deploy", "clusters", verb, ...words, "--clusters", fleet, "--timeout", "2s", ...allow], { clock: systemClock });
  const admin = (name: string) => ["--kubeconfig", join(dir, `${name}.kubeconfig`)];
  // The administrators' files stand elsewhere than the members'.
  for (const name of ["eu-1", "us-1"]) {
    await copyFile(join(dir, `${name}.kubeconfig`), join(dir, `admin-${name}.kubeconfig`));
  }
  const join_ = (name: string, ...words: readonly string[]) =>
    run("join", name, ...admin(`admin-${name}`), "-f", join(dir, "web.yaml"), ...words);
  const deploy = (verb: string) =>
    runCommand(["deploy", verb, "-f", join(dir, "web.yaml"), "--clusters", fleet, "--timeout", "2s", ...allow], {
      clock: systemClock,
    });
  const server = (name: string) => servers.get(name) ?? assert.fail(name);
  return { run, admin, join: join_, deploy, server, dir, fleet, text: () => readFile(fleet, "utf8") };
}

test("join shows the rights first, and does nothing until it is told yes", async (t) => {
  const { join, server, text } = await rig(t);
  const { code, stdout, stderr } = await join("eu-1");
  assert.deepEqual([code, server("eu-1").objects.size], [0, 0], stderr);
  assert.match(stdout, /kind: ClusterRole\n/);
  assert.match(stderr, /nothing was written/);
  await assert.rejects(text(), /ENOENT/);
});

test("a member that joined is deployed to with its own token", async (t) => {
  const { join, server, text, dir, deploy, run } = await rig(t);
  const { code, stderr } = await join("eu-1", "--yes", "--region", "eu", "--label", "tier=production");
  assert.equal(code, 0, stderr);
  assert.match(stderr, /eu-1 has joined: .*good until/);
  assert.ok(server("eu-1").objects.has("clusterroles//meshbridge-deploy"));
  assert.match(await text(), /region: eu/);
  const kubeconfig = `${dir}/eu-1.kubeconfig`;
  assert.equal((await stat(kubeconfig)).mode & 0o777, 0o600);
  assert.match(await readFile(kubeconfig, "utf8"), /token: e30\./);
  const applied = await deploy("apply");
  assert.equal(applied.code, 0, applied.stderr);
  const listed = JSON.parse((await run("list", "-o", "json")).stdout) as {
    health: string;
    version: string;
    tokenExpiresAt: string;
  }[];
  assert.deepEqual([listed[0]?.health, listed[0]?.version], ["Ready", "v1.0.0-fake"]);
  assert.ok(Date.parse(listed[0]?.tokenExpiresAt ?? "") > Date.now() + 23 * 3_600_000);
});

test("the hub gets a Cluster and a Secret with the same credentials", async (t) => {
  const { join, server, dir, admin, run } = await rig(t);
  const hub = ["--hub-kubeconfig", admin("hub")[1] ?? ""];
  const joined = await join("eu-1", "--yes", ...hub);
  assert.equal(joined.code, 0, joined.stderr);
  const { objects } = server("hub");
  assert.equal(textAt(objects.get("clusters//eu-1"), "spec", "secretRef", "name"), "cluster-eu-1");
  const kubeconfig = () =>
    Buffer.from(textAt(objects.get("secrets/meshbridge-system/cluster-eu-1"), "data", "kubeconfig") ?? "", "base64").toString();
  assert.equal(kubeconfig(), await readFile(`${dir}/eu-1.kubeconfig`, "utf8"));
  assert.equal((await run("cordon", "eu-1", ...hub)).code, 0);
  assert.equal(valueAt(objects.get("clusters//eu-1"), ["spec", "unschedulable"]), true);
  assert.equal((await run("uncordon", "eu-1", ...hub)).code, 0);
  assert.equal(valueAt(objects.get("clusters//eu-1"), ["spec", "unschedulable"]), undefined);
  const left = await run("unjoin", "eu-1", ...admin("admin-eu-1"), ...hub);
  assert.equal(left.code, 0, left.stderr);
  assert.deepEqual([...objects.keys()], []);
});

test("a taint has the time it was put on, keeps it, and is taken off", async (t) => {
  const { join, run, text } = await rig(t);
  await join("eu-1", "--yes");
  assert.equal((await run("taint", "eu-1", "outage=power:NoExecute")).code, 0);
  const time = /timeAdded: (\S+)/.exec(await text())?.[1];
  assert.ok(time !== undefined && Math.abs(Date.now() - Date.parse(time.replaceAll('"', ""))) < 60_000, await text());
  await run("taint", "eu-1", "outage:NoExecute");
  await run("taint", "eu-1", "spare:NoSchedule");
  assert.equal(/timeAdded: (\S+)/.exec(await text())?.[1], time, "since when it counts does not change");
  assert.match((await run("list", "-o", "wide")).stdout, /outage:NoExecute,spare:NoSchedule/);
  for (const off of ["outage:NoExecute-", "spare:NoSchedule-"]) await run("taint", "eu-1", off);
  assert.doesNotMatch(await text(), /taints/);
  assert.match((await run("taint", "eu-1", "outage")).stderr, /MB_USAGE.*a taint is key/);
});

test("a token is renewed when it is time, by the account itself", async (t) => {
  const { join, run, dir } = await rig(t);
  await join("eu-1", "--yes", "--token-life", "2s");
  const before = await readFile(`${dir}/eu-1.kubeconfig`, "utf8");
  assert.match((await run("renew")).stdout, /kept +good until/);
  const forced = await run("renew", "--force");
  assert.match(forced.stdout, /renewed/);
  assert.notEqual(await readFile(`${dir}/eu-1.kubeconfig`, "utf8"), before);
  await writeFile(`${dir}/eu-1.kubeconfig`, before.slice(before.indexOf("\n") + 1));
  assert.match((await run("renew", "--force")).stdout, /kept +its credentials are not ours/);
});

test("a cluster that holds workloads does not leave unless they are left behind", async (t) => {
  const { join, run, deploy, server, text, dir, admin } = await rig(t);
  await join("eu-1", "--yes", "--region", "eu", "--label", "tier=production");
  const applied = await deploy("apply");
  assert.equal(applied.code, 0, applied.stderr);
  const refused = await run("unjoin", "eu-1", ...admin("admin-eu-1"));
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /MB_CLUSTER_IN_USE: cluster eu-1 still holds 4 objects/);
  assert.match(await text(), /eu-1/);
  const left = await run("unjoin", "eu-1", "--orphan", ...admin("admin-eu-1"));
  assert.equal(left.code, 0, left.stderr);
  assert.match(left.stderr, /4 objects stay there without our marks/);
  const { objects, counts } = server("eu-1");
  assert.ok(objects.has("deployments/shop/web"));
  assert.doesNotMatch(
    JSON.stringify(objects.get("deployments/shop/web")?.["metadata"]).replaceAll("managedFields", ""),
    /"used-by/,
  );
  assert.ok(
    !objects.has("clusterroles//meshbridge-deploy") && !objects.has("serviceaccounts/meshbridge-system/meshbridge-deploy"),
  );
  assert.equal(counts["DELETE"], 5, "the account and its rights, and nothing else");
  await assert.rejects(stat(`${dir}/eu-1.kubeconfig`));
});

test("a dead cluster leaves only by force, and is not asked", async (t) => {
  const { join, run, server, text } = await rig(t);
  await join("eu-1", "--yes");
  server("eu-1").hang(true);
  const listed = await run("list");
  assert.equal(listed.code, 3);
  assert.match(listed.stdout, /eu-1 +NotReady/);
  const before = server("eu-1").counts["DELETE"];
  const forced = await run("unjoin", "eu-1", "--force");
  assert.equal(forced.code, 0, forced.stderr);
  assert.match(forced.stderr, /its account stays/);
  assert.doesNotMatch(await text(), /eu-1/);
  assert.equal(server("eu-1").counts["DELETE"], before);
  server("eu-1").hang(false);
});

test("a member tells its names by the About API and the hub's inventory, and what room it has", async (t) => {
  const { join, run, server, admin } = await rig(t);
  const hub = ["--hub-kubeconfig", admin("hub")[1] ?? ""];
  await join("eu-1", "--yes", ...hub);
  const property = (name: string, value: string) =>
    server("eu-1").put(`clusterproperties//${name}`, {
      apiVersion: "about.k8s.io/v1alpha1",
      kind: "ClusterProperty",
      metadata: { name },
      spec: { value },
    });
  property("cluster.clusterset.k8s.io", "id-7");
  property("clusterset.k8s.io", "shops");
  const profile = {
    apiVersion: "multicluster.x-k8s.io/v1alpha1",
    kind: "ClusterProfile",
    metadata: { name: "p7", namespace: "fleet" },
  };
  server("hub").put("clusterprofiles/fleet/p7", { ...profile, spec: { displayName: "eu-1" } });
  const node = (name: string, taints: readonly { readonly effect: string }[]) =>
    server("eu-1").put(`nodes//${name}`, {
      ...{ apiVersion: "v1", kind: "Node", metadata: { name }, spec: { taints: [...taints] } },
      status: { allocatable: { cpu: "4", memory: "8Gi", pods: "110" }, conditions: [{ type: "Ready", status: "True" }] },
    });
  node("a", []);
  node("b", [{ effect: "NoSchedule" }]);
  const requests = { cpu: "500m", memory: "1Gi" };
  const pod = { apiVersion: "v1", kind: "Pod", metadata: { name: "x", namespace: "shop" } };
  const containers = [{ name: "x", resources: { requests } }];
  server("eu-1").put("pods/shop/x", { ...pod, spec: { nodeName: "a", containers } });
  const lastTransitionTime = "2026-01-01T00:00:00Z";
  const conditions = [{ type: "PodScheduled", status: "False", reason: "Unschedulable", lastTransitionTime }];
  server("eu-1").put("pods/shop/y", {
    ...pod,
    metadata: { name: "y", namespace: "shop" },
    spec: { containers },
    status: { conditions },
  });
  const { stdout, stderr } = await run("list", "-o", "json", ...hub);
  const [row] = JSON.parse(stdout) as Readonly<Record<string, unknown>>[];
  const { id, clusterSet, profile: named, nodes, readyNodes, room, unschedulablePods } = row ?? assert.fail(stderr);
  assert.deepEqual(
    { id, clusterSet, named, nodes, readyNodes, room, unschedulablePods },
    {
      ...{ id: "id-7", clusterSet: "shops", named: "fleet/p7", nodes: 2, readyNodes: 1, unschedulablePods: 1 },
      room: { cpuMilli: 3500, memoryBytes: 7 * 2 ** 30, pods: 109 },
    },
  );
});

test("a kubeconfig that runs a program is refused unless it is allowed by name", async (t) => {
  const { run, dir } = await rig(t);
  const exec = { apiVersion: "client.authentication.k8s.io/v1", command: "/bin/false", interactiveMode: "Never" };
  const config = {
    clusters: [{ name: "x", cluster: { server: "http://127.0.0.1:1" } }],
    users: [{ name: "x", user: { exec } }],
    contexts: [{ name: "x", context: { cluster: "x", user: "x" } }],
  };
  await writeFile(join(dir, "exec.kubeconfig"), JSON.stringify(config));
  const words = ["x", "--kind", "apps/Deployment", "--kubeconfig", join(dir, "exec.kubeconfig")];
  const refused = await run("join", ...words);
  assert.match(refused.stderr, /MB_KUBECONFIG_INVALID.*exec/);
  const allowed = await run("join", ...words, "--allow-exec");
  assert.doesNotMatch(allowed.stderr, /MB_KUBECONFIG_INVALID/);
  assert.match(allowed.stderr, /MB_CLUSTER_/);
});

test("what cannot be is told as usage", async (t) => {
  const { run } = await rig(t);
  assert.match((await run("join", "x")).stderr, /MB_USAGE.*say what is to be deployed/);
  assert.match((await run("join", "x", "--kind", "Deployment")).stderr, /group\/Kind/);
  assert.match((await run("cordon", "x")).stderr, /there is no such file/);
});

test("the examples of other projects are converted without a note, and the result can be planned", async (t) => {
  const { dir } = await startMembers(t, ["eu-1", "us-1", "us-2"]);
  const allow = ["--allow", "http", "insecure-skip-tls-verify"];
  for (const name of ["kubefed", "karmada"]) {
    const file = new URL(`../../../examples/deploy/convert/${name}.yaml`, import.meta.url).pathname;
    const converted = await runCommand(["deploy", "convert", "--strict", "-f", file]);
    assert.deepEqual([converted.code, converted.stderr], [0, ""]);
    await writeFile(join(dir, "web.yaml"), converted.stdout);
    await copyFile(new URL("../../../examples/deploy/clusters.yaml", import.meta.url), join(dir, "clusters.yaml"));
    const given = ["-f", join(dir, "web.yaml"), "--clusters", join(dir, "clusters.yaml"), ...allow];
    const planned = await runCommand(["deploy", "plan", ...given], { clock: systemClock });
    assert.equal(planned.code, 0, planned.stderr);
    assert.equal(planned.stdout.match(/ create /g)?.length, 3, planned.stdout);
  }
});
