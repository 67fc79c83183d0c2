/** The name server's ports: one number for UDP and TCP. Decides nothing. */
import type { Clock } from "../kernel/clock.ts";
import { reasonOf } from "../kernel/errors.ts";
import { type ListenAddress, listenText } from "../kernel/listen-address.ts";
import type { Log } from "../kernel/log.ts";
import { fail } from "../model/errors.ts";
import type { Responder } from "./responder.ts";
import type { DnsLimits } from "./spec.ts";
import { listenTcp, type TcpServer } from "./tcp.ts";
import { listenUdp } from "./udp.ts";

/**
 * Why a query or connection got no answer: its source asked too much, the kernel took no more, it could not be sent, there are
 * too many connections, or it was larger than any query.
 */
export type DropReason = "rate" | "busy" | "unsent" | "connections" | "oversize";

export interface DnsServerOptions {
  readonly listen: ListenAddress & { readonly kind: "tcp" };
  readonly limits: DnsLimits;
  readonly responder: Responder;
  readonly clock: Clock;
  readonly log: Log;
  onDrop(reason: DropReason): void;
  onConnections(by: 1 | -1): void;
}

export interface DnsServer {
  readonly port: number;
  /** Resolves when both ports are free again. */
  close(): Promise<void>;
}

/** A free port for UDP need not be free for TCP: with port 0 so many are tried. */
const TRIES = 8;

/** Resolves once both listen. Throws MB_LISTEN_FAILED. */
export async function listenDns(options: DnsServerOptions): Promise<DnsServer> {
  const { listen, limits, responder, clock, log, onDrop, onConnections } = options;
  const { host } = listen;
  const onError = (error: Error) => log.error({ err: error }, "a socket of the name server failed");
  for (let tries = listen.port === 0 ? TRIES : 1; ; tries--) {
    const failed = (error: unknown) =>
      fail("MB_LISTEN_FAILED", { address: listenText(listen), purpose: "DNS", reason: reasonOf(error) }, { cause: error });
    const udp = await listenUdp({
      ...{ host, port: listen.port, responder, queriesPerSecond: limits.queriesPerSecond, clock, onDrop, onError },
    }).catch((error: unknown) => {
      throw failed(error);
    });
    const { port } = udp.address();
    let tcp: TcpServer;
    try {
      tcp = await listenTcp({ host, port, responder, limits, clock, onDrop, onConnections, onError });
    } catch (error) {
      await new Promise<void>((resolve) => udp.close(() => resolve()));
      if (tries > 1) continue;
      throw failed(error);
    }
    return {
      port,
      async close() {
        tcp.close();
        await new Promise<void>((resolve) => udp.close(() => resolve()));
      },
    };
  }
}
