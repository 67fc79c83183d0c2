/** The records of ZooKeeper's protocol that the client speaks (apache/zookeeper, `zookeeper.jute` and `ZooDefs.java`). */
import type { Stat, VersionedPath } from "../connection.ts";
import { type JuteReader, type JuteWriter, juteReader, juteWriter, MalformedFrame } from "./jute.ts";

/** What a request asks for: `ZooDefs.OpCode`. */
export const OP = {
  create: 1,
  delete: 2,
  exists: 3,
  getData: 4,
  setData: 5,
  ping: 11,
  getChildren2: 12,
  multi: 14,
  auth: 100,
  addWatch: 106,
  closeSession: -11,
} as const;

/** Numbers of messages that are no answers to a numbered request. */
export const XID = { watchEvent: -1, ping: -2, auth: -4 } as const;

/** `zookeeper.jute`: a password of a session that is not known yet is sixteen zeros. */
const NO_PASSWORD = new Uint8Array(16);
const ANY_VERSION = -1;
const PERSISTENT_RECURSIVE = 1;
const EPHEMERAL = 1;
const PERSISTENT = 0;
const ALL_RIGHTS = 0b11111;
const MULTI_END = -1;
const NO_ERROR_YET = -1;

export interface ConnectRecord {
  /** The last change that the client has seen; a server that is behind it refuses. 0: none. */
  readonly lastZxidSeen: bigint;
  /** Ms asked for. */
  readonly timeoutMs: number;
  /** 0: a new session. */
  readonly sessionId: bigint;
  readonly password?: Uint8Array;
}

/** `ConnectRequest`, which has no header. The session is never served by a server that can only be read. */
export function encodeConnect({ lastZxidSeen, timeoutMs, sessionId, password = NO_PASSWORD }: ConnectRecord): Buffer {
  return juteWriter().int(0).long(lastZxidSeen).int(timeoutMs).long(sessionId).buffer(password).bool(false).bytes();
}

export interface ConnectReply {
  /** Ms granted; 0 or less when the session asked for has expired. */
  readonly timeoutMs: number;
  readonly sessionId: bigint;
  readonly password: Uint8Array;
}

/** `ConnectResponse`. Servers before 3.4 leave out the last field, which is not needed. */
export function decodeConnect(frame: Buffer): ConnectReply {
  const reader = juteReader(frame);
  reader.int(); // The version of the protocol, which was never another than 0.
  return { timeoutMs: reader.int(), sessionId: reader.long(), password: reader.buffer() };
}

/** `RequestHeader`, to be followed by the request's own record. */
function header(xid: number, op: number): JuteWriter {
  return juteWriter().int(xid).int(op);
}

/** A request without its number, which it gets when it is sent. */
export type Encode = (xid: number) => Buffer;

/** The requests, by name; each gives its bytes once it is numbered. */
export const request = {
  exists: (path: string, watch: boolean): Encode => reading(OP.exists, path, watch),
  getData: (path: string, watch: boolean): Encode => reading(OP.getData, path, watch),
  getChildren: (path: string, watch: boolean): Encode => reading(OP.getChildren2, path, watch),
  /** With rights for everybody. */
  create:
    (path: string, data: Uint8Array, ephemeral: boolean): Encode =>
    (xid) =>
      createRecord(header(xid, OP.create), path, data, ephemeral ? EPHEMERAL : PERSISTENT).bytes(),
  delete:
    (path: string, version = ANY_VERSION): Encode =>
    (xid) =>
      header(xid, OP.delete).ustring(path).int(version).bytes(),
  setData:
    (path: string, data: Uint8Array, version = ANY_VERSION): Encode =>
    (xid) =>
      header(xid, OP.setData).ustring(path).buffer(data).int(version).bytes(),
  /** Takes the old nodes away and makes an ephemeral one, as one change: `MultiTransactionRecord`. */
  replace:
    (path: string, data: Uint8Array, old: readonly VersionedPath[]): Encode =>
    (xid) => {
      const removals = old.reduce(
        (to, { path: gone, version }) => multiHeader(to, OP.delete).ustring(gone).int(version),
        header(xid, OP.multi),
      );
      return multiEnd(createRecord(multiHeader(removals, OP.create), path, data, EPHEMERAL)).bytes();
    },
  addWatch:
    (path: string): Encode =>
    (xid) =>
      header(xid, OP.addWatch).ustring(path).int(PERSISTENT_RECURSIVE).bytes(),
  closeSession: (): Encode => (xid) => header(xid, OP.closeSession).bytes(),
};

