/** ZooKeeper for the fault matrix, with Spring Cloud instances; secured by digest and TLS; or an ensemble of three. */
import { createHash } from "node:crypto";
import { selfSigned } from "../../support/certificate.ts";
import { eventually } from "../../support/eventually.ts";
import { type FaultProxy, startFaultProxy } from "../../support/fault-proxy.ts";
import { type Ensemble, startEnsemble, startZooKeeper, ZOOKEEPER_SUPERUSER, type ZooKeeper } from "../../support/zookeeper.ts";
import { springInstance, type ZookeeperRecord } from "../../support/zookeeper-records.ts";
import { connectWriter, type ZooKeeperWriter } from "../../support/zookeeper-writer.ts";
import type { FaultHandle, RegistryDriver, StartDriver, TestInstance } from "../driver.ts";

const ROOT = "/services";
const DIGEST_FILE = "zookeeper-digest";
const CA_FILE = "zookeeper-ca.crt";
/** Of the bridge. */
const SESSION_MS = 6000;
/** Of the providers: longer than any fault here lasts, so that what vanishes does so by the fault alone. */
const PROVIDER_SESSION_MS = 240_000;
const ALL_RIGHTS = 31;
const READ_RIGHT = 1;
type Write = (name: string, text: string) => Promise<void>;

export const startZooKeeperDriver: StartDriver = async ({ secured = false, replicated = false }, scope) => {
  const certificate = selfSigned("localhost");
  const options = { sessions: { min: 1000, max: PROVIDER_SESSION_MS }, ...(secured ? { certificate } : {}) };
  const ensemble = replicated ? await startEnsemble(3, options, scope) : undefined;
  const servers = ensemble?.members ?? [await startZooKeeper(options, scope)];
  const proxies: FaultProxy[] = [];
  for (const { port, tlsAddress } of servers)
    proxies.push(await startFaultProxy(secured ? Number(tlsAddress.split(":")[1]) : port, scope));
  const [server, proxy] = [servers[0] as ZooKeeper, proxies[0] as FaultProxy];
  const providers = reconnecting(servers.map(({ address }) => address).join(","), scope);
  const host = secured ? "localhost" : "127.0.0.1";
  const credentials = secured ? { auth: { secret: { fromFile: DIGEST_FILE } }, tls: { caFile: CA_FILE } } : {};
  const rights = accessTo(providers);
  let write: Write = async () => undefined;
  const files: Record<string, string> = secured ? { [DIGEST_FILE]: await rights.grant(), [CA_FILE]: certificate.cert } : {};
  let copy = "";
  const restart = (change: () => Promise<void>): FaultHandle => ({
    losesData: true,
    async inflict() {
      await server.kill();
      await change();
      await server.start();
    },
    heal: () => providers.renew(),
  });
  return {
    kind: "zookeeper",
    config: {
      kind: "zookeeper",
      name: "zookeeper",
      servers: proxies.map(({ port }) => `${host}:${port}`),
      sessionTimeout: `${SESSION_MS}ms`,
      ...credentials,
    },
    files,
    useWorkspace(given) {
      write = given;
    },
    proxy,
    clusterOf: (service) => `default/${service}/http`,
    async put(instances) {
      const writer = await providers.current();
      await Promise.all(instances.map((instance) => putRecord(writer, toRecord(instance))));
      if (secured) await rights.cover(instances);
    },
    async remove(instances) {
      const writer = await providers.current();
      await Promise.all(instances.map((instance) => writer.remove(toRecord(instance).path)));
    },
    kill: { inflict: () => server.kill(), heal: () => server.start() },
    stop: pausing(servers),
    restartEmpty: restart(() => server.wipe()),
    restartOld: {
      ...restart(() => server.restore(copy)),
      async snapshot() {
        copy = await server.snapshot();
      },
    },
    expire: expiry(proxy),
    revoke: {
      async inflict() {
        await rights.revoke();
        proxy.resetAll();
      },
      heal: async () => write(DIGEST_FILE, await rights.grant()),
    },
    rotate: rotation(server, rights, (name, text) => write(name, text)),
    changeLeader: leaderChange(ensemble),
  } satisfies RegistryDriver;
};

