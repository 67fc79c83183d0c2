/** A plain ZooKeeper client that writes what providers write, over the `node-zookeeper-client` package. */
import zookeeper from "node-zookeeper-client";
import { reasonOf } from "../../src/kernel/errors.ts";

export interface ZooKeeperWriter {
  /** Creates the node with the parents it lacks (those persistent), or sets its data when it is there. */
  put(path: string, data?: string | Buffer, mode?: NodeMode): Promise<void>;
  /** Removes the node; one that is not there is as good as removed. */
  remove(path: string): Promise<void>;
  /** Removes the node with everything under it. */
  removeTree(path: string): Promise<void>;
  /** Creates many nodes of one parent, with at most 1,000 requests under way. */
  putMany(nodes: readonly { readonly path: string; readonly data: string }[], mode?: NodeMode): Promise<void>;
  children(path: string): Promise<readonly string[]>;
  /** Sets who may do what with the node. `id` e.g. `reader:secret` for digest, `anyone` for world. */
  allow(path: string, acl: readonly { readonly scheme: string; readonly id: string; readonly perms: number }[]): Promise<void>;
  /** Ends the session: its ephemeral nodes go at once. */
  close(): Promise<void>;
}

export type NodeMode = "persistent" | "ephemeral";

export interface WriterOptions {
  /** `host:port[,host:port]`. */
  readonly address: string;
  /** In ms; default 30,000. */
  readonly sessionTimeout?: number;
  /** `user:password`, for digest authentication. */
  readonly digest?: string;
}

const CONNECT_WITHIN_MS = 15_000;
const MODES = { persistent: zookeeper.CreateMode.PERSISTENT, ephemeral: zookeeper.CreateMode.EPHEMERAL } as const;
const UNDER_WAY = 1000;

/** Connects; the session, and with it every ephemeral node, ends with the scope. */
export async function connectWriter(options: WriterOptions, scope: AsyncDisposableStack): Promise<ZooKeeperWriter> {
  const client = zookeeper.createClient(options.address, { sessionTimeout: options.sessionTimeout ?? 30_000, spinDelay: 200 });
  await connected(client, options.address);
  if (options.digest !== undefined) client.addAuthInfo("digest", Buffer.from(options.digest));
  let closed = false;
  const close = async () => {
    if (closed) return;
    closed = true;
    // The package ends a session by a packet; the socket closing tells that the server has read it.
    const done = new Promise<void>((resolve) => client.once("disconnected", () => resolve()));
    client.close();
    await Promise.race([done, new Promise((resolve) => setTimeout(resolve, 1000))]);
  };
  scope.defer(close);
  const put = (path: string, data?: string | Buffer, mode: NodeMode = "persistent") =>
    putNode(client, path, asBuffer(data), mode);
  return {
    put,
    remove: (path) => settle("remove", path, (done) => client.remove(path, -1, done), zookeeper.Exception.NO_NODE),
    removeTree: (path) => removeTree(client, path),
    async putMany(nodes, mode = "persistent") {
      for (let at = 0; at < nodes.length; at += UNDER_WAY)
        await Promise.all(nodes.slice(at, at + UNDER_WAY).map(({ path, data }) => put(path, data, mode)));
    },
    children: (path) => childrenOf(client, path),
    async allow(path, acl) {
      const entries = acl.map(({ scheme, id, perms }) => new zookeeper.ACL(perms, new zookeeper.Id(scheme, id)));
      await settle("setACL", path, (done) => client.setACL(path, entries, -1, done));
    },
    close,
  };
}

type Client = ReturnType<typeof zookeeper.createClient>;
type Done = (error: Error | zookeeper.Exception | null) => void;

function connected(client: Client, address: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      client.close();
      reject(new Error(`no session with ${address} in ${CONNECT_WITHIN_MS} ms`));
    }, CONNECT_WITHIN_MS);
    client.once("connected", () => {
      clearTimeout(timer);
      resolve();
    });
    client.connect();
  });
}

/** A call of the package as a promise; the codes given are no failures. */
function settle(what: string, path: string, call: (done: Done) => void, ...fine: readonly number[]): Promise<void> {
  return new Promise((resolve, reject) => {
    call((error) => {
      if (!error || ("getCode" in error && fine.includes(error.getCode()))) resolve();
      else reject(new Error(`ZooKeeper: ${what} ${path}: ${reasonOf(error)}`));
    });
  });
}

function codeOf(error: Error | zookeeper.Exception): number | undefined {
  return "getCode" in error ? error.getCode() : undefined;
}

async function putNode(client: Client, path: string, data: Buffer, mode: NodeMode): Promise<void> {
  const create = () =>
    new Promise<number | undefined>((resolve, reject) => {
      client.create(path, data, MODES[mode], (error) => {
        if (!error) resolve(undefined);
        else if (codeOf(error) === undefined) reject(error);
        else resolve(codeOf(error));
      });
    });
  let code = await create();
  if (code === zookeeper.Exception.NO_NODE) {
    const parent = path.slice(0, path.lastIndexOf("/"));
    await settle("mkdirp", parent, (done) => client.mkdirp(parent, done));
    code = await create();
  }
  if (code === zookeeper.Exception.NODE_EXISTS)
    await settle("setData", path, (done) => client.setData(path, data, -1, (error) => done(error)));
  else if (code !== undefined) throw new Error(`ZooKeeper: create ${path}: code ${code}`);
}

function childrenOf(client: Client, path: string): Promise<readonly string[]> {
  return new Promise((resolve, reject) => {
    client.getChildren(path, (error, children) => {
      if (!error) resolve(children);
      else if (codeOf(error) === zookeeper.Exception.NO_NODE) resolve([]);
      else reject(new Error(`ZooKeeper: getChildren ${path}: ${reasonOf(error)}`));
    });
  });
}

async function removeTree(client: Client, path: string): Promise<void> {
  for (const child of await childrenOf(client, path)) await removeTree(client, `${path}/${child}`);
  await settle("remove", path, (done) => client.remove(path, -1, done), zookeeper.Exception.NO_NODE);
}

function asBuffer(data: string | Buffer | undefined): Buffer {
  return typeof data === "string" ? Buffer.from(data) : (data ?? Buffer.alloc(0));
}
