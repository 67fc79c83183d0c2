/**
 * Closes connections at whose other end nothing happens any more. Neither gRPC's keepalive nor TCP's says that: a ping is
 * answered behind all that was sent before it, which takes a client long that is sent 10,000 clusters in a storm, and TCP
 * acknowledges for a process that stands still. So what counts is progress: a byte that came from the client, or that its
 * side took of what was waiting for it.
 */
import type { Clock } from "../../kernel/clock.ts";
import { createDeadlines } from "../../kernel/deadlines.ts";
import type { Log } from "../../kernel/log.ts";
import { property } from "./property.ts";

/** How often a connection is looked at, in ms. */
const LOOK_MS = 5000;
/**
 * Looks in a row without progress, of which the first asks for an answer. Together: a client that stops is gone after 25 to
 * 30 s, and has 20 s at least for the answer alone, when there is nothing else to be seen.
 */
const QUIET_LOOKS = 5;

/** What is needed of a node:http2 session. */
export interface Connection {
  readonly destroyed: boolean;
  /** Not there any more, whatever node's types say, once it is destroyed. */
  readonly socket: object | undefined;
  ping(callback: () => void): boolean;
  destroy(): void;
  once(event: "close", listener: () => void): unknown;
}

export interface Liveness {
  /** Looks after the connection until it closes; once, however often it is called. */
  watch(connection: Connection): void;
}

interface Progress {
  /** Bytes that came. */
  readonly read: number;
  /** Bytes that its side has taken. */
  readonly taken: number;
  /** Bytes that wait to be taken. Where none do, what is written is taken by a buffer at once, whoever reads it. */
  readonly waiting: number;
}

interface Watched extends Progress {
  /** Looks since something was last seen. */
  readonly quiet: number;
}

/** Of a connection that has not been looked at: whatever is seen first is progress. */
const UNSEEN: Watched = { read: 0, taken: 0, waiting: 0, quiet: 0 };

export function createLiveness({ clock, log }: { readonly clock: Clock; readonly log: Log }): Liveness {
  const watched = new WeakMap<Connection, Watched>();

  const look = (connection: Connection) => {
    const before = watched.get(connection);
    if (before === undefined || connection.destroyed) return;
    const now = progressOf(connection);
    const alive = now.read > before.read || (before.waiting > 0 && now.taken > before.taken);
    const quiet = alive ? 0 : before.quiet + 1;
    watched.set(connection, { ...now, quiet });
    if (quiet >= QUIET_LOOKS) {
      log.warn({ quietMs: quiet * LOOK_MS }, "nothing comes from an xds client and it takes nothing; its connection is closed");
      connection.destroy();
      return;
    }
    // The answer is a byte that comes: nothing else is wanted of it.
    if (quiet === 1) connection.ping(() => undefined);
    looks.start(connection);
  };

  // After what has arrived is read: where this process was busy for so long, it is not the client that was quiet.
  const looks = createDeadlines<Connection>(LOOK_MS, clock, (connection) => setImmediate(() => look(connection)));

  return {
    watch(connection) {
      if (watched.has(connection)) return;
      watched.set(connection, UNSEEN);
      looks.start(connection);
      connection.once("close", () => {
        watched.delete(connection);
        looks.stop(connection);
      });
    },
  };
}

/** Bytes that its side has taken since the connection began; 0 when it is destroyed. */
export function takenOf(connection: Connection): number {
  return progressOf(connection).taken;
}

function progressOf({ socket }: Connection): Progress {
  const waiting = numberIn(property(socket, "_handle"), "writeQueueSize");
  return { read: numberIn(socket, "bytesRead"), taken: numberIn(socket, "bytesWritten") - waiting, waiting };
}

/** 0 for what is not there: a connection that has just been closed, or another node. */
function numberIn(of: unknown, name: string): number {
  const value = property(of, name);
  return typeof value === "number" ? value : 0;
}
