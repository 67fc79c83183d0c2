/** Controllers and nodes for a real apiserver: Deployments get Pods, Pods become ready, Services get EndpointSlices. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Cluster } from "./kubernetes.ts";
import type { KubernetesApi } from "./kubernetes-api.ts";
import { nodeObject } from "./kubernetes-objects.ts";
import { freePort, freePorts } from "./ports.ts";
import { type Program, startProgram, untilReady } from "./process.ts";
import { serverProgram } from "./require-server.ts";
import { tempDir } from "./temp.ts";

export interface NodesOptions {
  /** One node a zone: `node-<zone>`. */
  readonly zones: readonly string[];
  /** The network Pods get their addresses from; default 10.11.0.0/16. */
  readonly podNetwork?: string;
  /** True: kube-scheduler places Pods that name no node. */
  readonly scheduler?: boolean;
}

export interface Nodes {
  readonly controllers: Program;
  readonly kwok: Program;
  /** Names of the nodes, which a Pod names itself unless there is a scheduler. */
  readonly names: readonly string[];
}

export interface DeploymentOptions {
  readonly replicas: number;
  readonly node: string;
  /** Another one makes a new generation of Pods. Default `none`. */
  readonly image?: string;
  /** True: Pods become ready only when their condition `meshbridge.io/registered` is True. */
  readonly gated?: boolean;
}

const STAGES = fileURLToPath(new URL("./kwok-stages.yaml", import.meta.url));
/** Those that stand between a Deployment and its endpoints, and what cleans up after them. */
const CONTROLLERS = [
  "deployment-controller",
  "replicaset-controller",
  "endpointslice-controller",
  "namespace-controller",
  "garbage-collector-controller",
];

/** Starts kube-controller-manager and KWOK on a cluster; resolves when the nodes are ready. */
export async function startNodes(cluster: Cluster, options: NodesOptions, scope: AsyncDisposableStack): Promise<Nodes> {
  const dir = await tempDir(scope, `nodes-${cluster.name}`);
  const kubeconfig = join(dir, "kubeconfig");
  await writeFile(kubeconfig, cluster.kubeconfig("admin"));
  const [controllersPort, kwokPort] = (await freePorts(2)) as [number, number];
  const controllers = startProgram(
    {
      title: `kube-controller-manager ${cluster.name}`,
      command: serverProgram("kube-controller-manager"),
      args: [
        `--kubeconfig=${kubeconfig}`,
        // A new node is tainted as not ready, which only a scheduler heeds, until this one takes the taint off.
        `--controllers=${[...CONTROLLERS, ...(options.scheduler === true ? ["node-lifecycle-controller"] : [])].join(",")}`,
        "--leader-elect=false",
        "--bind-address=127.0.0.1",
        `--secure-port=${controllersPort}`,
        `--cert-dir=${dir}`,
      ],
      cwd: dir,
    },
    scope,
  );
  const kwok = startProgram(
    {
      title: `kwok ${cluster.name}`,
      command: serverProgram("kwok"),
      args: [
        `--kubeconfig=${kubeconfig}`,
        `--config=${STAGES}`,
        "--manage-all-nodes",
        `--cidr=${options.podNetwork ?? "10.11.0.0/16"}`,
        "--node-ip=127.0.0.1",
        `--server-address=127.0.0.1:${kwokPort}`,
        "--node-lease-duration-seconds=40",
      ],
      cwd: dir,
    },
    scope,
  );
  if (options.scheduler === true) await startScheduler(cluster, { dir, kubeconfig }, scope);
  const names = options.zones.map((zone) => `node-${zone}`);
  for (const zone of options.zones) await cluster.api.apply(nodeObject(`node-${zone}`, zone));
  for (const name of names) await untilReady(kwok, () => nodeIsReady(cluster.api, name));
  return { controllers, kwok, names };
}

async function startScheduler(
  { name }: Cluster,
  { dir, kubeconfig }: { readonly dir: string; readonly kubeconfig: string },
  scope: AsyncDisposableStack,
): Promise<void> {
  const port = await freePort();
  const args = [`--kubeconfig=${kubeconfig}`, "--leader-elect=false", "--bind-address=127.0.0.1", `--secure-port=${port}`];
  const command = serverProgram("kube-scheduler");
  startProgram({ title: `kube-scheduler ${name}`, command, args: [...args, `--cert-dir=${dir}`], cwd: dir }, scope);
}

interface Conditions {
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

async function nodeIsReady(api: KubernetesApi, name: string): Promise<void> {
  const { status } = await api.send<Conditions>("GET", `/api/v1/nodes/${name}`);
  if (!status?.conditions?.some(({ type, status: is }) => type === "Ready" && is === "True"))
    throw new Error(`node ${name} is not ready`);
}

/** A Deployment of Pods that run at once, labelled `app: <name>`; apply it again to scale it. */
export async function putDeployment(
  api: KubernetesApi,
  [namespace, name]: readonly [namespace: string, name: string],
  { replicas, node, image = "none", gated = false }: DeploymentOptions,
): Promise<void> {
  const labels = { app: name };
  const gates = gated ? { readinessGates: [{ conditionType: "meshbridge.io/registered" }] } : {};
  await api.apply({
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name, namespace },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: { nodeName: node, containers: [{ name: "main", image }], ...gates },
      },
    },
  });
}
