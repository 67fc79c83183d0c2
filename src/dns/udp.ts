/** DNS over UDP: a packet in, at most one out. */
import { createSocket, type Socket } from "node:dgram";
import { isIPv6 } from "node:net";
import type { Clock } from "../kernel/clock.ts";
import { createSourceLimits } from "./limits.ts";
import type { Responder } from "./responder.ts";
import type { DropReason } from "./server.ts";
import { encodeTruncated, parseQuery } from "./wire.ts";

/** More answers than this that the kernel has not taken yet: it cannot keep up, and what waits would come too late. */
const MAX_UNSENT = 4096;
/** Room for queries that come in one burst. */
const RECEIVE_BUFFER_BYTES = 1024 * 1024;

export interface UdpOptions {
  readonly host: string;
  readonly port: number;
  readonly responder: Responder;
  readonly queriesPerSecond: number;
  readonly clock: Clock;
  onDrop(reason: DropReason): void;
  /** The socket failed after it was open. */
  onError(error: Error): void;
}

/** Resolves once it is bound; rejects when it cannot be. */
export function listenUdp(options: UdpOptions): Promise<Socket> {
  const { host, port, responder, clock, onDrop } = options;
  const limits = createSourceLimits(options);
  const socket = createSocket({ type: isIPv6(host) ? "udp6" : "udp4", recvBufferSize: RECEIVE_BUFFER_BYTES });
  const answer = (bytes: Buffer, source: string): Buffer | undefined => {
    const verdict = limits.verdict(source, clock.monotonic());
    if (verdict === "answer") return responder.respond(bytes, source, "udp");
    onDrop("rate");
    const parsed = verdict === "slip" ? parseQuery(bytes) : undefined;
    return parsed?.kind === "query" ? encodeTruncated(parsed.query) : undefined;
  };
  socket.on("message", (bytes, { address, port: from }) => {
    if (socket.getSendQueueCount() > MAX_UNSENT) return onDrop("busy");
    // Port 0 is nobody, and below it every packet that answers an answer would be the start of a loop.
    const reply = from === 0 ? undefined : answer(bytes, address);
    if (reply === undefined) return;
    socket.send(reply, from, address, (error) => {
      if (error !== null) onDrop("unsent");
    });
  });
  return new Promise((resolve, reject) => {
    socket.once("error", reject);
    socket.bind({ address: host, port, exclusive: true }, () => {
      socket.off("error", reject);
      socket.on("error", options.onError);
      resolve(socket);
    });
  });
}
