/** A real Consul agent, and the part of its HTTP API that tests change things with. */
import { cp, mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { KeyPair } from "./certificate.ts";
import { ask, askJson } from "./http.ts";
import { freePorts } from "./ports.ts";
import { type Program, startProgram, untilReady } from "./process.ts";
import { serverProgram } from "./require-server.ts";
import { tempDir } from "./temp.ts";

export interface ConsulOptions {
  /** `dev`: everything in memory, a restart is empty. `server`: one server with its data on disk, a restart knows it. */
  readonly mode?: "dev" | "server";
  /** Default dc1. */
  readonly datacentre?: string;
  /** True: ACLs with default deny; `managementToken` may do everything. */
  readonly acl?: boolean;
  /** Serves the same API over TLS too, at `tlsUrl`. */
  readonly certificate?: KeyPair;
  /** Connections that one address may have; Consul's own default is 200. */
  readonly connectionsPerClient?: number;
  /** Answers DNS too, at `dnsAddress`. */
  readonly dns?: boolean;
  /** Serves proxies by xDS without TLS, at `xdsPort`; to so many of them a second (0: no limit, absent: Consul's own 250). */
  readonly xds?: { readonly updatesPerSecond?: number };
  /** One of several servers, which wait for each other. */
  readonly member?: { readonly index: number; readonly lanPorts: readonly number[] };
}

/** A service instance as the agent API takes it. */
export interface ConsulService {
  readonly ID: string;
  readonly Name: string;
  readonly Address?: string;
  readonly Port: number;
  readonly Tags?: readonly string[];
  readonly Meta?: Readonly<Record<string, string>>;
  readonly Weights?: { readonly Passing: number; readonly Warning: number };
  readonly Check?: Readonly<Record<string, string>>;
}

export interface Consul {
  readonly url: string;
  readonly managementToken: string;
  /** With a certificate: by the name that it is for. */
  readonly tlsUrl: string;
  /** Where servers of other datacentres join it. */
  readonly wanAddress: string;
  /** Where it answers DNS, if it was asked to. */
  readonly dnsAddress: string;
  /** Where it serves xDS on loopback, if it was asked to. */
  readonly xdsPort: number;
  /** The running process; another one after a restart. */
  readonly program: Program;
  register(service: ConsulService): Promise<void>;
  deregister(id: string): Promise<void>;
  /** Sets the TTL check `service:<id>`, which the service must have been registered with. */
  setHealth(id: string, status: "passing" | "warning" | "critical"): Promise<void>;
  setMaintenance(id: string, on: boolean): Promise<void>;
  /** Any request with the management token; rejects unless the answer is 200. */
  put(path: string, body?: unknown): Promise<string>;
  delete(path: string): Promise<void>;
  get<T>(path: string): Promise<T>;
  /** SIGKILL, and nothing more until `start`. */
  kill(): Promise<void>;
  /** Starts again on the same ports, with the same data where the mode keeps any; resolves when there is a leader. */
  start(): Promise<void>;
  /** Removes all data; only while it does not run. */
  wipe(): Promise<void>;
  /** Copies the data as it lies on the disk now, for `restore`. */
  snapshot(): Promise<string>;
  /** Puts a copy in place of the data; only while it does not run. */
  restore(copy: string): Promise<void>;
  /** Serves with another certificate from the next start on. */
  replaceCertificate(certificate: KeyPair): Promise<void>;
  /** Whether it is the server that leads. */
  leads(): Promise<boolean>;
}

const MANAGEMENT_TOKEN = "6d3f3c5e-0f57-4e9b-9d8e-2f0f4a2d9a11";
/** A service registered with this check is critical until it is set, and never expires within a test. */
export const TTL_CHECK = { TTL: "1h", Status: "passing" } as const;

/** Starts an agent on ports of its own; resolves when it leads and answers. */
export async function startConsul(options: ConsulOptions, scope: AsyncDisposableStack): Promise<Consul> {
  const dir = await tempDir(scope, "consul");
  const [http = 0, server = 0, ownLan = 0, wan = 0, https = 0, dns = 0, xds = 0] = await freePorts(7);
  const lan = options.member?.lanPorts[options.member.index] ?? ownLan;
  const node = nodeName(options);
  const url = `http://127.0.0.1:${http}`;
  await mkdir(join(dir, "data"));
  await writeFile(join(dir, "agent.json"), JSON.stringify(agentConfig({ http, server, lan, wan, dns, xds }, options)));
  const replaceCertificate = async ({ cert, key }: KeyPair) => {
    const [certFile, keyFile] = [join(dir, "agent.crt"), join(dir, "agent.key")];
    await writeFile(certFile, cert);
    await writeFile(keyFile, key);
    const tls = { ports: { https }, tls: { https: { cert_file: certFile, key_file: keyFile } } };
    await writeFile(join(dir, "tls.json"), JSON.stringify(tls));
  };
  if (options.certificate !== undefined) await replaceCertificate(options.certificate);
  const data = join(dir, "data");
  const expect = options.member?.lanPorts.length ?? 1;
  const mode = options.mode === "server" ? ["-server", `-bootstrap-expect=${expect}`, "-data-dir", data] : ["-dev"];
  const files = ["agent.json", ...(options.certificate === undefined ? [] : ["tls.json"])];
  const args = ["agent", ...mode, ...files.flatMap((file) => ["-config-file", join(dir, file)]), "-log-level", "warn"];
  const spec = { title: "consul", command: serverProgram("consul"), args, cwd: dir };
  const launch = async () => {
    const program = startProgram(spec, scope);
    await untilReady(program, () => isReady(url, node), 60_000);
    return program;
  };
  let program = await launch();
  let copies = 0;
  const put = (path: string, body?: unknown) => send(url, "PUT", path, body);
  return {
    url,
    managementToken: MANAGEMENT_TOKEN,
    tlsUrl: `https://localhost:${https}`,
    wanAddress: `127.0.0.1:${wan}`,
    dnsAddress: `127.0.0.1:${dns}`,
    xdsPort: xds,
    get program() {
      return program;
    },
    async register(service) {
      await put("/v1/agent/service/register?replace-existing-checks=true", service);
    },
    async deregister(id) {
      await put(`/v1/agent/service/deregister/${encodeURIComponent(id)}`);
    },
    async setHealth(id, status) {
      await put(`/v1/agent/check/update/${encodeURIComponent(`service:${id}`)}`, { Status: status });
    },
    async setMaintenance(id, on) {
      await put(`/v1/agent/service/maintenance/${encodeURIComponent(id)}?enable=${on}`);
    },
    put,
    async delete(path) {
      await send(url, "DELETE", path);
    },
    get: (path) => askJson(url + path, { headers: { "x-consul-token": MANAGEMENT_TOKEN } }),
    async kill() {
      await program.kill();
    },
    async start() {
      program = await launch();
    },
    async wipe() {
      await rm(data, { recursive: true, force: true });
      await mkdir(data);
    },
    async snapshot() {
      const copy = join(dir, `copy-${++copies}`);
      await cp(data, copy, { recursive: true });
      return copy;
    },
    async restore(copy) {
      await rm(data, { recursive: true, force: true });
      await cp(copy, data, { recursive: true });
    },
    replaceCertificate,
    async leads() {
      return (await askJson<string>(`${url}/v1/status/leader`)) === `127.0.0.1:${server}`;
    },
  };
}

/** Several servers of one datacentre with their data on disk; resolves when there is a leader. */
export async function startConsulServers(size: number, scope: AsyncDisposableStack): Promise<readonly Consul[]> {
  const lanPorts = await freePorts(size);
  const start = (index: number) => startConsul({ mode: "server", member: { index, lanPorts } }, scope);
  return Promise.all(lanPorts.map((_, index) => start(index)));
}

function nodeName({ member }: ConsulOptions): string {
  return member === undefined ? "test-node" : `test-node-${member.index}`;
}

/** Makes a token that may read all services and nodes; returns its secret and what revokes it, in both ways there are. */
export async function makeReadToken(consul: Consul): Promise<{
  readonly secret: string;
  /** The token is gone: Consul answers 403 to it. */
  deleteToken(): Promise<void>;
  /** The token stays and may see nothing: Consul answers 200 with what is left, filtered. */
  takeRights(): Promise<void>;
  giveRights(): Promise<void>;
}> {
  const rules = 'service_prefix "" { policy = "read" }\nnode_prefix "" { policy = "read" }\n';
  const nothing = 'service "nothing-of-that-name" { policy = "read" }\n';
  const policy = JSON.parse(await consul.put("/v1/acl/policy", { Name: "bridge-read", Rules: rules })) as { ID: string };
  const token = JSON.parse(await consul.put("/v1/acl/token", { Policies: [{ ID: policy.ID }] })) as {
    AccessorID: string;
    SecretID: string;
  };
  const setRules = async (text: string) => {
    await consul.put(`/v1/acl/policy/${policy.ID}`, { Name: "bridge-read", Rules: text });
  };
  return {
    secret: token.SecretID,
    deleteToken: () => consul.delete(`/v1/acl/token/${token.AccessorID}`),
    takeRights: () => setRules(nothing),
    giveRights: () => setRules(rules),
  };
}

interface Ports {
  readonly http: number;
  readonly server: number;
  readonly lan: number;
  readonly wan: number;
  readonly dns: number;
  readonly xds: number;
}

function agentConfig({ http, server, lan, wan, dns, xds }: Ports, options: ConsulOptions): object {
  const acl = {
    enabled: true,
    default_policy: "deny",
    tokens: { initial_management: MANAGEMENT_TOKEN, agent: MANAGEMENT_TOKEN },
  };
  return {
    datacenter: options.datacentre ?? "dc1",
    node_name: nodeName(options),
    retry_join: (options.member?.lanPorts ?? []).map((port) => `127.0.0.1:${port}`),
    retry_interval: "1s",
    bind_addr: "127.0.0.1",
    client_addr: "127.0.0.1",
    ports: {
      ...{ http, server, serf_lan: lan, serf_wan: wan, grpc_tls: -1 },
      dns: options.dns === true ? dns : -1,
      grpc: options.xds === undefined ? -1 : xds,
    },
    // The shortest election there is: a restart should lead again in a second.
    performance: { raft_multiplier: 1 },
    // Restarts of tests come faster than the default limit on rejoining allows.
    rejoin_after_leave: true,
    disable_update_check: true,
    ...(options.acl === true ? { acl } : {}),
    ...(options.xds?.updatesPerSecond === undefined ? {} : { xds: { update_max_per_second: options.xds.updatesPerSecond } }),
    ...(options.connectionsPerClient === undefined
      ? {}
      : { limits: { http_max_conns_per_client: options.connectionsPerClient } }),
  };
}

/** Ready: it leads, and its own node is in the catalog, so that registrations will be taken at once. */
async function isReady(url: string, node: string): Promise<void> {
  const headers = { "x-consul-token": MANAGEMENT_TOKEN };
  const leader = await askJson<string>(`${url}/v1/status/leader`, { headers, withinMs: 2000 });
  if (leader === "") throw new Error("no leader yet");
  const checks = await askJson<readonly unknown[]>(`${url}/v1/health/node/${node}`, { headers, withinMs: 2000 });
  if (checks.length === 0) throw new Error("its node is not in the catalog yet");
}

async function send(url: string, method: "PUT" | "DELETE", path: string, body?: unknown): Promise<string> {
  const text = body === undefined ? {} : { body: JSON.stringify(body) };
  const headers = { "x-consul-token": MANAGEMENT_TOKEN, "content-type": "application/json" };
  const reply = await ask(url + path, { method, headers, ...text });
  if (reply.status !== 200) throw new Error(`Consul: ${method} ${path} answered ${reply.status}: ${reply.body}`);
  return reply.body;
}