/** `CreateRequest`, with rights for everybody. */
function createRecord(to: JuteWriter, path: string, data: Uint8Array, flags: number): JuteWriter {
  return to
    .ustring(path)
    .buffer(data)
    .vector(["anyone"], (each, id) => each.int(ALL_RIGHTS).ustring("world").ustring(id))
    .int(flags);
}

/** `MultiHeader`, before each operation and after the last. */
function multiHeader(to: JuteWriter, op: number): JuteWriter {
  return to.int(op).bool(false).int(NO_ERROR_YET);
}

function multiEnd(to: JuteWriter): JuteWriter {
  return to.int(MULTI_END).bool(true).int(NO_ERROR_YET);
}

function reading(op: number, path: string, watch: boolean): Encode {
  return (xid) => header(xid, op).ustring(path).bool(watch).bytes();
}

export function encodePing(): Buffer {
  return header(XID.ping, OP.ping).bytes();
}

/** `AuthPacket`. The bytes hold a secret. */
export function encodeAuth(scheme: string, credentials: Uint8Array): Buffer {
  return header(XID.auth, OP.auth).int(0).ustring(scheme).buffer(credentials).bytes();
}

export interface ReplyHeader {
  readonly xid: number;
  /** The last change the server had seen; 0 or less where that means nothing. */
  readonly zxid: bigint;
  /** 0, or one of the codes of `KeeperException`. */
  readonly error: number;
}

/** `ReplyHeader`; the reader is left at the reply's own record. */
export function decodeReplyHeader(reader: JuteReader): ReplyHeader {
  return { xid: reader.int(), zxid: reader.long(), error: reader.int() };
}

/** `Stat`, in the order of its eleven fields. */
export function decodeStat(reader: JuteReader): Stat {
  const czxid = reader.long();
  const mzxid = reader.long();
  reader.long(); // Time of creation.
  reader.long(); // Time of the last change.
  const version = reader.int();
  const cversion = reader.int();
  reader.int(); // Version of the rights.
  const ephemeralOwner = reader.long();
  reader.int(); // Length of the data.
  const numChildren = reader.int();
  return { czxid, mzxid, pzxid: reader.long(), version, cversion, ephemeralOwner, numChildren };
}

/** `GetDataResponse`. */
export function decodeData(reader: JuteReader): { readonly data: Buffer; readonly stat: Stat } {
  return { data: reader.buffer(), stat: decodeStat(reader) };
}

/** `GetChildren2Response`. */
export function decodeChildren(reader: JuteReader): { readonly children: readonly string[]; readonly stat: Stat } {
  return { children: reader.vector(4, (item) => item.ustring()), stat: decodeStat(reader) };
}

/**
 * `MultiResponse` to `request.replace`: 0 when both were done, else the code for which neither was. Before that code stands
 * 0 for what would have gone well (`ErrorResult`).
 */
export function decodeReplaced(reader: JuteReader): number {
  for (;;) {
    const type = reader.int();
    const done = reader.bool();
    const code = reader.int();
    if (done) return 0;
    if (type === OP.create) reader.ustring();
    else if (type === MULTI_END) {
      reader.int(); // The code once more.
      if (code !== 0) return code;
    } else if (type !== OP.delete) throw new MalformedFrame(`a result of operation ${type} that was not asked for`);
  }
}

/** `WatcherEvent`; the numbers are those of `Watcher.Event.EventType`. */
export interface WatcherRecord {
  readonly type: number;
  readonly path: string;
}

export function decodeWatcherEvent(reader: JuteReader): WatcherRecord {
  const type = reader.int();
  reader.int(); // The state of the connection, which we know ourselves.
  return { type, path: reader.ustring() };
}
