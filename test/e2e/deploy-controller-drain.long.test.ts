/** The controller of a hub with a bridge: its members' Pods lose their traffic before they go, also when it is killed meanwhile. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { startConsul } from "../support/consul.ts";
import { type Edge, startEdge, WEB_HOST } from "../support/edge.ts";
import { eventually } from "../support/eventually.ts";
import { type Controller, type Hub, startHub, type WorkloadStatus } from "../support/hub.ts";
import { startLoad } from "../support/load.ts";
import { type PodServers, startPodServers } from "../support/pod-servers.ts";
import { requireServers } from "../support/require-server.ts";

const { skip } = requireServers("envoy", "consul", "etcd", "kubernetes", "kwok");
const MEMBERS = ["a", "b"];
const gate = { registry: { service: "default/web", passing: "100%" }, proxies: "acked", freshFor: "5s" };
const rollout = { stages: MEMBERS.map((name) => ({ name: `stage-${name}`, clusters: [name] })), gate, drain: "1s" };

describe("the controller of a hub drains before it removes", { skip }, () => {
  const scope = new AsyncDisposableStack();
  let hub: Hub;
  let edge: Edge;
  let pods: PodServers;
  let controller: Controller;
  const start = () => hub.startController({ args: ["--bridge", edge.workspace.adminUrl], leaseSeconds: 1 });
  const declare = (total: number, clusters: readonly string[]) =>
    hub.put("web", { image: "one", rollout, replicas: { total }, placement: { clusters } });
  const counts = () => MEMBERS.map((name) => pods.list(name).length);
  const settled = (expected: readonly number[]) =>
    eventually(
      `the Pods are ${expected}, and nothing is drained`,
      async () => {
        const { rollout: kept } = await hub.status("web");
        assert.deepEqual(counts(), expected);
        assert.deepEqual([kept?.rollout.phase, kept?.removals], ["Succeeded", []], JSON.stringify(kept));
        assert.equal((await edge.bridge.get<{ total: number }>("/v1/drains")).total, 0);
      },
      { withinMs: 90_000, everyMs: 100 },
    );

  before(async () => {
    const workload = {
      ...{ apiVersion: "deploy.meshbridge.io/v1alpha1", kind: "FederatedWorkload", metadata: { name: "web" } },
      spec: { template: { manifests: [{ apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "web" } }] }, rollout },
    };
    const podNetwork = (index: number) => `127.${40 + index}.0.0/16`;
    hub = await startHub({ members: MEMBERS, nodes: true, podNetwork, workload }, scope);
    const consul = await startConsul({}, scope);
    const registry = { kind: "consul", name: "consul", address: consul.url, addresses: { allow: ["127.0.0.0/8"] } };
    edge = await startEdge({ registries: [registry] }, scope);
    pods = startPodServers(MEMBERS.map(hub.member), consul, scope);
    controller = await start();
    await declare(6, MEMBERS);
    await settled([3, 3]);
  });
  after(() => scope.disposeAsync());

  test("scaled down and unplaced under load, killed in every phase of a removal: not one request fails", async () => {
    const load = startLoad({ url: edge.url, host: WEB_HOST, rate: 100 }, scope);
    const phases = new Set<string>();
    let restarts: Promise<unknown> = Promise.resolve();
    hub.onWrite = ({ at, path, body, status }) => {
      if (at !== "hub" || !path.endsWith("/web/status") || status !== 200) return;
      const { removals = [] } = (JSON.parse(body) as { status?: WorkloadStatus }).status?.rollout ?? {};
      const step = removals.map(({ kind, phase }) => `${kind} ${phase}`).join(", ");
      if (step === "" || phases.has(step) || controller.program.exit !== undefined) return;
      phases.add(step);
      controller.program.signal("SIGKILL");
      restarts = restarts.then(async () => {
        controller = await start();
      });
    };
    await declare(3, MEMBERS);
    await settled([2, 1]);
    await declare(3, ["a"]);
    await settled([3, 0]);
    await restarts;
    hub.onWrite = undefined;
    const { sent, failures } = await load.stop();
    console.log(`${sent} requests, ${failures.length} failed; killed in ${[...phases].join("; ")}`);
    assert.deepEqual(failures, []);
    for (const phase of ["scale Draining", "scale Removing", "remove Draining", "remove Removing"])
      assert.ok(
        [...phases].some((one) => one.includes(phase)),
        phase,
      );
  });
});
