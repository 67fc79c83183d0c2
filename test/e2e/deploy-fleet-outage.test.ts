/**
 * One of three real clusters goes dark, as by a stopped process, while workloads are rolled out, scaled and deleted: the others
 * are as fast as before, nothing is deleted on it, it catches up when it is back, and it can leave without being asked.
 */
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { connectMember } from "../../deploy/kube/connect.ts";
import { runCommand } from "../../src/cli/testing/run.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { createTestController } from "../support/deploy-controller.ts";
import { eventually } from "../support/eventually.ts";
import { type Cluster, startKubernetes } from "../support/kubernetes.ts";
import { requireServers } from "../support/require-server.ts";
import { tempDir } from "../support/temp.ts";

const NAMES = ["fl-a", "fl-b", "fl-c"];
const DARK = "fl-c";
const WORKLOADS = 10;
/** Between two changes, as they come to a controller: none waits for the one before. */
const SPACING_MS = 100;
const { skip } = requireServers("etcd", "kubernetes");

function workload(index: number, tag: string, total = 3): string {
  const name = `web-${index}`;
  const containers = [{ name: "web", image: `web:${tag}` }];
  const labels = { app: name };
  const template = { metadata: { labels }, spec: { containers } };
  const deployment = {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name },
    spec: { selector: { matchLabels: labels }, template },
  };
  return JSON.stringify({
    apiVersion: "deploy.meshbridge.io/v1alpha1",
    kind: "FederatedWorkload",
    metadata: { name, namespace: "default" },
    spec: { template: { manifests: [deployment] }, placement: { clusterSelector: {} }, replicas: { total } },
  });
}

interface Live {
  readonly metadata: { readonly name: string; readonly uid: string };
  readonly spec: {
    readonly replicas: number;
    readonly template: { readonly spec: { readonly containers: readonly { readonly image: string }[] } };
  };
}

describe("one of three clusters goes dark", { skip }, () => {
  const scope = new AsyncDisposableStack();
  let clusters: readonly Cluster[] = [];
  let dir = "";
  let controller: ReturnType<typeof createTestController>;
  const cluster = (name: string) => clusters.find((one) => one.name === name) ?? assert.fail(name);
  const deployments = async (name: string) =>
    (await cluster(name).api.send<{ items: readonly Live[] }>("GET", "/apis/apps/v1/namespaces/default/deployments")).items;
  const uids = async (name: string) => (await deployments(name)).map(({ metadata }) => metadata.uid).toSorted();

  /** Changes begun one after the other, whatever becomes of those before; ms until each of the lit clusters has its own. */
  const changeAll = async (texts: readonly string[]) => {
    const running: Promise<{ readonly took: ReadonlyMap<string, number> }>[] = [];
    for (const text of texts) {
      running.push(controller.bring(text));
      await systemClock.sleep(SPACING_MS);
    }
    const times = (await Promise.all(running)).map(({ took }) =>
      ["fl-a", "fl-b"].map((name) => took.get(name) ?? assert.fail(`${name} was not written`)),
    );
    return times.flat().toSorted((a, b) => a - b);
  };
  const texts = (tag: string, total?: number) => Array.from({ length: WORKLOADS }, (_, index) => workload(index, tag, total));

  before(async () => {
    dir = await tempDir(scope, "deploy-outage");
    clusters = (await startKubernetes({ clusters: NAMES }, scope)).clusters;
    const connections = await Promise.all(
      clusters.map(async ({ name, kubeconfig }) => {
        const path = join(dir, `${name}.kubeconfig`);
        await writeFile(path, kubeconfig("admin"));
        const options = { name, kubeconfig: path, context: undefined, allow: [], clock: systemClock, random: Math.random };
        return [name, await connectMember(options)] as const;
      }),
    );
    controller = createTestController(new Map(connections));
    scope.defer(() => {
      controller.close();
      for (const [, client] of connections) client.close();
    });
  });
  after(() => scope.disposeAsync());

  test("the others are as fast as before, nothing is deleted on it, and it catches up", async (t) => {
    await changeAll(texts("1"));
    const light = await changeAll([...texts("2"), ...texts("3")]);
    const before = await uids(DARK);
    assert.equal(before.length, WORKLOADS);
    process.kill(cluster(DARK).program.pid, "SIGSTOP");
    const dark: number[] = [];
    try {
      dark.push(...(await changeAll([...texts("4"), ...texts("5")])));
      dark.push(...(await changeAll(texts("5", 9))));
      const gone = await controller.bring(workload(0, "5", 9), true);
      assert.ok(
        gone.outcomes.every(({ action, result }) => action.cluster !== DARK || result === "waiting" || result === "unreachable"),
      );
    } finally {
      process.kill(cluster(DARK).program.pid, "SIGCONT");
    }
    const share = (times: readonly number[], of: number) => times.toSorted((a, b) => a - b)[Math.floor(times.length * of)] ?? 0;
    const told = (times: readonly number[]) => `p50 ${share(times, 0.5).toFixed(0)} ms, p99 ${share(times, 0.99).toFixed(0)} ms`;
    t.diagnostic(`the others: ${told(light)} before, ${told(dark)} during`);
    // A machine that runs other tests as well is noisy: a wait for the dark one would be thousands.
    assert.ok(share(dark, 0.99) <= share(light, 0.99) * 1.1 + 250, `${told(light)} before, ${told(dark)} during`);
    assert.deepEqual(await uids(DARK), before, "nothing was deleted or made again");
    for (const name of ["fl-a", "fl-b"]) assert.equal((await deployments(name)).length, WORKLOADS - 1);
    await eventually(
      "it has caught up",
      async () => {
        await controller.bring(workload(0, "5", 9), true);
        await changeAll(texts("5", 9).slice(1)).catch(() => undefined);
        const live = await deployments(DARK);
        assert.equal(live.length, WORKLOADS - 1);
        assert.ok(live.every(({ spec }) => spec.template.spec.containers[0]?.image === "web:5" && spec.replicas === 3));
      },
      { withinMs: 60_000, everyMs: 1000 },
    );
    const kept = await uids(DARK);
    assert.ok(kept.every((uid) => before.includes(uid)));
  });

  test("it leaves by force without being asked, and keeps what it has", async () => {
    const fleet = join(dir, "clusters.yaml");
    const items = NAMES.map((name) => ({
      apiVersion: "deploy.meshbridge.io/v1alpha1",
      kind: "Cluster",
      metadata: { name },
      spec: { kubeconfig: `${name}.kubeconfig` },
    }));
    await writeFile(fleet, JSON.stringify({ apiVersion: "deploy.meshbridge.io/v1alpha1", kind: "ClusterList", items }));
    const before = await uids(DARK);
    process.kill(cluster(DARK).program.pid, "SIGSTOP");
    try {
      const unjoin = (...words: readonly string[]) =>
        runCommand(["deploy", "clusters", "unjoin", DARK, ...words, "--clusters", fleet], { clock: systemClock });
      const refused = await unjoin();
      assert.match(refused.stderr, /MB_CLUSTER_UNREACHABLE/);
      const forced = await unjoin("--force");
      assert.equal(forced.code, 0, forced.stderr);
    } finally {
      process.kill(cluster(DARK).program.pid, "SIGCONT");
    }
    await eventually("it answers again", async () => assert.deepEqual(await uids(DARK), before));
  });
});
