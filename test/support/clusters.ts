/**
 * Clusters on one machine: each a network namespace with its own bridge, gateway to the others, sidecar and workload. What
 * is inside is reached from the others through the gateway alone. All read the same registries, as multi-primary does.
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { stringify } from "yaml";
import { type Bridge, bootstrapOf, createWorkspace, startBridge, type Workspace } from "./bridge.ts";
import { type Authority, authority, issue, type KeyPair } from "./certificate.ts";
import { type Envoy, startEnvoy } from "./envoy.ts";
import { eventually } from "./eventually.ts";
import { type Ask, ask, type Reply } from "./http.ts";
import { createNamespaces, type Namespace } from "./namespaces.ts";
import { type Program, startProgram } from "./process.ts";
import { replaceFile, tempDir } from "./temp.ts";

const ECHO = fileURLToPath(new URL("./echo-main.ts", import.meta.url));
export const GATEWAY_PORT = 15443;
const [OUTBOUND, INBOUND, APP] = [15001, 15006, 8080];
const WEB_SAN = "spiffe://mesh.local/ns/shop/sa/web";

export interface MeshOptions {
  readonly count: number;
  /** Policies of services, and anything else of the configuration. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Default: everything of `shop` to everybody. */
  readonly exports?: readonly object[];
  /** Default: `web` in every cluster. */
  readonly webIn?: readonly number[];
  /** Further services by cluster number, in the form of the file registry. */
  readonly services?: (cluster: number) => readonly object[];
  /** One network for all: Pods reach each other, there are no gateways. */
  readonly flat?: boolean;
  /** Further settings of every network. */
  readonly network?: object;
  /** Addresses of its own that a cluster has besides the first: `10.<cluster>.0.2` and so on; default 0. */
  readonly moreAddresses?: number;
  /** Gateways a cluster has; default 1. */
  readonly gateways?: number;
  /** What the certificates of a cluster's workloads say they are. */
  readonly san?: (cluster: number) => string;
}

export interface Cluster {
  readonly number: number;
  readonly namespace: Namespace;
  readonly workspace: Workspace;
  readonly bridge: Bridge;
  readonly sidecar: Envoy;
  readonly gateways: readonly Envoy[];
  readonly workload: Program;
  /** A request of a workload of this cluster. */
  ask(host: string, options?: Ask): Promise<Reply>;
  /** What its own registry says from now on. */
  writeServices(services: readonly object[]): Promise<void>;
  url: string;
  /** Everything in it ends at once. */
  kill(): Promise<void>;
}

export interface Mesh {
  readonly clusters: readonly Cluster[];
  readonly ca: Authority;
  readonly workloadPair: KeyPair;
}

export function webService(cluster: number, parts: object = {}): object {
  return { name: "web", namespace: "shop", ports: [{ name: "http", port: 80 }], instances: [instance(cluster)], ...parts };
}

export function instance(cluster: number, last = 1): object {
  return {
    address: inner(cluster, last),
    ports: { http: INBOUND },
    locality: { region: `r${cluster}`, zone: "a" },
    cluster: `c${cluster}`,
    network: `n${cluster}`,
  };
}

const inner = (cluster: number, last = 1) => `10.${cluster}.0.${last}`;

