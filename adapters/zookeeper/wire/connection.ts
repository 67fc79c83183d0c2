/**
 * The wire client: one socket and one session on it. Whatever goes wrong is the connection's end, with one error of the
 * table; nothing is retried here and nothing escapes.
 */
import type { Clock } from "../../../src/kernel/clock.ts";
import { reasonOf } from "../../../src/kernel/errors.ts";
import type { ServerNames } from "../codes.ts";
import {
  type Connect,
  type Connection,
  type ConnectionEnd,
  type ConnectRequest,
  type Session,
  SessionExpired,
  type TransportOptions,
} from "../connection.ts";
import { asEnd } from "../ends.ts";
import { serverName } from "../servers.ts";
import { type Channel, openChannel } from "./channel.ts";
import { withDeadline } from "./deadline.ts";
import { MalformedFrame } from "./jute.ts";
import { boundedTimeout, keepAlive } from "./keep-alive.ts";
import { createOperations } from "./operations.ts";
import { chrootOf } from "./paths.ts";
import { type ConnectReply, decodeConnect, encodeAuth, encodeConnect, encodePing, request as requestOf } from "./records.ts";
import { createRequests, type Requests } from "./requests.ts";
import { createSessionMemory, type SessionMemory } from "./session-memory.ts";
import { type OpenSocket, systemSockets } from "./sockets.ts";
import { createWatchReceiver } from "./watch-receiver.ts";
import { createWatchSupport, type WatchSupport } from "./watch-support.ts";

/** How long the server may take to accept the connection, and again to give the session; both together pass for one try. */
const SOCKET_WITHIN_MS = 2500;
const SESSION_WITHIN_MS = 2000;
const CLOSE_WITHIN_MS = 1000;

export interface WireOptions extends TransportOptions {
  /** Default: sockets of the operating system. */
  readonly openSocket?: OpenSocket;
  /** Requests sent and not answered yet; default 1000. */
  readonly maxInFlight?: number;
}

interface Context {
  readonly options: WireOptions;
  readonly names: ServerNames;
  readonly memory: SessionMemory;
  readonly support: WatchSupport;
}

/** A transport that speaks the protocol itself, with TLS, IPv6, sessions that are resumed, and recursive watches. */
export function createWireConnect(options: WireOptions): Connect {
  const openSocket = options.openSocket ?? systemSockets(options.tls);
  const memory = createSessionMemory(options.clock);
  const support = createWatchSupport(options.clock);
  return async (request) => {
    const names = { registry: options.registry, address: serverName(request) };
    const context = { options, names, memory, support };
    try {
      if (request.session !== undefined && memory.isPast(request.session)) throw new SessionExpired();
      const deadline = { clock: options.clock, ms: SOCKET_WITHIN_MS, what: "connection", signal: request.signal };
      const socket = await withDeadline(
        deadline,
        (signal) => openSocket(request.host, request.port, signal),
        (late) => late.destroy(),
      );
      return await openSession(openChannel(socket, options.clock), request, context);
    } catch (error) {
      throw request.signal.aborted ? request.signal.reason : asEnd(error, names).error;
    }
  };
}

/** Asks for the session and authenticates. The channel is ended when that fails. */
async function openSession(channel: Channel, request: ConnectRequest, context: Context): Promise<Connection> {
  const { options, names, memory } = context;
  const { clock, auth } = options;
  const trace = memory.traceOf(request.session);
  const requests = createRequests({
    channel,
    clock,
    onWatch: createWatchReceiver({ chroot: chrootOf(options.chroot), log: options.log, onWatch: request.onWatch }),
    onZxid: trace.seen,
    ...(options.maxInFlight !== undefined && { maxInFlight: options.maxInFlight }),
  });
  const ended = endOf(channel, requests, names);
  const open = async () => {
    const session = await greet(channel, requests, { request, options, lastZxidSeen: trace.zxid });
    for (const { scheme, credentials } of auth)
      await requests.authenticate(encodeAuth(scheme, Buffer.from(credentials.reveal())));
    return session;
  };
  try {
    const signal = AbortSignal.any([request.signal, channel.over]);
    const session = await withDeadline({ clock, ms: SESSION_WITHIN_MS, what: "session", signal }, open, () => undefined);
    memory.keep(session, trace);
    return createConnection({ channel, requests, session, ended, request, context });
  } catch (error) {
    channel.end(error);
    throw error;
  }
}

