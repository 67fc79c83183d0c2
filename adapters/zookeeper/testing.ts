/**
 * A ZooKeeper in memory, for tests and simulation: a tree with zxids, sessions with ephemeral nodes, one-shot and
 * persistent recursive watches, and the one order that everything hangs on: a watch event reaches the client before the
 * answer of any request that saw the change (programmer's guide, "ordering guarantees"). It can lose connections, expire
 * sessions, refuse, hang, and go back in time.
 */
import { fail } from "../../src/model/errors.ts";
import { type Connect, SessionExpired } from "./connection.ts";
import { type ModelClient, type ModelShared, modelClient } from "./testing-client.ts";
import { type ModelTree, modelTree } from "./testing-tree.ts";

export interface ModelOptions {
  /** Ms that sessions are granted; default 30,000. */
  readonly sessionTimeoutMs?: number;
  /** Whether recursive watches are known (3.6 and later); default true. */
  readonly recursive?: boolean;
}

export interface ModelZooKeeper extends Pick<ModelTree, "put" | "remove" | "dump"> {
  readonly connect: Connect;
  /** Takes all connections down; sessions live on. */
  disconnect(): void;
  /** Ends all sessions, and with them the connections and the ephemeral nodes they own. */
  expire(): void;
  /** While true nobody gets a connection. */
  refuse: boolean;
  /** While true no answer and no event comes. */
  hung: boolean;
  /** Paths whose reads are refused for lack of rights. */
  readonly forbidden: Set<string>;
  /** Requests so far, by kind. */
  readonly requests: Readonly<ModelShared["requests"]>;
  /** The most requests that were under way at once. */
  readonly underWay: Readonly<ModelShared["underWay"]>;
  /** Connections that are up. */
  readonly connections: number;
  /** Remembers how it is now; calling the result is a restore: the old tree, zxids and all. Sessions live on. */
  snapshot(): () => void;
}

/** Empty, with nobody connected. */
export function modelZooKeeper({ sessionTimeoutMs = 30_000, recursive = true }: ModelOptions = {}): ModelZooKeeper {
  const sessions = new Set<string>();
  const clients = new Set<ModelClient>();
  const tree = modelTree((event) => {
    for (const client of clients) client.notify(event);
  });
  const endSession = (id: string) => {
    sessions.delete(id);
    tree.removeOwned(id);
  };
  const shared = {
    ...{ tree, recursive, hung: false },
    forbidden: new Set<string>(),
    requests: { exists: 0, getData: 0, getChildren: 0, addWatch: 0 },
    underWay: { now: 0, most: 0 },
    closed: endSession,
    ended: (client: ModelClient) => clients.delete(client),
  };
  let lastSession = 0;
  let refuse = false;
  const drop = (reason: string) => {
    for (const client of [...clients]) client.end({ expired: false, error: new Error(reason) });
  };

  return {
    ...{ put: tree.put, remove: tree.remove, dump: tree.dump },
    ...{ forbidden: shared.forbidden, requests: shared.requests, underWay: shared.underWay },
    async connect(request) {
      request.signal.throwIfAborted();
      await Promise.resolve();
      const address = `${request.host}:${request.port}`;
      if (refuse) throw fail("MB_REGISTRY_UNREACHABLE", { registry: "model", address, reason: "refused" });
      if (request.session !== undefined && !sessions.has(request.session.id)) throw new SessionExpired();
      const fresh = () => ({ id: (++lastSession).toString(16), password: new Uint8Array(), timeoutMs: sessionTimeoutMs });
      const session = request.session ?? fresh();
      sessions.add(session.id);
      const client = modelClient(shared, session, request);
      clients.add(client);
      return client.connection;
    },
    disconnect: () => drop("connection reset"),
    expire() {
      for (const client of [...clients]) client.end({ expired: true, error: new SessionExpired() });
      for (const id of [...sessions]) endSession(id);
    },
    get refuse() {
      return refuse;
    },
    set refuse(value) {
      refuse = value;
    },
    get hung() {
      return shared.hung;
    },
    set hung(value) {
      shared.hung = value;
      for (const client of clients) client.flush();
    },
    get connections() {
      return clients.size;
    },
    snapshot() {
      const restore = tree.snapshot();
      return () => {
        restore();
        drop("restarted");
      };
    },
  };
}
