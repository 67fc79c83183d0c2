/** DNS over TCP (RFC 7766): many queries a connection, each with its length before it. */
import { createServer, type Server, type Socket } from "node:net";
import type { Clock } from "../kernel/clock.ts";
import { sourceKey } from "./limits.ts";
import type { Responder } from "./responder.ts";
import type { DropReason } from "./server.ts";
import type { DnsLimits } from "./spec.ts";
import { MAX_QUERY_BYTES } from "./wire.ts";

/** Bytes of answers that a client has not read: then nothing more is read from it. */
const MAX_UNREAD = 256 * 1024;

export interface TcpOptions {
  readonly host: string;
  readonly port: number;
  readonly responder: Responder;
  readonly limits: Omit<DnsLimits, "queriesPerSecond">;
  readonly clock: Clock;
  onDrop(reason: DropReason): void;
  onConnections(by: 1 | -1): void;
  onError(error: Error): void;
}

export interface TcpServer {
  readonly server: Server;
  /** Cuts every connection. */
  close(): void;
}

/** Resolves once it listens; rejects when it cannot. */
export function listenTcp(options: TcpOptions): Promise<TcpServer> {
  const { host, port, limits, onDrop, onConnections } = options;
  const bySource = new Map<string, number>();
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    const source = sourceKey(socket.remoteAddress ?? "") ?? "loopback";
    const count = bySource.get(source) ?? 0;
    // This machine's own resolver speaks for everybody on it.
    const ofSource = source === "loopback" ? limits.tcpConnections : limits.tcpPerSource;
    if (sockets.size >= limits.tcpConnections || count >= ofSource) {
      onDrop("connections");
      socket.destroy();
      return;
    }
    bySource.set(source, count + 1);
    sockets.add(socket);
    onConnections(1);
    socket.once("close", () => {
      sockets.delete(socket);
      const left = (bySource.get(source) ?? 1) - 1;
      if (left === 0) bySource.delete(source);
      else bySource.set(source, left);
      onConnections(-1);
    });
    serve(socket, options);
  });
  const close = () => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port, exclusive: true }, () => {
      server.off("error", reject);
      server.on("error", options.onError);
      resolve({ server, close });
    });
  });
}

/** A connection that has sent no whole query for `tcpIdleMs` is closed, however busy it is with parts of one. */
function serve(socket: Socket, { responder, limits: { tcpIdleMs }, clock, onDrop }: TcpOptions): void {
  const over = new AbortController();
  let buffered: Buffer = Buffer.alloc(0);
  let lastAt = clock.monotonic();
  const source = socket.remoteAddress ?? "";

  const take = (chunk: Buffer) => {
    buffered = buffered.length === 0 ? chunk : Buffer.concat([buffered, chunk]);
    while (buffered.length >= 2) {
      const length = buffered.readUInt16BE(0);
      if (length > MAX_QUERY_BYTES) {
        onDrop("oversize");
        return socket.destroy();
      }
      if (buffered.length < 2 + length) return undefined;
      const reply = responder.respond(buffered.subarray(2, 2 + length), source, "tcp");
      buffered = buffered.subarray(2 + length);
      lastAt = clock.monotonic();
      // Who sends what is no query has nothing to ask.
      if (reply === undefined) return socket.destroy();
      const size = Buffer.alloc(2);
      size.writeUInt16BE(reply.length);
      socket.write(Buffer.concat([size, reply]));
    }
    if (socket.writableLength > MAX_UNREAD) socket.pause();
    return undefined;
  };
  socket.on("data", take);
  socket.on("drain", () => socket.resume());
  // A client may hang up as it likes; what matters is that the connection is over, which "close" tells.
  socket.on("error", () => socket.destroy());
  socket.once("close", () => over.abort());

  const watch = async () => {
    for (let left = tcpIdleMs; left > 0; left = lastAt + tcpIdleMs - clock.monotonic()) await clock.sleep(left, over.signal);
    socket.destroy();
  };
  // The only rejection of the sleep is the connection's own end.
  watch().catch(() => undefined);
}
