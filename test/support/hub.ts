/**
 * A hub with members, which have joined by the command with accounts that may write Deployments alone, and controllers that
 * are processes of their own; what they write goes through doors that record it.
 */

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { stringify } from "yaml";
import { customResourceDefinitions } from "../../deploy/crds/crds.ts";
import type { DriverState } from "../../deploy/driver/types.ts";
import { runCommand } from "../../src/cli/testing/run.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { eventually } from "./eventually.ts";
import { ask } from "./http.ts";
import { type KubeRecorder, type RecordedWrite, startKubeRecorder } from "./kube-recorder.ts";
import { type Cluster, startKubernetes } from "./kubernetes.ts";
import type { KubernetesObject } from "./kubernetes-api.ts";
import { startNodes } from "./kubernetes-nodes.ts";
import { denyReader } from "./kubernetes-rights.ts";
import { freePort } from "./ports.ts";
import { type Program, startProgram, untilReady } from "./process.ts";
import { tempDir } from "./temp.ts";

const MESHBRIDGE = fileURLToPath(new URL("../../src/bin/meshbridge.ts", import.meta.url));
const SYSTEM = "meshbridge-system";
const WORKLOADS = "/apis/deploy.meshbridge.io/v1alpha1/namespaces/default/federatedworkloads";
const NODE = "node-a";

export interface WorkloadStatus {
  readonly observedGeneration?: number;
  readonly conditions?: readonly {
    readonly type: string;
    readonly status: string;
    readonly reason: string;
    readonly message: string;
  }[];
  readonly clusters?: readonly {
    readonly name: string;
    readonly health: string;
    readonly revision?: string;
    readonly observedAt?: string;
  }[];
  readonly rollout?: DriverState & { readonly epoch: number };
}

export interface Seen extends RecordedWrite {
  /** `hub`, or the member's name. */
  readonly at: string;
}

export interface Controller {
  readonly program: Program;
  readonly url: string;
}

export interface Hub {
  readonly cluster: Cluster;
  member(name: string): Cluster;
  /** Every write of every controller, but those of the Lease, in order over all servers. */
  readonly writes: readonly Seen[];
  /** Asked with a write before it is sent on, which waits until it resolves. */
  beforeWrite: ((write: Omit<Seen, "status">) => Promise<void>) | undefined;
  /** Called right after a write was done, before whoever made it hears of it. */
  onWrite: ((write: Seen) => void) | undefined;
  /** The FederatedWorkload with a Deployment of its name, of `image`; the other parts are of its spec. */
  put(name: string, spec: { readonly image: string; readonly [part: string]: unknown }): Promise<void>;
  status(name: string): Promise<WorkloadStatus>;
  deployment(member: string, name: string): Promise<{ readonly image: string; readonly generation: number } | undefined>;
  /** Resolves when it is up; it may lead or stand by. `leaseSeconds` default 2. */
  startController(options?: { readonly args?: readonly string[]; readonly leaseSeconds?: number }): Promise<Controller>;
}

export interface HubOptions {
  readonly members: readonly string[];
  /** False: nothing makes Pods of the members' Deployments. */
  readonly nodes: boolean;
  /** Where a member's Pods have their addresses; default: all in one network. */
  podNetwork?(index: number): string;
  /** A FederatedWorkload: the members grant what it needs; default: to write Deployments. */
  readonly workload?: object;
}

