/** The operations of a connection over the `node-zookeeper-client` package. */
import type { Client, Stat as PackageStat } from "node-zookeeper-client";
import { CODE, refusal, type ServerNames } from "./codes.ts";
import { type Connection, SessionExpired, type Stat } from "./connection.ts";
import { AuthFailed, ConnectionClosed } from "./ends.ts";
import type { Call, PackageCalls } from "./package-calls.ts";
import { type Chroot, isPath } from "./wire/paths.ts";

const EPHEMERAL = 1;
const PERSISTENT = 0;
const ANY_VERSION = -1;
/** Stands where the package wants a watcher: events are taken before they come to its watchers. */
const ARMED = () => undefined;

export interface PackageOperationsOptions {
  readonly client: Client;
  readonly calls: PackageCalls;
  readonly chroot: Chroot;
  readonly names: ServerNames;
  readonly end: (reason: unknown) => void;
}

type Operations = Pick<Connection, "getChildren" | "getData" | "exists" | "create" | "setData" | "replace" | "remove">;

export function createPackageOperations({ client, calls, chroot, names, end }: PackageOperationsOptions): Operations {
  /** Undefined when there is no such node. */
  const ask = async <T>(path: string, call: (at: string) => Call<T>): Promise<T | undefined> => {
    if (!isPath(path)) throw refusal(names, CODE.badArguments, path);
    try {
      return await calls.run(call(chroot.toServer(path)));
    } catch (error) {
      const code = codeOf(error);
      if (code === CODE.noNode) return undefined;
      if (code === undefined) throw error;
      endBy(code, end);
      throw calls.refused ?? refusal(names, code, path);
    }
  };
  const must = async (path: string, call: (at: string) => Call<unknown>): Promise<void> => {
    const done = await ask(path, (at) => (settle) => call(at)((error) => settle(error, true)));
    if (done === undefined) throw refusal(names, CODE.noNode, path);
  };
  return {
    exists: (path, watch) =>
      ask(path, (at) => (done) => {
        const answered = (error: unknown, stat: PackageStat | null) => done(error, stat ? statOf(stat) : undefined);
        if (watch) client.exists(at, ARMED, answered);
        else client.exists(at, answered);
      }),
    getChildren: (path, watch) =>
      ask(path, (at) => (done) => {
        const answered = (error: unknown, children: string[], stat: PackageStat) =>
          done(error, error ? undefined : { children: children ?? [], stat: statOf(stat) });
        if (watch) client.getChildren(at, ARMED, answered);
        else client.getChildren(at, answered);
      }),
    getData: (path, watch) =>
      ask(path, (at) => (done) => {
        const answered = (error: unknown, data: Buffer | undefined, stat: PackageStat) =>
          done(error, error ? undefined : { data: Buffer.from(data ?? []), stat: statOf(stat) });
        if (watch) client.getData(at, ARMED, answered);
        else client.getData(at, answered);
      }),
    create: (path, data, { ephemeral = false } = {}) =>
      must(path, (at) => (done) => client.create(at, Buffer.from(data), ephemeral ? EPHEMERAL : PERSISTENT, done)),
    setData: (path, data, version = ANY_VERSION) =>
      must(path, (at) => (done) => client.setData(at, Buffer.from(data), version, done)),
    replace: (path, data, old) =>
      must(path, (at) => (done) => {
        const transaction = client.transaction();
        for (const { path: gone, version } of old) transaction.remove(chroot.toServer(gone), version);
        transaction.create(at, Buffer.from(data), EPHEMERAL).commit(done);
      }),
    remove: async (path, version = ANY_VERSION) =>
      (await ask(path, (at) => (done) => client.remove(at, version, (error) => done(error, true)))) ?? false,
  };
}

/** The server's code; BadArguments for what the package itself refuses; undefined when the connection had ended already. */
function codeOf(error: unknown): number | undefined {
  if (error instanceof Error && "getCode" in error && typeof error.getCode === "function") {
    const code: unknown = error.getCode();
    if (typeof code === "number") return code;
  }
  return error instanceof Error && "code" in error && typeof error.code === "string" && error.code.startsWith("MB_")
    ? undefined
    : CODE.badArguments;
}

/** Some answers are the connection's end. It tells its own error to all that wait, hence also to who asks after it. */
function endBy(code: number, end: (reason: unknown) => void): void {
  if (code === CODE.connectionLoss) end(new ConnectionClosed());
  if (code === CODE.sessionExpired) end(new SessionExpired());
  if (code === CODE.authFailed) end(new AuthFailed(code));
}

function statOf({ czxid, mzxid, pzxid, version, cversion, ephemeralOwner, numChildren }: PackageStat): Stat {
  return {
    czxid: czxid.readBigInt64BE(),
    mzxid: mzxid.readBigInt64BE(),
    pzxid: pzxid.readBigInt64BE(),
    version,
    cversion,
    ephemeralOwner: ephemeralOwner.readBigInt64BE(),
    numChildren,
  };
}
