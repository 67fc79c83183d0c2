/** Kubernetes for the fault matrix: one cluster; secured with an account's own token; or with a second apiserver. */

import { eventually } from "../../support/eventually.ts";
import { startFaultProxy } from "../../support/fault-proxy.ts";
import { type Cluster, type Kubernetes, startKubernetes } from "../../support/kubernetes.ts";
import { kubernetesApi } from "../../support/kubernetes-api.ts";
import { namespaceObject, serviceObject, sliceObject } from "../../support/kubernetes-objects.ts";
import { makeAccount } from "../../support/kubernetes-rights.ts";
import type { FaultHandle, RegistryDriver, StartDriver, TestInstance } from "../driver.ts";

const NAMESPACE = "shop";
const KUBECONFIG = "kubeconfig";
/** The apiserver believes a token it has seen for 10 s after the account is gone. */
const FORGOTTEN_WITHIN_MS = 20_000;
type Write = (name: string, text: string) => Promise<void>;

export const startKubernetesDriver: StartDriver = async ({ secured = false }, scope) => {
  const kubernetes = await startKubernetes({ clusters: ["east"] }, scope);
  const cluster = kubernetes.cluster("east");
  const proxy = await startFaultProxy(cluster.port, scope);
  const server = `https://${proxy.address}`;
  const truth = new Map<string, TestInstance[]>();
  let write: Write = async () => undefined;
  let accounts = 0;
  const account = () => makeAccount(cluster.api, `bridge-${++accounts}`);
  let current = secured ? await account() : undefined;
  const kubeconfig = (token = current?.token) =>
    cluster.kubeconfig("reader", token === undefined ? { server } : { server, token });
  const apply = (instances: readonly TestInstance[]) => writeSlices(cluster, truth, instances);
  const restart = (change: () => Promise<void>): FaultHandle => ({
    losesData: true,
    async inflict() {
      await kubernetes.kill();
      await change();
      await kubernetes.start();
    },
    heal: async () => undefined,
  });
  let copy = "";
  return {
    kind: "kubernetes",
    config: { kind: "kubernetes", name: "kubernetes", clusters: [{ name: "east", kubeconfig: KUBECONFIG }] },
    files: { [KUBECONFIG]: kubeconfig() },
    useWorkspace(given) {
      write = given;
    },
    proxy,
    clusterOf: (service) => `${NAMESPACE}/${service}/http`,
    async put(instances) {
      for (const instance of instances) {
        const others = (truth.get(instance.service) ?? []).filter(({ address }) => address !== instance.address);
        truth.set(instance.service, [...others, instance]);
      }
      await apply(instances);
    },
    async remove(instances) {
      for (const { service, address } of instances)
        truth.set(
          service,
          (truth.get(service) ?? []).filter((other) => other.address !== address),
        );
      await apply(instances);
    },
    kill: { inflict: () => cluster.kill(), heal: () => cluster.start() },
    stop: pausing(kubernetes),
    restartEmpty: restart(() => kubernetes.etcd.wipe()),
    restartOld: {
      ...restart(() => kubernetes.etcd.restore(copy)),
      async snapshot() {
        copy = await kubernetes.etcd.snapshot();
      },
    },
    expire: compaction(kubernetes, cluster, proxy),
    revoke: {
      async inflict() {
        await current?.revoke();
        const api = kubernetesApi({ url: cluster.url, token: current?.token ?? "", ca: () => cluster.ca });
        await eventually("the token is refused", () => refused(api.send("GET", "/api/v1/services")), {
          withinMs: FORGOTTEN_WITHIN_MS,
          everyMs: 500,
        });
        proxy.resetAll();
      },
      async heal() {
        current = await account();
        await write(KUBECONFIG, kubeconfig());
      },
    },
    rotate: {
      async inflict() {
        await current?.revoke();
        current = await account();
        await cluster.kill();
        cluster.replaceCertificate();
        const whole = kubeconfig();
        await write(KUBECONFIG, whole.slice(0, whole.length / 2));
        await cluster.start();
      },
      heal: () => write(KUBECONFIG, kubeconfig()),
    },
    changeLeader: {
      async inflict() {
        proxy.redirect(await cluster.startReplica());
        await cluster.kill();
        proxy.resetAll();
      },
      heal: () => cluster.start(),
    },
  } satisfies RegistryDriver;
};

async function writeSlices(
  cluster: Cluster,
  truth: ReadonlyMap<string, readonly TestInstance[]>,
  changed: readonly TestInstance[],
): Promise<void> {
  await cluster.api.apply(namespaceObject(NAMESPACE));
  for (const service of new Set(changed.map((instance) => instance.service))) {
    const instances = truth.get(service) ?? [];
    const [first] = [...instances, ...changed];
    await cluster.api.apply(serviceObject(NAMESPACE, service));
    const endpoints = instances.map(({ address }) => ({
      address,
      conditions: { ready: true, serving: true, terminating: false },
    }));
    const ports = [{ name: "http", port: first?.port ?? 80 }];
    await cluster.api.apply(sliceObject(NAMESPACE, service, { endpoints, ports }));
  }
}

/** Watches cannot be resumed: while the bridge is away things change, and the apiserver starts anew on a compacted store. */
function compaction(kubernetes: Kubernetes, cluster: Cluster, proxy: RegistryDriver["proxy"]): FaultHandle {
  return {
    async inflict() {
      await proxy.set({ kind: "refuse" });
      for (let i = 0; i < 20; i++) await cluster.api.apply(namespaceObject(`filler-${i}`));
      await cluster.kill();
      await kubernetes.etcd.compact();
      await cluster.start();
    },
    heal: () => proxy.set({ kind: "pass" }),
  };
}

function pausing({ etcd, clusters }: Kubernetes): FaultHandle {
  const programs = () => [etcd.program, ...clusters.map(({ program }) => program)];
  return {
    async inflict() {
      for (const program of programs()) program.pause();
    },
    async heal() {
      for (const program of programs()) program.resume();
    },
  };
}

async function refused(answer: Promise<unknown>): Promise<void> {
  const failure = await answer.then(
    () => "accepted",
    (error: unknown) => String(error),
  );
  if (!failure.includes(" 401")) throw new Error(failure);
}