export async function startHub({ members, nodes, podNetwork, workload }: HubOptions, scope: AsyncDisposableStack): Promise<Hub> {
  const dir = await tempDir(scope, "hub");
  const { clusters } = await startKubernetes({ clusters: ["hub", ...members] }, scope);
  const [cluster, ...rest] = clusters as [Cluster, ...Cluster[]];
  if (nodes)
    await Promise.all(
      rest.map((one, index) =>
        startNodes(one, { zones: ["a"], ...(podNetwork !== undefined && { podNetwork: podNetwork(index) }) }, scope),
      ),
    );
  const writes: Seen[] = [];
  const recorders = new Map<string, KubeRecorder>();
  for (const one of clusters) {
    const at = one === cluster ? "hub" : one.name;
    const recorder = await startKubeRecorder(one, (path) => path.includes("/leases"), scope);
    recorders.set(at, recorder);
  }
  const through = (one: Cluster, at: string) => {
    const { server, ca } = recorders.get(at) as KubeRecorder;
    return one.kubeconfig("admin", { server, ca });
  };
  const kubeconfig = join(dir, "hub.kubeconfig");
  await writeFile(kubeconfig, through(cluster, "hub"));
  for (const crd of customResourceDefinitions()) await cluster.api.apply(crd as unknown as KubernetesObject);
  await cluster.api.apply({ apiVersion: "v1", kind: "Namespace", metadata: { name: SYSTEM } });
  await eventually("the definitions are served", async () => {
    for (const path of [WORKLOADS, "/apis/deploy.meshbridge.io/v1alpha1/clusters"]) await cluster.api.send("GET", path);
  });
  const direct = join(dir, "direct.kubeconfig");
  await writeFile(direct, cluster.kubeconfig("admin"));
  const example = join(dir, "workload.yaml");
  if (workload !== undefined) await writeFile(example, stringify(workload, { aliasDuplicateObjects: false }));
  const needed = workload === undefined ? ["--kind", "apps/Deployment"] : ["-f", example];
  for (const one of rest) {
    await denyReader(one.api);
    const admin = join(dir, `${one.name}.admin`);
    await writeFile(admin, through(one, one.name));
    const fleet = ["--clusters", join(dir, "fleet.yaml"), "--kubeconfig", admin, "--hub-kubeconfig", direct];
    const what = [...needed, "--label", "tier=test", "--yes"];
    const { code, stderr } = await runCommand(["deploy", "clusters", "join", one.name, ...fleet, ...what], {
      clock: systemClock,
    });
    if (code !== 0) throw new Error(`${one.name} has not joined: ${stderr}`);
  }
  const hub: Hub = {
    cluster,
    member: (name) => rest.find((one) => one.name === name) as Cluster,
    writes,
    beforeWrite: undefined,
    onWrite: undefined,
    async put(name, { image, ...spec }) {
      const labels = { app: name };
      const deployment = {
        apiVersion: "apps/v1",
        kind: "Deployment",
        metadata: { name },
        spec: {
          replicas: 1,
          selector: { matchLabels: labels },
          template: { metadata: { labels }, spec: { nodeName: NODE, containers: [{ name: "main", image }] } },
        },
      };
      await cluster.api.apply({
        ...{ apiVersion: "deploy.meshbridge.io/v1alpha1", kind: "FederatedWorkload", metadata: { name, namespace: "default" } },
        spec: { template: { manifests: [deployment] }, placement: { clusterSelector: {} }, ...spec },
      });
    },
    status: async (name) =>
      (await cluster.api.send<{ readonly status?: WorkloadStatus }>("GET", `${WORKLOADS}/${name}`)).status ?? {},
    async deployment(member, name) {
      interface Read {
        readonly metadata: { readonly generation: number };
        readonly spec: { readonly template: { readonly spec: { readonly containers: readonly { readonly image: string }[] } } };
      }
      try {
        const path = `/apis/apps/v1/namespaces/default/deployments/${name}`;
        const { metadata, spec } = await hub.member(member).api.send<Read>("GET", path);
        return { image: spec.template.spec.containers[0]?.image ?? "", generation: metadata.generation };
      } catch (error) {
        if (/answered 404/.test(String(error))) return undefined;
        throw error;
      }
    },
    async startController({ args = [], leaseSeconds = 2 } = {}) {
      const port = await freePort();
      const own = ["deploy", "controller", "--kubeconfig", kubeconfig, "--listen", `127.0.0.1:${port}`];
      const program = startProgram(
        {
          title: "meshbridge deploy controller",
          command: process.execPath,
          args: [MESHBRIDGE, ...own, "--lease-duration", `${leaseSeconds}s`, ...args],
          env: { NO_COLOR: "1" },
        },
        scope,
      );
      const url = `http://127.0.0.1:${port}`;
      const controller = { program, url };
      await untilReady(program, async () => {
        const { status } = await ask(`${url}/livez`, { withinMs: 1000 });
        if (status !== 200) throw new Error(`/livez answered ${status}`);
      });
      return controller;
    },
  };
  for (const [at, recorder] of recorders) {
    recorder.before = async (write) => hub.beforeWrite?.({ at, ...write });
    recorder.after = (write) => {
      const seen = { at, ...write };
      writes.push(seen);
      hub.onWrite?.(seen);
    };
  }
  return hub;
}
