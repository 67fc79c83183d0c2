/** A ZooKeeper server in memory that does what a test's script says: it reads requests, and writes whatever bytes it is told. */
import assert from "node:assert/strict";
import { type Duplex, duplexPair } from "node:stream";
import { MeshbridgeError } from "../../../src/kernel/errors.ts";
import { fakeClock } from "../../../src/kernel/fake-clock.ts";
import type { Log } from "../../../src/kernel/log.ts";
import { silentLog } from "../../../src/kernel/log.ts";
import type { Connection, ConnectRequest, WatchEvent } from "../connection.ts";
import { createWireConnect, type WireOptions } from "./connection.ts";
import { frame, frameReader } from "./frames.ts";
import { type JuteReader, type JuteWriter, juteReader, juteWriter } from "./jute.ts";
import { OP } from "./records.ts";

/** One request as the server sees it; the reader is at the request's own record. */
export interface SeenRequest {
  readonly xid: number;
  readonly op: number;
  readonly body: JuteReader;
}

export interface StubSocket {
  /** What the client asked for as it connected. */
  readonly asked: { readonly lastZxidSeen: bigint; readonly timeoutMs: number; readonly sessionId: bigint };
  /** All requests so far, pings too. */
  readonly seen: readonly SeenRequest[];
  /** Sends bytes as they are. */
  raw(bytes: Uint8Array): void;
  /** Sends a header, and what `write` adds. */
  reply(xid: number, code?: number, write?: (writer: JuteWriter) => void): void;
  event(type: number, path: string): void;
  readonly stream: Duplex;
}

export interface StubScript {
  /** The answer to the request for a session; `silent`: none. Default: session 0x1a2b of 9 s, or the one asked for. */
  readonly greeting?: "silent" | Buffer | { readonly sessionId: bigint; readonly timeoutMs: number };
  /** What to do with a request other than a ping; default: nothing. */
  readonly answer?: (request: SeenRequest, socket: StubSocket) => void;
  /** Whether pings are answered; default true. */
  readonly pings?: boolean;
}

/** What a server of another protocol answers. */
export const HTTP = Buffer.from("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");

const SESSION = { sessionId: 0x1a2bn, timeoutMs: 9000 };

/** A `ConnectResponse` frame. */
export function greetingFrame({ sessionId, timeoutMs }: { readonly sessionId: bigint; readonly timeoutMs: number }): Buffer {
  return frame(juteWriter().int(0).int(timeoutMs).long(sessionId).buffer(Buffer.alloc(16, 9)).bool(false).bytes());
}

/** Writes a stat whose times and versions are told by one number. */
export function writeStat(writer: JuteWriter, seed: bigint): JuteWriter {
  const times = writer
    .long(seed)
    .long(seed + 1n)
    .long(7n)
    .long(7n);
  return times
    .int(3)
    .int(4)
    .int(0)
    .long(0n)
    .int(5)
    .int(2)
    .long(seed + 2n);
}

/** Answers one request with a stat. */
export const withStat = (socket: StubSocket, { xid }: SeenRequest) => socket.reply(xid, 0, (to) => void writeStat(to, 10n));

/** Answers every request with a stat. */
export const answersAll: StubScript = { answer: (request, socket) => withStat(socket, request) };

export function stubServer(script: StubScript = {}, options: Partial<WireOptions> = {}) {
  const clock = fakeClock();
  const sockets: StubSocket[] = [];
  const events: WatchEvent[] = [];
  const warnings: object[] = [];
  const log: Log = { ...silentLog, warn: (fields) => void warnings.push(fields) };
  const openSocket = async () => {
    const [client, server] = duplexPair();
    sockets.push(serve(server, script));
    return client;
  };
  const connect = createWireConnect({ registry: "zk", sessionTimeoutMs: 9000, auth: [], clock, log, openSocket, ...options });
  return {
    clock,
    sockets,
    events,
    warnings,
    connect: (request: Partial<ConnectRequest> = {}): Promise<Connection> => {
      const { signal } = new AbortController();
      return connect({ host: "zk", port: 2181, session: undefined, onWatch: (event) => events.push(event), signal, ...request });
    },
  };
}

/** Speaks to the client at the other end of the stream. */
export function serve(stream: Duplex, { greeting, answer, pings = true }: StubScript = {}): StubSocket {
  const reader = frameReader();
  const seen: SeenRequest[] = [];
  const asked = { lastZxidSeen: 0n, timeoutMs: 0, sessionId: 0n };
  const write = (bytes: Uint8Array) => {
    if (!stream.destroyed) stream.write(bytes);
  };
  const socket: StubSocket = {
    asked,
    seen,
    stream,
    raw: write,
    reply: (xid, code = 0, add = () => undefined) => {
      const writer = juteWriter().int(xid).long(100n).int(code);
      add(writer);
      write(frame(writer.bytes()));
    },
    event: (type, path) => write(frame(juteWriter().int(-1).long(-1n).int(0).int(type).int(3).ustring(path).bytes())),
  };
  const greet = (body: JuteReader) => {
    body.int();
    Object.assign(asked, { lastZxidSeen: body.long(), timeoutMs: body.int(), sessionId: body.long() });
    if (greeting === "silent") return;
    if (Buffer.isBuffer(greeting)) write(greeting);
    else write(greetingFrame(greeting ?? { ...SESSION, ...(asked.sessionId !== 0n && { sessionId: asked.sessionId }) }));
  };
  let greeted = false;
  stream.on("error", () => undefined); // The client went away: the tests look at its side.
  stream.on("data", (chunk: Buffer) => {
    for (const bytes of reader.push(chunk)) {
      const body = juteReader(bytes);
      if (!greeted) {
        greeted = true;
        greet(body);
        continue;
      }
      const request = { xid: body.int(), op: body.int(), body };
      seen.push(request);
      if (request.op !== OP.ping) answer?.(request, socket);
      else if (pings) socket.reply(request.xid);
    }
  });
  return socket;
}

/** For `assert.rejects`: an error of the table whose message says so. */
export function isError(code: string, reason: RegExp) {
  return (error: unknown) => {
    assert.ok(error instanceof MeshbridgeError, String(error));
    assert.equal(error.code, code);
    assert.match(error.message, reason);
    return true;
  };
}

/** Lets everything that is due now happen. */
export async function turns(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** The one that must be there. */
export function first<T>(items: readonly T[]): T {
  const [item] = items;
  assert.ok(item !== undefined);
  return item;
}
