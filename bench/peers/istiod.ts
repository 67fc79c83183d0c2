/**
 * istiod over a kube-apiserver of its own: each service is a ServiceEntry and a DestinationRule, which changes are written
 * to, as its users do it. The time that the API server takes for a write is in the times measured.
 */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseAllDocuments } from "yaml";
import { Node } from "../../src/gen/envoy/config/core/v3/base.ts";
import { askJson } from "../../test/support/http.ts";
import { type Cluster, startKubernetes } from "../../test/support/kubernetes.ts";
import type { KubernetesObject } from "../../test/support/kubernetes-api.ts";
import { namespaceObject } from "../../test/support/kubernetes-objects.ts";
import { freePorts } from "../../test/support/ports.ts";
import { startProgram, untilReady } from "../../test/support/process.ts";
import { tempDir } from "../../test/support/temp.ts";
import { istiod } from "./build.ts";
import { addressOf, type FleetState, PORT, serviceName, weightOf } from "./fleet.ts";
import type { Server } from "./servers.ts";

const READY_WITHIN_MS = 60_000;
const LOADED_WITHIN_MS = 300_000;
const WRITERS = 8;

/** Without its debounce, and without its limits on streams and pushes. */
const TUNED = {
  PILOT_DEBOUNCE_AFTER: "1ms",
  PILOT_ENABLE_EDS_DEBOUNCE: "false",
  PILOT_MAX_REQUESTS_PER_SECOND: "100000",
  PILOT_PUSH_THROTTLE: "100",
};
/** A certificate authority, webhooks and leader election are not what is measured. */
const ALONE = {
  CLUSTER_ID: "Kubernetes",
  ENABLE_CA_SERVER: "false",
  INJECTION_WEBHOOK_CONFIG_NAME: "",
  PILOT_CERT_PROVIDER: "none",
  PILOT_ENABLE_LEADER_ELECTION: "false",
  POD_NAME: "istiod",
  POD_NAMESPACE: "istio-system",
  VALIDATION_WEBHOOK_CONFIG_NAME: "",
};

export async function startIstiod(scope: AsyncDisposableStack, { tuned }: { readonly tuned: boolean }): Promise<Server> {
  const { program: command, crds } = await istiod();
  const cluster = (await startKubernetes({ clusters: ["istio"] }, scope)).cluster("istio");
  await prepare(cluster, crds);
  const dir = await tempDir(scope, "istiod");
  const kubeconfig = join(dir, "kubeconfig");
  await writeFile(kubeconfig, cluster.kubeconfig("admin"));
  const [grpc = 0, http = 0, monitoring = 0, secure = 0, https = 0] = await freePorts(5);
  const address = (port: number) => `127.0.0.1:${port}`;
  const args = ["discovery", "--kubeconfig", kubeconfig, "--ctrlz_port", "0", "--grpcAddr", address(grpc)];
  args.push("--httpAddr", address(http), "--monitoringAddr", address(monitoring), "--secureGRPCAddr", address(secure));
  args.push("--httpsAddr", address(https));
  const env = { ...ALONE, ...(tuned ? TUNED : {}) };
  const program = startProgram({ title: "istiod", command, args, env, cwd: dir }, scope);
  await untilReady(program, () => ready(http), READY_WITHIN_MS);
  const write = (object: KubernetesObject) => cluster.api.apply(object);
  /** A change is handed over and not waited for; one that the API server refuses fails the run by the generator's gate. */
  const change = (object: KubernetesObject) => {
    write(object).catch((error: unknown) => process.stderr.write(`[bench] ${String(error)}\n`));
  };
  return {
    pid: program.pid,
    port: grpc,
    node: (index) => encodeNode(index),
    async load(fleet) {
      const started = performance.now();
      const objects = fleet.weights.flatMap((_, service) => [entryOf(fleet, service), ruleOf(fleet, service)]);
      await Promise.all(Array.from({ length: WRITERS }, () => drain(objects, write)));
      await untilLoaded(http, fleet.services);
      return performance.now() - started;
    },
    flip: (fleet, service) => change(entryOf(fleet, service)),
    cluster: (fleet, service) => change(ruleOf(fleet, service)),
    steady: () => Promise.reject(new Error("a kube-apiserver on the same machine takes no 1,000 changes a second")),
  };
}

async function prepare({ api }: Cluster, crds: string): Promise<void> {
  const definitions = parseAllDocuments(await readFile(crds, "utf8")).map(
    (document) => document.toJS() as KubernetesObject | null,
  );
  for (const object of definitions) if (object !== null) await api.apply(object);
  await api.apply(namespaceObject("istio-system"));
}

async function ready(port: number): Promise<void> {
  const answer = await fetch(`http://127.0.0.1:${port}/ready`);
  if (!answer.ok) throw new Error(`istiod answers ${answer.status}`);
}

async function drain(objects: KubernetesObject[], write: (object: KubernetesObject) => Promise<void>): Promise<void> {
  for (let object = objects.pop(); object !== undefined; object = objects.pop()) await write(object);
}

/** Until it lists every service, and its debounce of at most 10 s is over. */
async function untilLoaded(port: number, services: number): Promise<void> {
  const started = performance.now();
  while (performance.now() - started < LOADED_WITHIN_MS) {
    const known = await askJson<readonly { readonly hostname?: string }[]>(`http://127.0.0.1:${port}/debug/registryz`);
    if (known.filter(({ hostname }) => hostname?.endsWith(".bench")).length >= services) return sleep(2000);
    await sleep(500);
  }
  throw new Error("istiod did not take the services in time");
}

function entryOf(fleet: FleetState, service: number): KubernetesObject {
  const endpoints = Array.from({ length: fleet.instances }, (_, instance) => ({
    address: addressOf(service * fleet.instances + instance),
    weight: weightOf(fleet, service, instance),
  }));
  return {
    apiVersion: "networking.istio.io/v1",
    kind: "ServiceEntry",
    metadata: { name: serviceName(service), namespace: "default" },
    spec: {
      hosts: [hostOf(service)],
      location: "MESH_INTERNAL",
      resolution: "STATIC",
      ports: [{ number: 80, name: "http", protocol: "HTTP", targetPort: PORT }],
      endpoints,
    },
  };
}

function ruleOf(fleet: FleetState, service: number): KubernetesObject {
  const connectTimeout = `${fleet.timeouts[service]}ms`;
  return {
    apiVersion: "networking.istio.io/v1",
    kind: "DestinationRule",
    metadata: { name: serviceName(service), namespace: "default" },
    spec: { host: hostOf(service), trafficPolicy: { connectionPool: { tcp: { connectTimeout } } } },
  };
}

function hostOf(service: number): string {
  return `${serviceName(service)}.bench`;
}

/** As a sidecar of istiod's introduces itself. */
function encodeNode(index: number): string {
  const ip = `172.16.${(index >> 8) & 255}.${index & 255}`;
  const id = `sidecar~${ip}~bench-${index}.default~default.svc.cluster.local`;
  const metadata = { NAMESPACE: "default", CLUSTER_ID: "Kubernetes", ISTIO_VERSION: "1.30.0" };
  const message = Node.fromPartial({ id, cluster: "bench", metadata, userAgentName: "envoy" });
  return Buffer.from(Node.encode(message).finish()).toString("base64");
}
