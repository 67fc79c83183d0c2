/** A real etcd: what one or several kube-apiservers keep their objects in. */
import { cp, rm } from "node:fs/promises";
import { join } from "node:path";
import { ask, askJson } from "./http.ts";
import { freePorts } from "./ports.ts";
import { type Program, startProgram, untilReady } from "./process.ts";
import { serverProgram } from "./require-server.ts";
import { tempDir } from "./temp.ts";

export interface Etcd {
  readonly url: string;
  /** The running process; another one after a restart. */
  readonly program: Program;
  /** SIGKILL, and nothing more until `start`. */
  kill(): Promise<void>;
  /** Starts again on the same port with the data there is; resolves when it answers. */
  start(): Promise<void>;
  /** Removes all data; only while it does not run. */
  wipe(): Promise<void>;
  /** Copies the data as it is now, for `restore`; nobody is answered meanwhile. */
  snapshot(): Promise<string>;
  /** Puts a copy in place of the data; only while it does not run. */
  restore(copy: string): Promise<void>;
  /** Forgets every revision before the current one: a watch from an older one is answered "compacted". */
  compact(): Promise<void>;
}

const READY_WITHIN_MS = 30_000;

export async function startEtcd(scope: AsyncDisposableStack): Promise<Etcd> {
  const dir = await tempDir(scope, "etcd");
  const data = join(dir, "data");
  const [client, peer] = (await freePorts(2)) as [number, number];
  const url = `http://127.0.0.1:${client}`;
  const urls = { "listen-client-urls": url, "advertise-client-urls": url, "listen-peer-urls": `http://127.0.0.1:${peer}` };
  // Nothing here outlives a machine's crash, so nothing waits for the disk.
  const args = [`--data-dir=${data}`, "--unsafe-no-fsync", "--log-level=warn"];
  for (const [name, value] of Object.entries(urls)) args.push(`--${name}=${value}`);
  args.push(`--initial-advertise-peer-urls=http://127.0.0.1:${peer}`, `--initial-cluster=default=http://127.0.0.1:${peer}`);
  let program: Program | undefined;
  let copies = 0;
  const running = () => {
    if (program === undefined) throw new Error("it was never started");
    return program;
  };
  const etcd: Etcd = {
    url,
    get program() {
      return running();
    },
    async kill() {
      await program?.kill();
    },
    async start() {
      program = startProgram({ title: "etcd", command: serverProgram("etcd"), args, cwd: dir }, scope);
      await untilReady(program, () => askJson(`${url}/health`, { withinMs: 1000 }), READY_WITHIN_MS);
    },
    wipe: () => rm(data, { recursive: true, force: true }),
    async snapshot() {
      const copy = join(dir, `copy-${++copies}`);
      running().pause();
      try {
        await cp(data, copy, { recursive: true });
      } finally {
        running().resume();
      }
      return copy;
    },
    async restore(copy) {
      await etcd.wipe();
      await cp(copy, data, { recursive: true });
    },
    async compact() {
      const { header } = await post<{ header: { revision: string } }>(url, "/v3/kv/range", { key: "AA==" });
      await post(url, "/v3/kv/compaction", { revision: header.revision, physical: true });
    },
  };
  await etcd.start();
  return etcd;
}

/** One call of etcd's JSON gateway. */
async function post<T>(url: string, path: string, body: object): Promise<T> {
  const reply = await ask(url + path, { method: "POST", body: JSON.stringify(body) });
  if (reply.status !== 200) throw new Error(`etcd: ${path} answered ${reply.status}: ${reply.body.slice(0, 300)}`);
  return JSON.parse(reply.body) as T;
}
