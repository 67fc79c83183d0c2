/**
 * The transport over the `node-zookeeper-client` package: without TLS, IPv6, recursive watches, and sessions that are
 * resumed. One client of it is one connection, which is destroyed when the server is silent and is never reconnected, so
 * that it neither queues requests while it is down nor sends all watches in one packet. This is the only file that loads it.
 */
import type { Client } from "node-zookeeper-client";
import { reasonOf } from "../../src/kernel/errors.ts";
import { CODE, type ServerNames } from "./codes.ts";
import {
  type Connect,
  type Connection,
  type ConnectionEnd,
  type ConnectRequest,
  type Session,
  SessionExpired,
  type TransportOptions,
} from "./connection.ts";
import { AuthFailed, asEnd, ConnectionClosed } from "./ends.ts";
import { createPackageCalls, type PackageCalls } from "./package-calls.ts";
import { connectOnce, destroyPackage, guardPackage, type PackageManager } from "./package-inner.ts";
import { createPackageOperations } from "./package-operations.ts";
import { serverName } from "./servers.ts";
import { withDeadline } from "./wire/deadline.ts";
import { boundedTimeout, keepAlive } from "./wire/keep-alive.ts";
import { chrootOf } from "./wire/paths.ts";
import { createWatchReceiver } from "./wire/watch-receiver.ts";

const CONNECT_WITHIN_MS = 4500;
const CLOSE_WITHIN_MS = 1000;

interface ClientWithInside extends Client {
  readonly connectionManager: PackageManager;
}

/** One client of the package, from the moment it is made to its end. */
interface Inside {
  readonly client: ClientWithInside;
  readonly calls: PackageCalls;
  /** Aborts at the end, with its reason. */
  readonly over: AbortSignal;
  readonly ended: Promise<ConnectionEnd>;
  readonly heardAt: () => number;
  /** Ends it; whatever comes first counts. */
  end(reason: unknown): void;
}

/** Rejects with MB_REGISTRY_UNREACHABLE where TLS or an IPv6 address is asked for. */
export function createPackageConnect(options: TransportOptions): Connect {
  return async (request) => {
    const names = { registry: options.registry, address: serverName(request) };
    try {
      return await connect(request, options, names);
    } catch (error) {
      throw request.signal.aborted ? request.signal.reason : asEnd(error, names).error;
    }
  };
}

async function connect(request: ConnectRequest, options: TransportOptions, names: ServerNames): Promise<Connection> {
  if (options.tls !== undefined) throw new Error("the node-zookeeper-client package knows no TLS; use the wire transport");
  if (!/^[\w.-]+$/.test(request.host))
    throw new Error("the node-zookeeper-client package knows host names and IPv4 addresses alone; use the wire transport");
  const inside = await makeClient(request, options, names);
  try {
    const signal = AbortSignal.any([request.signal, inside.over]);
    const deadline = { clock: options.clock, ms: CONNECT_WITHIN_MS, what: "session", signal };
    await withDeadline(
      deadline,
      () => establish(inside),
      () => undefined,
    );
    return createConnection(inside, options, names);
  } catch (error) {
    inside.end(error);
    throw error;
  }
}

async function makeClient(request: ConnectRequest, options: TransportOptions, names: ServerNames): Promise<Inside> {
  const { createClient } = await import("node-zookeeper-client");
  const { clock, auth, log, sessionTimeoutMs } = options;
  const settings = { sessionTimeout: sessionTimeoutMs, spinDelay: 0, retries: 0 };
  const client = createClient(`${request.host}:${request.port}`, settings) as ClientWithInside;
  const calls = createPackageCalls(clock);
  const over = new AbortController();
  const { promise: ended, resolve } = Promise.withResolvers<ConnectionEnd>();
  let heardAt = clock.monotonic();
  const end = (reason: unknown) => {
    if (over.signal.aborted) return;
    const told = asEnd(reason, names);
    over.abort(reason);
    calls.refuse(told.error);
    resolve(told);
    destroyPackage(client.connectionManager);
  };
  guardPackage(client.connectionManager, {
    onBytes: () => {
      heardAt = clock.monotonic();
    },
    onEvent: createWatchReceiver({ chroot: chrootOf(options.chroot), log, onWatch: request.onWatch }),
    onFailure: end,
    onClosed: (error) => end(new ConnectionClosed(error?.message)),
  });
  client.on("expired", () => end(new SessionExpired()));
  client.on("authenticationFailed", () => end(new AuthFailed(CODE.authFailed)));
  for (const { scheme, credentials } of auth) client.addAuthInfo(scheme, Buffer.from(credentials.reveal()));
  return { client, calls, over: over.signal, ended, heardAt: () => heardAt, end };
}

/** Resolves when the session is there and the credentials, which the package sends first, have been accepted. */
async function establish({ client, calls, over }: Inside): Promise<void> {
  const connected = new Promise<void>((resolve) => client.once("connected", resolve));
  connectOnce(client.connectionManager);
  await connected;
  // Answered after the credentials, whose acceptance the package does not tell.
  await calls.run((done) => client.exists("/", (error) => done(undefined, error)));
  over.throwIfAborted();
}

function createConnection(inside: Inside, options: TransportOptions, names: ServerNames): Connection {
  const { client, calls, over, ended, heardAt, end } = inside;
  const session: Session = {
    id: client
      .getSessionId()
      .toString("hex")
      .replace(/^0+(?=.)/, ""),
    password: client.getSessionPassword(),
    timeoutMs: boundedTimeout(client.getSessionTimeout()),
  };
  const watchdog = keepAlive({
    clock: options.clock,
    timeoutMs: session.timeoutMs,
    heardAt,
    waitingSince: () => calls.waitingSince,
    // Any answer will do, also an error: it came.
    ping: () => client.exists("/", () => undefined),
    signal: over,
  });
  watchdog.then((silence) => silence && end(silence), end);
  let closing: Promise<void> | undefined;
  return {
    session,
    resumed: false,
    ended,
    ...createPackageOperations({ client, calls, chroot: chrootOf(options.chroot), names, end }),
    watchRecursively: async () => {
      if (over.aborted) throw (await ended).error;
      return false;
    },
    close() {
      closing ??= close(inside, options, names);
      return closing;
    },
    abandon: () => end(new Error("the connection was given up")),
  };
}

/** The server answers a goodbye by closing the connection. */
async function close({ client, calls, over, end }: Inside, options: TransportOptions, names: ServerNames): Promise<void> {
  const enough = new AbortController();
  if (!over.aborted) {
    calls.refuse(asEnd(new Error("the connection is being closed"), names).error);
    client.close();
    const signal = AbortSignal.any([over, enough.signal]);
    await options.clock.sleep(CLOSE_WITHIN_MS, signal).catch((reason: unknown) => {
      options.log.debug({ reason: reasonOf(reason) }, "the session was closed");
    });
  }
  end(new Error("the connection was closed"));
}
