/** Byte streams to a server: TCP, or TLS over it. */
import { connect as connectTcp, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { connect as connectTls } from "node:tls";
import type { TlsOptions, TransportOptions } from "../connection.ts";

/**
 * Resolves with a stream that is connected (and, over TLS, whose peer has shown a certificate that is trusted); rejects with
 * the signal's reason when it aborts before that. `host` is a name or an address, an IPv6 address without brackets.
 */
export type OpenSocket = (host: string, port: number, signal: AbortSignal) => Promise<Duplex>;

/** Sockets of the operating system. */
export function systemSockets(tls: TransportOptions["tls"]): OpenSocket {
  return async (host, port, signal) => {
    const options = await tls?.();
    signal.throwIfAborted();
    if (options === undefined) return connected(connectTcp({ host, port, noDelay: true }), "connect", signal);
    return connected(connectTls({ host, port, ...pemOf(options) }).setNoDelay(true), "secureConnect", signal);
  };
}

function pemOf({ ca, cert, key, servername }: TlsOptions) {
  const pem = (value: string | Uint8Array) => (typeof value === "string" ? value : Buffer.from(value));
  return {
    ...(ca !== undefined && { ca: pem(ca) }),
    ...(cert !== undefined && { cert: pem(cert) }),
    ...(key !== undefined && { key: pem(key) }),
    ...(servername !== undefined && { servername }),
  };
}

function connected(socket: Socket, event: "connect" | "secureConnect", signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const onAbort = () => {
      socket.destroy();
      reject(signal.reason);
    };
    signal.addEventListener("abort", onAbort, { once: true });
    const settled = () => signal.removeEventListener("abort", onAbort);
    // This listener stays: an error that comes late, even after the stream is destroyed, must find one.
    socket.on("error", (error) => {
      settled();
      reject(error);
    });
    socket.once("close", () => {
      settled();
      reject(new Error("the connection was closed"));
    });
    socket.once(event, () => {
      settled();
      resolve(socket);
    });
  });
}
