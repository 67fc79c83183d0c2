/** Real ZooKeeper servers: one, or an ensemble on loopback ports. */
import { cp, mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { KeyPair } from "./certificate.ts";
import { roleOf, type ZooKeeperRole } from "./four-letter.ts";
import { freePorts } from "./ports.ts";
import { type Program, startProgram, untilReady } from "./process.ts";
import { serverProgram } from "./require-server.ts";
import { tempDir } from "./temp.ts";

export interface ZooKeeperOptions {
  /** The unit of all its times, in ms; default 500. */
  readonly tickTime?: number;
  /** What session timeouts clients may have, in ms; default 1,000 to 60,000. */
  readonly sessions?: { readonly min: number; readonly max: number };
  /** Serves TLS too, at `tlsAddress`; clients need no certificate. */
  readonly certificate?: KeyPair;
  /** Default: a free one. */
  readonly port?: number;
}

export interface ZooKeeper {
  readonly port: number;
  /** `127.0.0.1:port`. */
  readonly address: string;
  /** With a certificate: `localhost:port`. */
  readonly tlsAddress: string;
  /** The running process; another one after a restart. */
  readonly program: Program;
  role(): Promise<ZooKeeperRole>;
  /** SIGKILL, and nothing more until `start`. */
  kill(): Promise<void>;
  /** Starts again on the same ports with the data there is; resolves when it serves. */
  start(): Promise<void>;
  /** Removes all data; only while it does not run. */
  wipe(): Promise<void>;
  /** Copies the data as it lies on the disk now, for `restore`. Every answered write is in it. */
  snapshot(): Promise<string>;
  /** Puts a copy in place of the data; only while it does not run. */
  restore(copy: string): Promise<void>;
  /** Serves TLS with another certificate from the next start on. */
  replaceCertificate(certificate: KeyPair): Promise<void>;
}

export interface Ensemble {
  readonly members: readonly ZooKeeper[];
  /** All members: `127.0.0.1:a,127.0.0.1:b,…`. */
  readonly address: string;
  /** The member that leads now; rejects while none does. */
  leader(): Promise<ZooKeeper>;
}

/** May do everything and see everything (`digest` authentication as `super:test`). */
export const ZOOKEEPER_SUPERUSER = "super:test";
const SUPER_DIGEST = "super:D/InIHSb7yEEbrWz8b9l71RjZJU=";
const READY_WITHIN_MS = 60_000;

/** Starts one server; resolves when it serves. */
export async function startZooKeeper(options: ZooKeeperOptions, scope: AsyncDisposableStack): Promise<ZooKeeper> {
  const [free, tlsPort] = (await freePorts(2)) as [number, number];
  const server = await prepare({ port: options.port ?? free, tlsPort, options, peers: [] }, scope);
  await server.start();
  return server;
}

/** Starts an ensemble; resolves when all members serve. */
export async function startEnsemble(size: number, options: ZooKeeperOptions, scope: AsyncDisposableStack): Promise<Ensemble> {
  const ports = await freePorts(size * 4);
  const portOf = (index: number, which: number) => ports[index * 4 + which] ?? 0;
  const indexes = Array.from({ length: size }, (_, index) => index);
  const peers = indexes.map((index) => `server.${index + 1}=127.0.0.1:${portOf(index, 2)}:${portOf(index, 3)}`);
  const members: ZooKeeper[] = [];
  for (const index of indexes) {
    const place = { port: portOf(index, 0), tlsPort: portOf(index, 1), options, peers, id: index + 1 };
    members.push(await prepare(place, scope));
  }
  await Promise.all(members.map((member) => member.start()));
  return {
    members,
    address: members.map(({ address }) => address).join(","),
    async leader() {
      const roles = await Promise.all(members.map((member) => member.role().catch(() => undefined)));
      const leader = members[roles.indexOf("leader")];
      if (leader === undefined) throw new Error(`nobody leads: ${roles.map(String).join(", ")}`);
      return leader;
    },
  };
}

interface Place {
  readonly port: number;
  readonly tlsPort: number;
  readonly options: ZooKeeperOptions;
  readonly peers: readonly string[];
  /** Only in an ensemble. */
  readonly id?: number;
}

async function prepare(place: Place, scope: AsyncDisposableStack): Promise<ZooKeeper> {
  const { port, tlsPort, id } = place;
  const dir = await tempDir(scope, "zookeeper");
  const data = join(dir, "data");
  const config = join(dir, "zoo.cfg");
  await writeFile(config, await configFile(dir, data, place));
  const lay = async () => {
    await mkdir(data, { recursive: true });
    if (id !== undefined) await writeFile(join(data, "myid"), `${id}\n`);
  };
  await lay();
  const flags = `-Dzookeeper.DigestAuthenticationProvider.superDigest=${SUPER_DIGEST} -Dzookeeper.extendedTypesEnabled=true`;
  const spec = { title: `zookeeper ${id ?? ""}`, command: serverProgram("zookeeper"), args: [config], env: { JVMFLAGS: flags } };
  let program: Program | undefined;
  let copies = 0;
  return {
    port,
    address: `127.0.0.1:${port}`,
    tlsAddress: `localhost:${tlsPort}`,
    get program() {
      if (program === undefined) throw new Error("it was never started");
      return program;
    },
    role: () => roleOf(port),
    async kill() {
      await program?.kill();
    },
    async start() {
      program = startProgram({ ...spec, cwd: dir }, scope);
      await untilReady(program, () => roleOf(port), READY_WITHIN_MS);
    },
    async wipe() {
      await rm(data, { recursive: true, force: true });
      await lay();
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
    replaceCertificate: ({ key, cert }) => writeFile(join(dir, "server.pem"), key + cert),
  };
}

async function configFile(dir: string, data: string, { port, tlsPort, options, peers }: Place): Promise<string> {
  const { tickTime = 500, sessions = { min: 1000, max: 60_000 }, certificate } = options;
  const lines = [
    `dataDir=${data}`,
    `clientPort=${port}`,
    "clientPortAddress=127.0.0.1",
    `tickTime=${tickTime}`,
    "initLimit=20",
    "syncLimit=10",
    `minSessionTimeout=${sessions.min}`,
    `maxSessionTimeout=${sessions.max}`,
    "maxClientCnxns=0",
    "4lw.commands.whitelist=*",
    ...peers,
  ];
  if (certificate !== undefined) {
    const file = join(dir, "server.pem");
    await writeFile(file, certificate.key + certificate.cert);
    const factory = "serverCnxnFactory=org.apache.zookeeper.server.NettyServerCnxnFactory";
    const stores = ["keyStore", "trustStore"].flatMap((store) => [`ssl.${store}.location=${file}`, `ssl.${store}.type=PEM`]);
    lines.push(`secureClientPort=${tlsPort}`, factory, ...stores, "ssl.clientAuth=none");
  }
  return `${lines.join("\n")}\n`;
}