/** The providers' session; `renew` makes another where a server has forgotten it. */
function reconnecting(address: string, scope: AsyncDisposableStack) {
  let writer: ZooKeeperWriter | undefined;
  const options = { address, sessionTimeout: PROVIDER_SESSION_MS, digest: ZOOKEEPER_SUPERUSER };
  const current = async () => {
    writer ??= await connectWriter(options, scope);
    return writer;
  };
  return {
    current,
    async renew() {
      await writer?.close();
      writer = undefined;
      await current();
    },
  };
}
type Providers = ReturnType<typeof reconnecting>;

function putRecord(writer: ZooKeeperWriter, { path, data }: ZookeeperRecord): Promise<void> {
  return writer.put(path, data, "ephemeral");
}

/** Who may read the registry's nodes: the digest user of the last `grant`, and the providers. */
function accessTo(providers: Providers) {
  const paths = new Set([ROOT]);
  let users = 0;
  let user = "";
  const apply = async () => {
    const writer = await providers.current();
    const acl = [
      { scheme: "digest", id: digestId(ZOOKEEPER_SUPERUSER), perms: ALL_RIGHTS },
      ...(user === "" ? [] : [{ scheme: "digest", id: digestId(user), perms: READ_RIGHT }]),
    ];
    for (const path of paths) await writer.allow(path, acl);
  };
  return {
    /** Lets a new user read, and no other; resolves to its `user:password`. */
    async grant() {
      user = `reader-${++users}:password-${users}`;
      await (await providers.current()).put(ROOT);
      await apply();
      return user;
    },
    async revoke() {
      user = "";
      await apply();
    },
    /** Applies to the nodes of these instances' services too. */
    async cover(instances: readonly TestInstance[]) {
      for (const { service } of instances) paths.add(`${ROOT}/${service}`);
      await apply();
    },
  };
}
type Rights = ReturnType<typeof accessTo>;

/** Inflicted: the server has the new certificate and lets the old user read nothing, and the files are half-written. */
function rotation(server: ZooKeeper, rights: Rights, write: Write): FaultHandle {
  const certificate = selfSigned("localhost");
  let user = "";
  return {
    async inflict() {
      user = await rights.grant();
      await server.kill();
      await server.replaceCertificate(certificate);
      await write(CA_FILE, certificate.cert.slice(0, certificate.cert.length / 2));
      await write(DIGEST_FILE, user.slice(0, user.length / 2));
      await server.start();
    },
    async heal() {
      await write(CA_FILE, certificate.cert);
      await write(DIGEST_FILE, user);
    },
  };
}

/** The bridge's own session is over: the server hears nothing of it for longer than the session lasts. */
function expiry(proxy: FaultProxy): FaultHandle {
  return {
    async inflict() {
      await proxy.set({ kind: "black-hole" });
      await new Promise((resolve) => setTimeout(resolve, SESSION_MS + 2000));
    },
    heal: () => proxy.set({ kind: "pass" }),
  };
}

function leaderChange(ensemble: Ensemble | undefined): FaultHandle {
  let killed: ZooKeeper | undefined;
  return {
    async inflict() {
      killed = await ensemble?.leader();
      await killed?.kill();
    },
    async heal() {
      await killed?.start();
      await eventually("there is a leader", async () => ensemble?.leader());
    },
  };
}

function pausing(servers: readonly ZooKeeper[]): FaultHandle {
  return {
    async inflict() {
      for (const { program } of servers) program.pause();
    },
    async heal() {
      for (const { program } of servers) program.resume();
    },
  };
}

function toRecord({ service, address, port }: TestInstance): ZookeeperRecord {
  return springInstance(service, { address, port, id: `${service}-${address}` });
}

/** ZooKeeper's digest scheme: `user:base64(sha1(user:password))`. */
function digestId(credential: string): string {
  const [user = ""] = credential.split(":");
  return `${user}:${createHash("sha1").update(credential).digest("base64")}`;
}
