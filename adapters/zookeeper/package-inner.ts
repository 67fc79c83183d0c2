/**
 * What has to be held of the insides of `node-zookeeper-client` 1.1.3 to use it without harm: it has no read deadline, no
 * limit to a frame, throws within its socket's handlers, and reconnects by itself with all watches in one packet.
 */
import type { Socket } from "node:net";
import { frame, frameReader } from "./wire/frames.ts";
import type { WatcherRecord } from "./wire/records.ts";

/** Its connection manager, as far as it is used. */
export interface PackageManager {
  socket?: Socket;
  connectTimeoutHandler: NodeJS.Timeout | null;
  connect(): void;
  onSocketData(bytes: Buffer): void;
  onSocketError(error: Error): void;
  onSocketClosed(failed: boolean): void;
  readonly watcherManager: { emit(event: WatcherRecord): void };
}

export interface PackageHooks {
  /** Something came from the server. */
  readonly onBytes: () => void;
  /** Every watch event the server sends, of whatever type, once. */
  readonly onEvent: (event: WatcherRecord) => void;
  /** The connection is of no use any more: what came was malformed, or the package failed at it. */
  readonly onFailure: (error: unknown) => void;
  /** The connection is no more, or did not come about; the package tells that only of one with a session. */
  readonly onClosed: (error?: Error) => void;
}

/** The event types the package knows; it throws at others. */
const KNOWN_TYPES: ReadonlySet<number> = new Set([1, 2, 3, 4]);

/** Before the client connects. It gets whole frames of a bounded size one by one, and what it throws is caught. */
export function guardPackage(manager: PackageManager, { onBytes, onEvent, onFailure, onClosed }: PackageHooks): void {
  const reader = frameReader();
  const takeData = manager.onSocketData.bind(manager);
  manager.onSocketData = (chunk) => {
    onBytes();
    try {
      for (const payload of reader.push(chunk)) {
        if (manager.socket?.destroyed) return;
        takeData(frame(payload));
      }
    } catch (error) {
      onFailure(error);
    }
  };
  manager.onSocketError = onClosed;
  const close = manager.onSocketClosed.bind(manager);
  manager.onSocketClosed = (failed) => {
    close(failed);
    onClosed();
  };
  const watchers = manager.watcherManager;
  const forget = watchers.emit.bind(watchers);
  watchers.emit = (event) => {
    // Its own watchers do nothing: one event may be several to it. They are told so that it forgets them.
    if (KNOWN_TYPES.has(event.type)) forget(event);
    onEvent(event);
  };
}

/** After the client began to connect: it makes its one connection, and never another. */
export function connectOnce(manager: PackageManager): void {
  manager.connect();
  manager.connect = () => undefined;
}

/** Takes the connection down, whatever it is about. */
export function destroyPackage(manager: PackageManager): void {
  const destroy = () => {
    if (manager.connectTimeoutHandler !== null) clearTimeout(manager.connectTimeoutHandler);
    manager.socket?.destroy();
  };
  destroy();
  // It makes its socket one tick after it was told to connect.
  process.nextTick(destroy);
}
