/**
 * What the adapter needs of a ZooKeeper client: one session over one connection at a time. Two transports keep to it:
 * the wire client (`wire/`), and the `node-zookeeper-client` package (`package-client.ts`).
 */
import type { Clock } from "../../src/kernel/clock.ts";
import type { Log } from "../../src/kernel/log.ts";
import type { Secret } from "../../src/kernel/secret.ts";

/** A znode's metadata; zxids are 64-bit, kept as bigint. */
export interface Stat {
  readonly czxid: bigint;
  readonly mzxid: bigint;
  /** Zxid of the last change of its children. */
  readonly pzxid: bigint;
  readonly version: number;
  readonly cversion: number;
  /** Session that owns it; 0 for a persistent node. */
  readonly ephemeralOwner: bigint;
  readonly numChildren: number;
}

/** What a watch reports. Says where to look again, not what is there now: events are collapsed, not counted. */
export interface WatchEvent {
  readonly type: "created" | "deleted" | "changed" | "children";
  /** Without the chroot. */
  readonly path: string;
}

export interface Session {
  /** In hexadecimal; equal after a reconnect that kept the session. */
  readonly id: string;
  readonly password: Uint8Array;
  /** Ms that the server granted. */
  readonly timeoutMs: number;
}

/** Why a connection is no more. `expired`: the session is gone with it; otherwise it may be resumed. */
export interface ConnectionEnd {
  readonly expired: boolean;
  readonly error: Error;
}

/**
 * A connected, authenticated session. Requests on it are answered in order, and a watch event is always delivered before
 * the answer of any request that saw the change (ZooKeeper programmer's guide, "ordering guarantees").
 * Every method rejects with the end's error once the connection ended, and with MB_REGISTRY_REFUSED when the server answers
 * that one request with an error. None waits longer than two thirds of the session timeout for its turn to move on: the
 * connection ends then.
 * Reads resolve with undefined when there is no such node; a watch set then reports its creation (`exists` alone).
 */
export interface Connection {
  readonly session: Session;
  /** True when the server resumed the session asked for; false when the session is new. */
  readonly resumed: boolean;
  getChildren(path: string, watch?: boolean): Promise<{ readonly children: readonly string[]; readonly stat: Stat } | undefined>;
  getData(path: string, watch?: boolean): Promise<{ readonly data: Uint8Array; readonly stat: Stat } | undefined>;
  exists(path: string, watch?: boolean): Promise<Stat | undefined>;
  /**
   * A persistent recursive watch: reports created, deleted and changed of the path and everything below it, for as long
   * as this connection lives. Resolves with false where the server (before 3.6) or the transport does not know it.
   */
  watchRecursively(path: string): Promise<boolean>;
  create(path: string, data: Uint8Array, options?: { readonly ephemeral?: boolean }): Promise<void>;
  /** With a version, only while the node has it: refused with BadVersion otherwise. */
  setData(path: string, data: Uint8Array, version?: number): Promise<void>;
  /**
   * Takes away the nodes that have these versions and makes an ephemeral one of this session in their place, as one change:
   * no reader sees them missing, or it beside them. It may have the path of one of them. Refused with BadVersion, NoNode, or
   * NodeExists, and nothing is changed then.
   */
  replace(path: string, data: Uint8Array, old: readonly VersionedPath[]): Promise<void>;
  /** Resolves with false when there was no such node. With a version, as `setData`. */
  remove(path: string, version?: number): Promise<boolean>;
  /** Settles once, when the connection ended for whatever reason. Never rejects. */
  readonly ended: Promise<ConnectionEnd>;
  /** Ends the session, at the server too where that takes no longer than a second. */
  close(): Promise<void>;
  /** Drops the connection and leaves the session to be resumed. */
  abandon(): void;
}

/** A node, and the version it must still have for a change of it. */
export interface VersionedPath {
  readonly path: string;
  readonly version: number;
}

export interface ConnectRequest {
  /** One server. */
  readonly host: string;
  readonly port: number;
  /** The session to resume; undefined: a new one. */
  readonly session: Session | undefined;
  readonly onWatch: (event: WatchEvent) => void;
  readonly signal: AbortSignal;
}

/**
 * Connects, authenticates and resolves when requests may be sent. Rejects with MB_REGISTRY_UNREACHABLE,
 * MB_REGISTRY_REFUSED (authentication failed), MB_REGISTRY_BAD_REPLY (what answers is no ZooKeeper server), when the session
 * asked for is gone with `SessionExpired`, or with the signal's reason.
 */
export type Connect = (request: ConnectRequest) => Promise<Connection>;

/** What both transports are made with. */
export interface TransportOptions {
  /** The registry's name, for errors. */
  readonly registry: string;
  /** Ms to ask for; the server decides within its own limits. */
  readonly sessionTimeoutMs: number;
  /** Sent before any other request, in this order; for `digest` the credentials are `user:password`. */
  readonly auth: readonly { readonly scheme: string; readonly credentials: Secret }[];
  /** A path that all others are below, as `/a/b`; undefined: none. */
  readonly chroot?: string | undefined;
  /** With it the connection is TLS. Called for every connection, so that replaced certificates come into use. */
  readonly tls?: (() => Promise<TlsOptions>) | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

/** PEM, and the name to check the server's certificate against instead of its host. */
export interface TlsOptions {
  readonly ca?: string | Uint8Array;
  readonly cert?: string | Uint8Array;
  readonly key?: string | Uint8Array;
  readonly servername?: string;
}

/** The session that was to be resumed has expired: connect anew without it. */
export class SessionExpired extends Error {
  override readonly name = "SessionExpired";
  constructor() {
    super("the ZooKeeper session has expired");
  }
}