/** Settles with the channel's end, when also all requests are rejected with its error. */
function endOf(channel: Channel, requests: Requests, names: ServerNames): Promise<ConnectionEnd> {
  return new Promise((resolve) => {
    const settle = () => {
      const end = asEnd(channel.over.reason, names);
      requests.refuse(end.error);
      resolve(end);
    };
    if (channel.over.aborted) settle();
    else channel.over.addEventListener("abort", settle, { once: true });
  });
}

interface Greeting {
  readonly request: ConnectRequest;
  readonly options: WireOptions;
  readonly lastZxidSeen: bigint;
}

function greet(channel: Channel, requests: Requests, { request, options, lastZxidSeen }: Greeting): Promise<Session> {
  return new Promise((resolve) => {
    channel.receive = (frame) => {
      resolve(sessionOf(decodeConnect(frame), request.session));
      channel.receive = requests.receive;
    };
    const { session } = request;
    const sessionId = session === undefined ? 0n : BigInt.asIntN(64, BigInt(`0x${session.id}`));
    const resumed = session !== undefined && { password: session.password };
    channel.send(encodeConnect({ lastZxidSeen, timeoutMs: options.sessionTimeoutMs, sessionId, ...resumed }));
  });
}

function sessionOf({ sessionId, timeoutMs, password }: ConnectReply, asked: Session | undefined): Session {
  if (timeoutMs <= 0 || sessionId === 0n) {
    if (asked !== undefined) throw new SessionExpired();
    throw new MalformedFrame(`a new session with a timeout of ${timeoutMs} ms`);
  }
  return { id: BigInt.asUintN(64, sessionId).toString(16), password, timeoutMs: boundedTimeout(timeoutMs) };
}

interface Parts {
  readonly channel: Channel;
  readonly requests: Requests;
  readonly session: Session;
  readonly ended: Promise<ConnectionEnd>;
  readonly request: ConnectRequest;
  readonly context: Context;
}

function createConnection({ channel, requests, session, ended, request, context }: Parts): Connection {
  const { options, names, memory, support } = context;
  channel.over.addEventListener("abort", () => memory.heard(session, channel.heardAt), { once: true });
  guard(channel, requests, { clock: options.clock, timeoutMs: session.timeoutMs });
  let closing: Promise<void> | undefined;
  return {
    session,
    resumed: session.id === request.session?.id,
    ended,
    ...createOperations({ requests, chroot: chrootOf(options.chroot), names, support, over: channel.over }),
    close() {
      closing ??= close(channel, requests, context);
      return closing;
    },
    abandon: () => channel.end(new Error("the connection was given up")),
  };
}

/** Keeps the session alive, and ends the channel when the server is silent. */
function guard(channel: Channel, requests: Requests, times: { readonly clock: Clock; readonly timeoutMs: number }): void {
  const watchdog = keepAlive({
    ...times,
    heardAt: () => channel.heardAt,
    waitingSince: () => requests.waitingSince,
    ping: () => channel.send(encodePing()),
    signal: channel.over,
  });
  watchdog.then((silence) => silence && channel.end(silence), channel.end);
}

/** Ends the session at the server, as far as that takes no longer than the limit; then the channel. */
async function close(channel: Channel, requests: Requests, { options, names }: Context): Promise<void> {
  const limit = { clock: options.clock, ms: CLOSE_WITHIN_MS, what: "goodbye", signal: channel.over };
  const refused = asEnd(new Error("the connection is being closed"), names).error;
  try {
    await withDeadline(
      limit,
      () => requests.finish(requestOf.closeSession(), refused),
      () => undefined,
    );
  } catch (error) {
    options.log.debug({ reason: reasonOf(error) }, "the session is left to expire");
  }
  channel.end(new Error("the connection was closed"));
}
