/** Consul for the fault matrix: a server with its data on disk; secured with ACLs and TLS; or three servers. */
import { randomUUID } from "node:crypto";
import { selfSigned } from "../../support/certificate.ts";
import { type Consul, startConsul, startConsulServers } from "../../support/consul.ts";
import { eventually } from "../../support/eventually.ts";
import { startFaultProxy } from "../../support/fault-proxy.ts";
import type { FaultHandle, RegistryDriver, StartDriver, TestInstance } from "../driver.ts";

const READ = 'service_prefix "" { policy = "read" }\nnode_prefix "" { policy = "read" }\n';
const TOKEN_FILE = "consul-token";
const CA_FILE = "consul-ca.crt";
type Write = (name: string, text: string) => Promise<void>;

export const startConsulDriver: StartDriver = async ({ secured = false, replicated = false }, scope) => {
  const certificate = selfSigned("localhost");
  const servers = replicated
    ? await startConsulServers(3, scope)
    : [await startConsul({ mode: "server", acl: secured, ...(secured ? { certificate } : {}) }, scope)];
  // The bridge asks a server that does not lead, as it would ask any agent.
  const leading = await Promise.all(servers.map((server) => server.leads()));
  const asked = (replicated ? servers[leading.indexOf(false)] : servers[0]) as Consul;
  const proxy = await startFaultProxy(portOf(secured ? asked.tlsUrl : asked.url), scope);
  const access = secured ? await securedAccess(asked) : undefined;
  const address = secured ? `https://localhost:${proxy.port}` : `http://${proxy.address}`;
  const credentials = secured ? { token: { fromFile: TOKEN_FILE }, tls: { caFile: CA_FILE } } : {};
  let write: Write = async () => undefined;
  const restart = (change: () => Promise<void>): FaultHandle => ({
    losesData: true,
    async inflict() {
      await asked.kill();
      await change();
      await asked.start();
    },
    heal: async () => undefined,
  });
  let copy = "";
  return {
    kind: "consul",
    config: { kind: "consul", name: "consul", address, wait: "10s", ...credentials },
    files: access === undefined ? {} : { [TOKEN_FILE]: await access.makeToken(), [CA_FILE]: certificate.cert },
    useWorkspace(given) {
      write = given;
    },
    proxy,
    clusterOf: (service) => `default/${service}/http`,
    put: (instances) => each(instances, (instance) => asked.register(toService(instance))),
    remove: (instances) => each(instances, (instance) => asked.deregister(idOf(instance))),
    kill: { inflict: () => asked.kill(), heal: () => asked.start() },
    stop: pausing(servers),
    restartEmpty: restart(() => asked.wipe()),
    restartOld: {
      ...restart(() => asked.restore(copy)),
      async snapshot() {
        copy = await asked.snapshot();
      },
    },
    expire: undefined,
    revoke: {
      async inflict() {
        await access?.dropTokens();
        proxy.resetAll();
      },
      async heal() {
        await write(TOKEN_FILE, (await access?.makeToken()) ?? "");
      },
    },
    rotate: rotation(asked, access, (name, text) => write(name, text)),
    changeLeader: leaderChange(servers),
  } satisfies RegistryDriver;
};

interface Access {
  makeToken(): Promise<string>;
  /** Deletes every token made so far. */
  dropTokens(): Promise<void>;
}

async function securedAccess(consul: Consul): Promise<Access> {
  const policy = JSON.parse(await consul.put("/v1/acl/policy", { Name: "bridge-read", Rules: READ })) as { ID: string };
  const accessors: string[] = [];
  return {
    async makeToken() {
      const body = { SecretID: randomUUID(), Policies: [{ ID: policy.ID }] };
      const made = JSON.parse(await consul.put("/v1/acl/token", body)) as { AccessorID: string; SecretID: string };
      accessors.push(made.AccessorID);
      return made.SecretID;
    },
    async dropTokens() {
      for (const accessor of accessors.splice(0)) await consul.delete(`/v1/acl/token/${accessor}`);
    },
  };
}

/** Inflicted: the server has the new certificate and forgot the old token, and the files are half-written. */
function rotation(consul: Consul, access: Access | undefined, write: Write): FaultHandle {
  let token = "";
  const certificate = selfSigned("localhost");
  return {
    async inflict() {
      await access?.dropTokens();
      token = (await access?.makeToken()) ?? "";
      await consul.kill();
      await consul.replaceCertificate(certificate);
      await write(CA_FILE, certificate.cert.slice(0, certificate.cert.length / 2));
      await write(TOKEN_FILE, token.slice(0, token.length / 2));
      await consul.start();
    },
    async heal() {
      await write(CA_FILE, certificate.cert);
      await write(TOKEN_FILE, token);
    },
  };
}

function leaderChange(servers: readonly Consul[]): FaultHandle {
  let killed: Consul | undefined;
  return {
    async inflict() {
      const leading = await Promise.all(servers.map((server) => server.leads()));
      killed = servers[leading.indexOf(true)];
      await killed?.kill();
    },
    async heal() {
      await killed?.start();
      const others = servers.filter((server) => server !== killed);
      await eventually("the others have a leader", async () => {
        const leading = await Promise.all(others.map((server) => server.get<string>("/v1/status/leader")));
        if (leading.includes("")) throw new Error("no leader");
      });
    },
  };
}

function pausing(servers: readonly Consul[]): FaultHandle {
  return {
    async inflict() {
      for (const { program } of servers) program.pause();
    },
    async heal() {
      for (const { program } of servers) program.resume();
    },
  };
}

function idOf({ service, address }: TestInstance): string {
  return `${service}-${address}`;
}

function toService(instance: TestInstance) {
  return { ID: idOf(instance), Name: instance.service, Address: instance.address, Port: instance.port };
}

async function each(instances: readonly TestInstance[], change: (instance: TestInstance) => Promise<void>): Promise<void> {
  await Promise.all(instances.map(change));
}

function portOf(url: string): number {
  return Number(new URL(url).port);
}
