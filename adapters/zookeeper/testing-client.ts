/** One connection to a ZooKeeper in memory: its watches, and the order of what reaches the client. */
import { CODE, refusal } from "./codes.ts";
import type { Connection, ConnectionEnd, ConnectRequest, Session, VersionedPath, WatchEvent } from "./connection.ts";
import type { ModelTree } from "./testing-tree.ts";
import { parentPath } from "./tree.ts";

type WatchKind = "data" | "children" | "exists" | "recursive";

/** Which one-shot watches an event fires, as the real server's `DataTree` does. */
const FIRES: Readonly<Record<WatchEvent["type"], readonly WatchKind[]>> = {
  created: ["exists"],
  deleted: ["data", "exists", "children"],
  changed: ["data", "exists"],
  children: ["children"],
};

export interface ModelClient {
  readonly connection: Connection;
  readonly sessionId: string;
  /** Sends the event if a watch is set for it. */
  notify(event: WatchEvent): void;
  /** Delivers what is waiting. */
  flush(): void;
  end(end: ConnectionEnd): void;
}

/** What all clients of one model share. */
export interface ModelShared {
  readonly tree: ModelTree;
  readonly recursive: boolean;
  readonly forbidden: ReadonlySet<string>;
  readonly requests: { exists: number; getData: number; getChildren: number; addWatch: number };
  readonly underWay: { now: number; most: number };
  /** True: nothing is delivered. */
  readonly hung: boolean;
  /** The client said goodbye: its session ends. */
  closed(session: string): void;
  ended(client: ModelClient): void;
}

/** Connected from the start. */
export function modelClient(shared: ModelShared, session: Session, request: ConnectRequest): ModelClient {
  const { tree, requests } = shared;
  const resumed = request.session !== undefined;
  const { promise: ended, resolve } = Promise.withResolvers<ConnectionEnd>();
  const watches = new Map<WatchKind, Set<string>>();
  const outbox: (() => void)[] = [];
  const pending = new Set<(error: Error) => void>();
  let over: ConnectionEnd | undefined;

  const flush = () => {
    while (!shared.hung && over === undefined && outbox.length > 0) outbox.shift()?.();
  };
  const send = (step: () => void) => {
    outbox.push(step);
    // Each in a turn of its own, in order.
    queueMicrotask(() => {
      if (!shared.hung && over === undefined) outbox.shift()?.();
    });
  };
  const arm = (kind: WatchKind, path: string) => {
    const paths = watches.get(kind) ?? new Set();
    watches.set(kind, paths.add(path));
  };

  /** The server works on a request when it is sent; its answer follows all events so far. */
  const ask = <T>(path: string, work: () => T, check: () => number = () => CODE.ok): Promise<T> => {
    if (over !== undefined) return Promise.reject(over.error);
    const { underWay } = shared;
    underWay.most = Math.max(underWay.most, ++underWay.now);
    const refused = shared.forbidden.has(path) ? CODE.noAuth : check();
    const answer = refused === CODE.ok ? { value: work() } : undefined;
    return new Promise<T>((resolveAnswer, reject) => {
      pending.add(reject);
      send(() => {
        pending.delete(reject);
        underWay.now--;
        if (answer !== undefined) resolveAnswer(answer.value);
        else reject(refusal({ registry: "model", address: "model" }, refused, path));
      });
    });
  };
  /** What a change of the node at this version is refused with; -1, or none, is any version. */
  const versionFault = (path: string, version = -1): number => {
    const node = tree.get(path);
    if (node === undefined) return CODE.noNode;
    return version !== -1 && node.stat.version !== version ? CODE.badVersion : CODE.ok;
  };
  const replaceFault = (path: string, old: readonly VersionedPath[]): number => {
    const fault = old.map((one) => versionFault(one.path, one.version)).find((code) => code !== CODE.ok);
    if (fault !== undefined) return fault;
    return tree.get(path) !== undefined && !old.some((one) => one.path === path) ? CODE.nodeExists : CODE.ok;
  };

  const read = <T>(kind: WatchKind, path: string, watch: boolean | undefined, work: () => T | undefined) =>
    ask(path, () => {
      const found = work();
      // Only an existence watch can be set on what is not there.
      if (watch && (found !== undefined || kind === "exists")) arm(kind, path);
      return found;
    });

  const client: ModelClient = {
    sessionId: session.id,
    notify(event) {
      let fires = event.type !== "children" && covers(watches.get("recursive"), event.path);
      for (const kind of FIRES[event.type]) if (watches.get(kind)?.delete(event.path)) fires = true;
      if (fires) send(() => request.onWatch(event));
    },
    flush,
    end(end) {
      if (over !== undefined) return;
      over = end;
      shared.underWay.now -= pending.size;
      for (const reject of pending) reject(end.error);
      shared.ended(client);
      resolve(end);
    },
    connection: {
      ...{ session, resumed, ended },
      getChildren(path, watch) {
        requests.getChildren++;
        return read("children", path, watch, () => {
          const node = tree.get(path);
          return node && { children: [...node.children], stat: node.stat };
        });
      },
      getData(path, watch) {
        requests.getData++;
        return read("data", path, watch, () => {
          const node = tree.get(path);
          return node && { data: node.data, stat: node.stat };
        });
      },
      exists(path, watch) {
        requests.exists++;
        return read("exists", path, watch, () => tree.get(path)?.stat);
      },
      watchRecursively(path) {
        requests.addWatch++;
        return ask(path, () => {
          if (shared.recursive) arm("recursive", path);
          return shared.recursive;
        });
      },
      create: (path, data, options) =>
        ask(
          path,
          () => tree.put(path, text(data), options?.ephemeral ? session.id : undefined),
          () => replaceFault(path, []),
        ),
      setData: (path, data, version) =>
        ask(
          path,
          () => tree.put(path, text(data)),
          () => versionFault(path, version),
        ),
      replace: (path, data, old) =>
        ask(
          path,
          () => {
            for (const one of old) tree.remove(one.path);
            tree.put(path, text(data), session.id);
          },
          () => replaceFault(path, old),
        ),
      remove: (path, version) =>
        ask(
          path,
          () => tree.remove(path),
          () => {
            const fault = versionFault(path, version);
            return fault === CODE.noNode ? CODE.ok : fault;
          },
        ),
      async close() {
        if (over !== undefined) return;
        client.end({ expired: true, error: new Error("closed") });
        shared.closed(session.id);
      },
      abandon: () => client.end({ expired: false, error: new Error("given up") }),
    },
  };
  return client;
}

function text(data: Uint8Array): string {
  return new TextDecoder().decode(data);
}

/** Whether the path is one of the watched ones, or below one. */
function covers(watched: ReadonlySet<string> | undefined, path: string): boolean {
  if (watched === undefined || watched.size === 0) return false;
  for (let at = path; at !== "/"; at = parentPath(at)) if (watched.has(at)) return true;
  return watched.has("/");
}
