/**
 * `meshbridge deploy apply` in stages, from real API servers to a real Consul, bridge and Envoy. The Pods' containers are HTTP
 * servers of the test that end at once when their Pod is deleted, so a request that still goes there fails and is counted.
 */
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { stringify } from "yaml";
import type { DrivenView, RolloutView } from "../../deploy/cli/rollout.ts";
import { runCommand } from "../../src/cli/testing/run.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { type Consul, startConsul } from "../support/consul.ts";
import { type Edge, startEdge, WEB_HOST } from "../support/edge.ts";
import { eventually, steadily } from "../support/eventually.ts";
import { type Cluster, startKubernetes } from "../support/kubernetes.ts";
import { startNodes } from "../support/kubernetes-nodes.ts";
import { type Load, startLoad } from "../support/load.ts";
import { type PodServers, startPodServers } from "../support/pod-servers.ts";
import { requireServers } from "../support/require-server.ts";
import { tempDir } from "../support/temp.ts";

const { skip } = requireServers("envoy", "consul", "etcd", "kubernetes", "kwok");
/** Requests while Pods are taken away. */
const REQUESTS = process.env["MESHBRIDGE_LONG"] === undefined ? 1500 : 10_000;
const NAMES = ["a", "b"];

describe("what the registry and the proxies say decides what the command does", { skip }, () => {
  const scope = new AsyncDisposableStack();
  let dir = "";
  let consul: Consul;
  let edge: Edge;
  let pods: PodServers;
  let load: Load;
  const given = () => ["-f", join(dir, "web.yaml")];
  const declare = async (change: { image: string; total: number; clusters: readonly string[]; soak?: string }) => {
    const labels = { app: "web" };
    const template = { metadata: { labels }, spec: { nodeName: "node-a", containers: [{ name: "main", image: change.image }] } };
    const deployment = {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name: "web" },
      spec: { selector: { matchLabels: labels }, template },
    };
    const stages = NAMES.map((name) => ({ name: `stage-${name}`, clusters: [name], soak: change.soak ?? "0s" }));
    const gate = { registry: { service: "default/web", passing: "100%" }, proxies: "acked", freshFor: "5s" };
    const workload = {
      ...{ apiVersion: "deploy.meshbridge.io/v1alpha1", kind: "FederatedWorkload", metadata: { name: "web" } },
      spec: {
        template: { manifests: [deployment] },
        placement: { clusters: change.clusters },
        replicas: { total: change.total },
        rollout: { stages, gate, drain: "1s", onFailure: "rollback" },
      },
    };
    await writeFile(join(dir, "web.yaml"), stringify(workload, { aliasDuplicateObjects: false }));
  };
  const apply = async (wait: string, ...words: readonly string[]) => {
    const fleet = ["--clusters", join(dir, "clusters.yaml"), "--bridge", edge.workspace.adminUrl, "--timeout", "5s"];
    const command = ["deploy", "apply", ...given(), ...fleet, "-o", "json", "--wait", wait, ...words];
    const { code, stdout, stderr } = await runCommand(command, { clock: systemClock });
    assert.notEqual(stdout, "", stderr);
    return { code, stderr, view: JSON.parse(stdout) as DrivenView };
  };
  const status = async () => {
    const { stdout, stderr } = await runCommand(["deploy", "rollout", "status", ...given(), "-o", "json"], {
      clock: systemClock,
    });
    assert.notEqual(stdout, "", stderr);
    return JSON.parse(stdout) as RolloutView;
  };
  const progress = async (cluster: string) => (await status()).clusters.find((one) => one.cluster === cluster);
  const images = (cluster: string) => [...new Set(pods.list(cluster).map(({ image }) => image))];

  before(async () => {
    dir = await tempDir(scope, "deploy-registry");
    const { clusters } = await startKubernetes({ clusters: NAMES }, scope);
    const network = (index: number) => `127.${30 + index}.0.0/16`;
    await Promise.all(clusters.map((one, index) => startNodes(one, { zones: ["a"], podNetwork: network(index) }, scope)));
    for (const one of clusters) await writeFile(join(dir, `${one.name}.kubeconfig`), one.kubeconfig("admin"));
    const items = clusters.map(({ name }: Cluster) => ({
      ...{ apiVersion: "deploy.meshbridge.io/v1alpha1", kind: "Cluster", metadata: { name } },
      spec: { kubeconfig: `${name}.kubeconfig` },
    }));
    const list = { apiVersion: "deploy.meshbridge.io/v1alpha1", kind: "ClusterList", items };
    await writeFile(join(dir, "clusters.yaml"), stringify(list, { aliasDuplicateObjects: false }));
    consul = await startConsul({}, scope);
    const registry = { kind: "consul", name: "consul", address: consul.url, addresses: { allow: ["127.0.0.0/8"] } };
    edge = await startEdge({ registries: [registry] }, scope);
    pods = startPodServers(clusters, consul, scope);
    await declare({ image: "r1", total: 6, clusters: NAMES });
    const first = await apply("90s");
    assert.deepEqual([first.code, first.view.ended], [0, "done"], first.stderr);
    assert.deepEqual(
      NAMES.map((name) => pods.list(name).length),
      [3, 3],
    );
    load = startLoad({ url: edge.url, host: WEB_HOST, rate: 300 }, scope);
  });
  after(() => scope.disposeAsync());

  test("scale-down, then unplacing, under load: not one request fails, and nothing stays drained", async () => {
    const bring = async (total: number, clusters: readonly string[], expected: readonly number[]) => {
      await declare({ image: "r1", total, clusters });
      const { code, stderr } = await apply("90s");
      assert.equal(code, 0, stderr);
      await eventually("the Pods are where they should be", () =>
        assert.deepEqual(
          NAMES.map((name) => pods.list(name).length),
          expected,
        ),
      );
    };
    let rounds = 0;
    for (; rounds === 0 || load.result.sent < REQUESTS; rounds++) {
      if (rounds > 0) await bring(6, NAMES, [3, 3]);
      await bring(3, NAMES, [2, 1]);
      await bring(3, ["a"], [3, 0]);
    }
    const { sent, failures } = await load.stop();
    console.log(`${sent} requests, ${failures.length} failed, ${rounds} times scaled down and unplaced`);
    assert.deepEqual(failures, []);
    assert.equal((await edge.bridge.get<{ total: number }>("/v1/drains")).total, 0);
  });

  test("registration withheld: the stage holds; given: it passes", async () => {
    pods.registers = false;
    await declare({ image: "r2", total: 4, clusters: NAMES });
    const running = apply("60s");
    await eventually("a is changed", () => assert.deepEqual(images("a"), ["r2"]), { withinMs: 30_000 });
    await steadily("the stage holds", 3000, async () => assert.equal((await progress("a"))?.phase, "Verifying"));
    assert.match((await progress("a"))?.message ?? "", /^0 of \d instances are registered/);
    pods.registers = true;
    await pods.registerAll();
    const took = await eventually("it passes", async () => assert.equal((await progress("a"))?.phase, "Passed"));
    console.log(`passed ${took} ms after the registration`);
    const { code, stderr } = await running;
    assert.equal(code, 0, stderr);
    // Half a second until the command looks again is in it, and its turn beside a busy test.
    assert.ok(took <= 2000, `${took} ms`);
  });

  test("Consul stands still in the soak: its Healthy is stale and never passes; critical after it: all goes back", async () => {
    await declare({ image: "r3", total: 4, clusters: NAMES, soak: "30s" });
    const running = apply("120s");
    await eventually("a passes and soaks", async () => assert.match((await progress("a"))?.message ?? "", /passes; \d+ s/), {
      withinMs: 30_000,
    });
    consul.program.pause();
    try {
      await eventually("the registry is stale", async () => assert.match((await progress("a"))?.message ?? "", /Unknown/), {
        withinMs: 40_000,
      });
      // Longer than facts are fresh, so that the soak begins anew.
      await steadily("it does not pass", 6000, async () => assert.equal((await progress("a"))?.phase, "Verifying"));
    } finally {
      consul.program.resume();
    }
    await eventually("it soaks anew", async () => assert.match((await progress("a"))?.message ?? "", /passes; \d s/), {
      withinMs: 30_000,
    });
    const [victim] = pods.list("a");
    await consul.setHealth(victim?.id ?? "", "critical");
    const { code, view, stderr } = await running;
    assert.deepEqual([code, view.ended, view.phase], [1, "stopped", "RolledBack"], stderr);
    assert.deepEqual(NAMES.map(images), [["r2"], ["r2"]]);
  });
});
