/**
 * Owns the one session a registry has: connects, resumes the session while it lives, begins a new one when it has
 * expired, and waits with growing, jittered pauses in between. Nothing is queued while there is no connection: whoever
 * reads has the connection, or has nothing.
 */
import { createBackoff } from "../../src/kernel/backoff.ts";
import type { Clock } from "../../src/kernel/clock.ts";
import { MeshbridgeError, reasonOf } from "../../src/kernel/errors.ts";
import { fail } from "../../src/model/errors.ts";
import { type Connect, type Connection, type Session, SessionExpired, type WatchEvent } from "./connection.ts";
import { ConnectionClosed } from "./ends.ts";
import { createServerOrder, type Server, serverName } from "./servers.ts";
import { abortable } from "./waiting.ts";

/** What comes back is to be current within five seconds; one attempt each few seconds, with jitter, is no load. */
const BACKOFF_BASE_MS = 500;
const BACKOFF_MAX_MS = 5000;
/** How long one server may take to give a session, so that a silent one does not hold up its peers. */
const CONNECT_WITHIN_MS = 5000;
/** How long a goodbye may take: the whole adapter ends within a second. */
const CLOSE_WITHIN_MS = 500;

export interface SessionOptions {
  /** The registry's, for errors. */
  readonly name: string;
  readonly servers: readonly Server[];
  readonly connect: Connect;
  /** Called for the watches of the connection that is up; never for those of an earlier one. */
  readonly onWatch: (event: WatchEvent) => void;
  readonly clock: Clock;
  readonly random: () => number;
  readonly signal: AbortSignal;
  /** At most so long between two attempts, in ms. Default: 5,000. */
  readonly retryMaxMs?: number;
  /**
   * True: a server that closes the connection when it is asked to resume is asked for a new session next. That is what a server
   * does that was put back to an earlier state; otherwise it is asked until the session must have ended.
   */
  readonly yieldsSession?: boolean;
}

export type SessionEvent =
  | {
      readonly type: "connected";
      readonly connection: Connection;
      /** `host:port` of the server. */
      readonly address: string;
      /** False when the session is the one of the connection before. */
      readonly newSession: boolean;
      /** The connection has proved its use: the next pause is a short one again. */
      proven(): void;
    }
  | { readonly type: "lost"; readonly error: MeshbridgeError; readonly retryInMs: number };

/**
 * Runs until the signal aborts, and then rejects with its reason. The connection belongs to the reader until he asks for
 * the next event, by when it has ended, or he has given it up with `abandon`. Ending the iteration closes the session.
 */
export async function* sessions(options: SessionOptions): AsyncGenerator<SessionEvent, never, void> {
  const { clock, random, signal } = options;
  const backoff = createBackoff({ baseMs: BACKOFF_BASE_MS, maxMs: options.retryMaxMs ?? BACKOFF_MAX_MS, random });
  const connector = createConnector(options);
  for (;;) {
    signal.throwIfAborted();
    const attempt = await connector.connect();
    let error: unknown;
    if ("error" in attempt) error = attempt.error;
    else {
      const { connection } = attempt;
      let over = false;
      try {
        const address = serverName(connector.server);
        yield { type: "connected", connection, address, newSession: !connection.resumed, proven: () => backoff.reset() };
        const end = await abortable(connection.ended, signal);
        over = true;
        error = end.error;
        if (end.expired) connector.forgetSession();
      } finally {
        // What ended by itself, or was given up, leaves a session that may be resumed.
        if (!over) await close(connection, clock);
      }
    }
    signal.throwIfAborted();
    const retryInMs = backoff.next();
    yield { type: "lost", error: asUnreachable(error, options, connector.server), retryInMs };
    connector.retire();
    await clock.sleep(retryInMs, signal);
  }
}

/** Tries the servers in turn, each once; the last one's error counts when none can be used. */
function createConnector({ servers, connect, onWatch, clock, random, signal, yieldsSession }: SessionOptions) {
  const order = createServerOrder(servers, random);
  let session: Session | undefined;
  /** Which connection's watches are told. */
  let epoch = 0;

  const tryOne = async (): Promise<Connection> => {
    const mine = ++epoch;
    const deadline = new AbortController();
    const limit = AbortSignal.any([signal, deadline.signal]);
    const over = clock.sleep(CONNECT_WITHIN_MS, limit).then(
      () => deadline.abort(new Error(`no session within ${CONNECT_WITHIN_MS} ms`)),
      () => undefined, // The attempt came to its end first.
    );
    const pending = connect({
      ...order.current,
      session,
      onWatch: (event) => mine === epoch && onWatch(event),
      signal: limit,
    });
    try {
      return await abortable(pending, limit);
    } catch (error) {
      // It may still come about: then nobody would know of it.
      pending.then(
        (late) => late.abandon(),
        () => undefined,
      );
      throw error;
    } finally {
      deadline.abort();
      await over;
    }
  };

  const attempt = async (): Promise<Connection> => {
    try {
      return await tryOne();
    } catch (error) {
      if (!(error instanceof SessionExpired) || session === undefined) throw error;
      session = undefined;
      return tryOne();
    }
  };

  return {
    get server() {
      return order.current;
    },
    async connect(): Promise<{ readonly connection: Connection } | { readonly error: unknown }> {
      let last: unknown;
      for (let tries = 0; tries < order.size; tries++) {
        if (tries > 0) order.rotate();
        signal.throwIfAborted();
        try {
          const connection = await attempt();
          session = connection.session;
          return { connection };
        } catch (error) {
          last = error;
          if (yieldsSession && error instanceof MeshbridgeError && error.cause instanceof ConnectionClosed) session = undefined;
        }
      }
      return { error: last };
    },
    /** There is nothing to resume. */
    forgetSession() {
      session = undefined;
    },
    /** The connection is no more; the next attempt goes to another server. */
    retire() {
      epoch++;
      order.rotate();
    },
  };
}

/** Ends a session that nobody wants any more, as far as that takes no longer than the limit. */
async function close(connection: Connection, clock: Clock): Promise<void> {
  const enough = new AbortController();
  const limit = clock.sleep(CLOSE_WITHIN_MS, enough.signal).catch(() => undefined);
  await Promise.race([connection.close().catch(() => undefined), connection.ended, limit]);
  enough.abort();
}

function asUnreachable(error: unknown, { name }: SessionOptions, server: Server): MeshbridgeError {
  if (error instanceof MeshbridgeError) return error;
  const details = { registry: name, address: serverName(server), reason: reasonOf(error) };
  return fail("MB_REGISTRY_UNREACHABLE", details, { cause: error });
}
