/**
 * Who gets in: the server's own listening socket in front of grpc-js, which has no limits of its own. A connection that
 * says nothing is closed, and neither one address nor all together may hold more connections than the limits say.
 */
import { createServer, type Server, type Socket } from "node:net";
import type { Clock } from "../../kernel/clock.ts";
import { createDeadlines } from "../../kernel/deadlines.ts";
import type { Log } from "../../kernel/log.ts";

export interface GateLimits {
  /** All together; what comes beyond is closed at once. */
  readonly connections: number;
  /** Of one remote address. Proxies behind one gateway or load balancer share an address. */
  readonly connectionsPerAddress: number;
  /** Ms within which a client must have sent its connection preface (HTTP/2), or begun its TLS handshake. */
  readonly prefaceMs: number;
}

export const DEFAULT_GATE_LIMITS: GateLimits = { connections: 20_000, connectionsPerAddress: 5000, prefaceMs: 5000 };

/** Why a connection was closed by the gate. */
export type Refusal = "too-many" | "too-many-of-address" | "silent";

export interface GateEnv {
  readonly clock: Clock;
  readonly log: Log;
  onRefused(refusal: Refusal): void;
}

/** The HTTP/2 connection preface (RFC 9113, section 3.4): whoever means it sends that many bytes at once. */
const PREFACE_BYTES = 24;

/** Not listening yet. `accept` gets every connection that may stay. */
export function createGate(limits: GateLimits, env: GateEnv, accept: (socket: Socket) => void): Server {
  const perAddress = new Map<string, number>();
  let open = 0;

  const refuse = (socket: Socket, refusal: Refusal) => {
    env.onRefused(refusal);
    env.log.debug({ peer: socket.remoteAddress, refusal }, "xds connection refused");
    socket.destroy();
  };

  const prefaces = createDeadlines<Socket>(limits.prefaceMs, env.clock, (socket) => {
    // After what has arrived is read: where this process was busy for so long, it is not the client that was silent.
    setImmediate(() => {
      if (!socket.destroyed && socket.bytesRead < PREFACE_BYTES) refuse(socket, "silent");
    });
  });

  return createServer({ noDelay: true }, (socket) => {
    // A peer that resets the connection while it is refused must not end the process.
    socket.on("error", (error) => env.log.debug({ reason: error.message }, "xds connection broke"));
    const address = socket.remoteAddress ?? "";
    const ofAddress = perAddress.get(address) ?? 0;
    if (open >= limits.connections) return refuse(socket, "too-many");
    if (ofAddress >= limits.connectionsPerAddress) return refuse(socket, "too-many-of-address");
    open++;
    perAddress.set(address, ofAddress + 1);
    socket.once("close", () => {
      prefaces.stop(socket);
      open--;
      const left = (perAddress.get(address) ?? 1) - 1;
      if (left === 0) perAddress.delete(address);
      else perAddress.set(address, left);
    });
    prefaces.start(socket);
    accept(socket);
  });
}
