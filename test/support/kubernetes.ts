/** Real Kubernetes control planes without nodes: one etcd, and a kube-apiserver for each cluster. */
import { generateKeyPairSync } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { stringify } from "yaml";
import { type KeyPair, selfSigned } from "./certificate.ts";
import { type Etcd, startEtcd } from "./etcd.ts";
import { type KubernetesApi, kubernetesApi } from "./kubernetes-api.ts";
import { allowReader, READER } from "./kubernetes-rights.ts";
import { freePort } from "./ports.ts";
import { type Program, startProgram, untilReady } from "./process.ts";
import { serverProgram } from "./require-server.ts";
import { tempDir } from "./temp.ts";

export interface KubernetesOptions {
  /** Names of the clusters. */
  readonly clusters: readonly string[];
  /** False: every watch is served from etcd, so that a compaction answers a resumed one with 410. Default true. */
  readonly watchCache?: boolean;
}

/** Who a kubeconfig speaks as: `admin` may do everything, `reader` what the bridge needs and no more. */
export type KubernetesUser = "admin" | "reader";

export interface KubeconfigChanges {
  /** Another address for the same server, e.g. of a proxy before it. */
  readonly server?: string;
  /** Another credential than the user's own. */
  readonly token?: string;
  readonly ca?: string;
}

export interface Cluster {
  readonly name: string;
  /** `https://127.0.0.1:port`. */
  readonly url: string;
  readonly port: number;
  /** PEM of the certificate it serves with, which vouches for itself. */
  readonly ca: string;
  /** As the administrator. */
  readonly api: KubernetesApi;
  /** The text of a kubeconfig with one context, named as the cluster. */
  kubeconfig(user: KubernetesUser, changes?: KubeconfigChanges): string;
  /** The running apiserver; another one after a restart. */
  readonly program: Program;
  /** SIGKILL of the apiserver alone, and nothing more until `start`. */
  kill(): Promise<void>;
  /** Starts again on the same port; resolves when it is ready and the reader has its rights. */
  start(): Promise<void>;
  /** A new certificate, which the next start serves with. */
  replaceCertificate(): void;
  /** Starts one more apiserver of the same cluster; resolves to its port when it is ready. */
  startReplica(): Promise<number>;
}

export interface Kubernetes {
  readonly etcd: Etcd;
  readonly clusters: readonly Cluster[];
  cluster(name: string): Cluster;
  /** SIGKILL of everything. */
  kill(): Promise<void>;
  /** Starts everything again with the data there is. */
  start(): Promise<void>;
}

const READY_WITHIN_MS = 90_000;
const TOKENS: Readonly<Record<KubernetesUser, string>> = {
  admin: "admin-token-of-the-tests",
  reader: "reader-token-of-the-tests",
};

/** Resolves when every apiserver is ready. */
export async function startKubernetes(options: KubernetesOptions, scope: AsyncDisposableStack): Promise<Kubernetes> {
  const etcd = await startEtcd(scope);
  const clusters = await Promise.all(options.clusters.map((name) => prepare({ name, etcd, options }, scope)));
  const startAll = () => Promise.all(clusters.map((cluster) => cluster.start()));
  await startAll();
  return {
    etcd,
    clusters,
    cluster(name) {
      const found = clusters.find((cluster) => cluster.name === name);
      if (found === undefined) throw new Error(`no cluster named ${name}`);
      return found;
    },
    async kill() {
      await Promise.all([etcd.kill(), ...clusters.map((cluster) => cluster.kill())]);
    },
    async start() {
      await etcd.start();
      await startAll();
    },
  };
}

interface Place {
  readonly name: string;
  readonly etcd: Etcd;
  readonly options: KubernetesOptions;
}