export async function startMesh(options: MeshOptions, scope: AsyncDisposableStack): Promise<Mesh> {
  const { count, san = () => WEB_SAN } = options;
  const shared = await tempDir(scope, "mesh");
  const ca = authority("mesh.local");
  const namespaces = createNamespaces(count, scope);
  const numbers = namespaces.map((_, index) => index + 1);
  const { flat = false } = options;
  const gatewayPorts = Array.from({ length: flat ? 0 : (options.gateways ?? 1) }, (_, index) => GATEWAY_PORT + index);
  const flatNetworks = [{ name: "flat", cidrs: ["10.0.0.0/8"] }];
  const joined = numbers.map((number) => ({
    name: `n${number}`,
    ...options.network,
    gateways: gatewayPorts.map((port) => ({ address: namespaces[number - 1]?.address, port })),
  }));
  const registries = numbers.map((number) => ({ kind: "file", name: `r${number}`, path: `${shared}/r${number}.yaml` }));
  const pairs = numbers.map((number) => issue({ names: [san(number)], by: ca }));
  const config = (number: number) => ({
    mesh: { cluster: `c${number}`, network: flat ? "flat" : `n${number}`, locality: { region: `r${number}`, zone: "a" } },
    ...{ registries, networks: flat ? flatNetworks : joined, exports: options.exports ?? [{ match: "shop/*", to: ["*"] }] },
    secrets: [{ name: "workload", certFile: "./cert.pem", keyFile: "./key.pem", caFile: "./ca.pem" }],
    mtls: { certificate: "workload", trustDomains: [{ name: "mesh.local", ca: "workload" }], inbound: "strict" },
    gateways: gatewayPorts.map((port, index) => ({
      name: `ew${index}`,
      kind: "eastWest",
      listeners: [{ name: "sni", port, protocol: "TLS" }],
    })),
    sidecar: { outbound: { address: "0.0.0.0", port: OUTBOUND } },
    ...options.config,
  });
  const workspaces = await Promise.all(namespaces.map(({ address }) => createWorkspace(scope, address)));
  const writeServices = (number: number, services: readonly object[]) =>
    replaceFile(`${shared}/r${number}.yaml`, stringify({ services }, { aliasDuplicateObjects: false }));
  for (const number of numbers) {
    const web = options.webIn === undefined || options.webIn.includes(number) ? [webService(number)] : [];
    await writeServices(number, [...web, ...(options.services?.(number) ?? [])]);
  }
  // One after the other: each is a process of Node, and nine at once would starve everything else of a small machine.
  let printing: Promise<unknown> = Promise.resolve();
  const bootstrap = (workspace: Workspace, flags: readonly string[]): Promise<string> => {
    const printed = printing.then(() => bootstrapOf(workspace, [...flags, "--xds", `127.0.0.1:${workspace.xdsPort}`]));
    printing = printed.catch(() => undefined);
    return printed;
  };
  const clusters = await Promise.all(
    namespaces.map(async (namespace, index): Promise<Cluster> => {
      const number = index + 1;
      const workspace = workspaces[index] as Workspace;
      const pair = pairs[index] as KeyPair;
      for (let last = 1; last <= 1 + (options.moreAddresses ?? 0); last++) namespace.addInner(inner(number, last));
      for (const [name, text] of Object.entries({ "cert.pem": pair.cert, "key.pem": pair.key, "ca.pem": ca.cert }))
        await workspace.write(name, text);
      await workspace.configure(config(number));
      if (flat)
        for (const [at, { address }] of namespaces.entries()) if (at !== index) namespace.route(`10.${at + 1}.0.0/16`, address);
      const [command = "", ...args] = [...namespace.exec, process.execPath, ECHO, "127.0.0.1", String(APP), `c${number}`];
      const workload = startProgram({ title: `workload c${number}`, command, args }, scope);
      const bridge = await startBridge(workspace, scope, { wrapper: namespace.exec });
      const envoy = async (title: string, flags: readonly string[]) =>
        startEnvoy({ bootstrap: await bootstrap(workspace, flags), title, place: namespace }, scope);
      const sidecar = await envoy(`sidecar c${number}`, [
        "--role",
        "sidecar",
        "--name",
        "web",
        "--namespace",
        "shop",
        "--inbound",
        `${INBOUND}:${APP}`,
      ]);
      const gateways = await Promise.all(
        gatewayPorts.map((_, at) => envoy(`gateway c${number}`, ["--role", "eastWest", "--name", `ew${at}`])),
      );
      const url = `http://${namespace.address}:${OUTBOUND}/`;
      return {
        ...{ number, namespace, workspace, bridge, sidecar, gateways, workload, url },
        ask: (host, ask_ = {}) => ask(url, { ...ask_, headers: { host, ...ask_.headers } }),
        writeServices: (services) => writeServices(number, services),
        kill: async () => {
          await Promise.all(
            [workload, bridge.program, sidecar.program, ...gateways.map(({ program }) => program)].map((one) => one.kill()),
          );
        },
      };
    }),
  );
  for (const { sidecar, gateways } of clusters)
    await eventually("it has its listeners", async () => {
      assert.ok((await sidecar.listeners()).length >= 2, "sidecar");
      for (const gateway of gateways) assert.equal((await gateway.listeners()).length, 1, "gateway");
    });
  return { clusters, ca, workloadPair: pairs[0] as KeyPair };
}
