/** The operations of a connection: each one request, and what its answer means. */
import { CODE, refusal, type ServerNames } from "../codes.ts";
import type { Connection } from "../connection.ts";
import { ConnectionClosed } from "../ends.ts";
import type { JuteReader } from "./jute.ts";
import { type Chroot, isPath } from "./paths.ts";
import { decodeChildren, decodeData, decodeReplaced, decodeStat, type Encode, request } from "./records.ts";
import type { Answer, Requests } from "./requests.ts";
import type { WatchSupport } from "./watch-support.ts";

export interface OperationsOptions {
  readonly requests: Requests;
  readonly chroot: Chroot;
  readonly names: ServerNames;
  readonly support: WatchSupport;
  /** The connection's end, with its reason. */
  readonly over: AbortSignal;
}

type Operations = Pick<
  Connection,
  "getChildren" | "getData" | "exists" | "watchRecursively" | "create" | "setData" | "replace" | "remove"
>;

export function createOperations({ requests, chroot, names, support, over }: OperationsOptions): Operations {
  const ask = async <T>(path: string, encode: (at: string) => Encode, answer: Answer<T>): Promise<T> => {
    if (!isPath(path)) throw refusal(names, CODE.badArguments, path);
    return requests.send(encode(chroot.toServer(path)), answer);
  };
  /** Undefined when there is no such node; any other error is the request's refusal. */
  const ifThere =
    <T>(path: string, decode: (reader: JuteReader) => T) =>
    (code: number, reader: JuteReader): T | undefined => {
      if (code === CODE.noNode) return undefined;
      if (code !== CODE.ok) throw refusal(names, code, path);
      return decode(reader);
    };
  const done = (path: string) => (code: number) => {
    if (code !== CODE.ok) throw refusal(names, code, path);
  };

  const addWatch = async (path: string): Promise<boolean> => {
    if (!support.mayAsk(names.address)) return false;
    const wasOver = over.aborted;
    try {
      const known = await ask(path, request.addWatch, (code) => {
        if (code !== CODE.unimplemented) done(path)(code);
        return code === CODE.ok;
      });
      if (known) support.knows(names.address);
      else support.lacks(names.address);
      return known;
    } catch (error) {
      if (wasOver || !(over.reason instanceof ConnectionClosed)) throw error;
      support.closed(names.address);
      return false;
    }
  };

  return {
    getChildren: (path, watch = false) => ask(path, (at) => request.getChildren(at, watch), ifThere(path, decodeChildren)),
    getData: (path, watch = false) => ask(path, (at) => request.getData(at, watch), ifThere(path, decodeData)),
    exists: (path, watch = false) => ask(path, (at) => request.exists(at, watch), ifThere(path, decodeStat)),
    watchRecursively: addWatch,
    create: (path, data, { ephemeral = false } = {}) => ask(path, (at) => request.create(at, data, ephemeral), done(path)),
    setData: (path, data, version) => ask(path, (at) => request.setData(at, data, version), done(path)),
    replace: (path, data, old) =>
      ask(
        path,
        (at) => {
          const gone = old.map(({ path: one, version }) => ({ path: chroot.toServer(one), version }));
          return request.replace(at, data, gone);
        },
        (code, reader) => done(path)(code === CODE.ok ? decodeReplaced(reader) : code),
      ),
    remove: async (path, version) => {
      const removed = ifThere(path, () => true);
      return (await ask(path, (at) => request.delete(at, version), removed)) ?? false;
    },
  };
}