async function prepare(place: Place, scope: AsyncDisposableStack): Promise<Cluster> {
  const { name } = place;
  const dir = await tempDir(scope, `cluster-${name}`);
  const port = await freePort();
  const url = `https://127.0.0.1:${port}`;
  let certificate: KeyPair = selfSigned("127.0.0.1");
  const api = kubernetesApi({ url, token: TOKENS.admin, ca: () => certificate.cert });
  const args = await writeArguments(dir, place);
  const launch = (on: number) => {
    const command = serverProgram("kube-apiserver");
    return startProgram({ title: `kube-apiserver ${name}`, command, args: [...args, `--secure-port=${on}`], cwd: dir }, scope);
  };
  let program: Program | undefined;
  return {
    name,
    url,
    port,
    api,
    get ca() {
      return certificate.cert;
    },
    get program() {
      if (program === undefined) throw new Error("it was never started");
      return program;
    },
    kubeconfig: (user, changes = {}) =>
      kubeconfigText(name, { server: url, token: TOKENS[user], ca: certificate.cert, ...changes }),
    async kill() {
      await program?.kill();
    },
    async start() {
      await writeFile(join(dir, "server.crt"), certificate.cert);
      await writeFile(join(dir, "server.key"), certificate.key);
      program = launch(port);
      // Rights come with the roles it makes for itself at its start: once the reader's are in, it is ready.
      await untilReady(program, () => allowReader(api), READY_WITHIN_MS);
      // Until it has made its own range of addresses usable, no Service can be written.
      await untilReady(program, () => assertServiceRange(api), READY_WITHIN_MS);
      // Nor anything into a namespace that it has yet to make.
      await untilReady(program, () => api.send("GET", "/api/v1/namespaces/default"), READY_WITHIN_MS);
    },
    replaceCertificate() {
      certificate = selfSigned("127.0.0.1");
    },
    async startReplica() {
      const on = await freePort();
      const replica = kubernetesApi({ url: `https://127.0.0.1:${on}`, token: TOKENS.admin, ca: () => certificate.cert });
      await untilReady(launch(on), () => allowReader(replica), READY_WITHIN_MS);
      return on;
    },
  };
}

async function writeArguments(dir: string, { name, etcd, options }: Place): Promise<readonly string[]> {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  await writeFile(join(dir, "accounts.key"), privateKey.export({ type: "sec1", format: "pem" }));
  await writeFile(join(dir, "accounts.pub"), publicKey.export({ type: "spki", format: "pem" }));
  await writeFile(
    join(dir, "tokens.csv"),
    `${TOKENS.admin},admin,admin,"system:masters"\n${TOKENS.reader},${READER},${READER}\n`,
  );
  const flags = {
    "etcd-servers": etcd.url,
    "etcd-prefix": `/${name}`,
    "bind-address": "127.0.0.1",
    "cert-dir": dir,
    "tls-cert-file": join(dir, "server.crt"),
    "tls-private-key-file": join(dir, "server.key"),
    "service-account-key-file": join(dir, "accounts.pub"),
    "service-account-signing-key-file": join(dir, "accounts.key"),
    "service-account-issuer": "https://kubernetes.default.svc",
    "authorization-mode": "RBAC",
    "service-cluster-ip-range": "10.96.0.0/16",
    "token-auth-file": join(dir, "tokens.csv"),
    // Pods of the tests have no kubelet to be given an account's token by.
    "disable-admission-plugins": "ServiceAccount",
    "endpoint-reconciler-type": "none",
    "watch-cache": options.watchCache ?? true,
    v: 0,
  };
  return Object.entries(flags).map(([flag, value]) => `--${flag}=${value}`);
}

function kubeconfigText(name: string, access: Required<KubeconfigChanges>): string {
  const { server, token, ca } = access;
  const authority = Buffer.from(ca).toString("base64");
  return stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name, cluster: { server, "certificate-authority-data": authority } }],
    users: [{ name, user: { token } }],
    contexts: [{ name, context: { cluster: name, user: name } }],
    "current-context": name,
  });
}

/** Rejects until the range of Service addresses that the server was started with is Ready. */
async function assertServiceRange(api: KubernetesApi): Promise<void> {
  interface Range {
    readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
  }
  const { status } = await api.send<Range>("GET", "/apis/networking.k8s.io/v1/servicecidrs/kubernetes");
  if (!status?.conditions?.some(({ type, status: is }) => type === "Ready" && is === "True"))
    throw new Error("no Service range yet");
}
