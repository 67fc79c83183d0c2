/** The xDS server: binds, serves the discovery services, and stops without cutting anybody off. */
import { Server, ServerCredentials, ServerInterceptingCall, type ServerInterceptor, status } from "@grpc/grpc-js";
import { reasonOf } from "../../kernel/errors.ts";
import { isLoopback, type ListenAddress, listenText } from "../../kernel/listen-address.ts";
import { fail } from "../../model/errors.ts";
import { SERVER_OPTIONS } from "./options.ts";
import { discoveryServices, type StreamKind } from "./services.ts";
import { type Call, type Session, type SessionEnv, startSession } from "./session.ts";
import { serverCredentials, type TlsFiles } from "./tls.ts";

const MAX_METADATA_BYTES = 16 * 1024;
/** Streams are ended over this time when the server stops, so that they do not all arrive elsewhere at once. */
const DRAIN_SPREAD_MS = 2000;

export interface ListenOptions {
  /** Port 0 takes a free one. */
  readonly address: ListenAddress;
  readonly tls: TlsFiles | undefined;
  /** Allows plain text on an address that others can reach. */
  readonly insecure: boolean;
}

export interface XdsServer {
  /** Resolves with the port. Throws MB_LISTEN_FAILED, MB_LISTEN_INSECURE or MB_TLS_INVALID. `signal` ends file watches only. */
  listen(options: ListenOptions, signal: AbortSignal): Promise<number>;
  /** Takes no more connections, ends the streams spread over a moment, and is gone after `deadlineMs` at the latest. */
  drain(deadlineMs: number): Promise<void>;
  /** Streams open at the moment. */
  readonly streams: number;
}

export function createXdsServer(env: SessionEnv): XdsServer {
  const sessions = new Set<Session>();
  const server = new Server({ ...SERVER_OPTIONS, interceptors: [refuseLargeMetadata] });

  const serve = (kind: StreamKind) => (call: Call) => {
    const session: Session = startSession(call, kind, env, () => sessions.delete(session));
    sessions.add(session);
  };
  for (const { definition, implementation } of discoveryServices(serve)) server.addService(definition, implementation);

  return {
    get streams() {
      return sessions.size;
    },
    async listen({ address, tls, insecure }, signal) {
      const listen = listenText(address);
      if (tls === undefined && !insecure && !isLoopback(address))
        throw fail("MB_LISTEN_INSECURE", { address: listen, purpose: "the xDS port" });
      const credentials =
        tls === undefined ? ServerCredentials.createInsecure() : await serverCredentials(tls, { ...env, signal });
      return await new Promise((resolve, reject) => {
        server.bindAsync(listen, credentials, (error, port) => {
          if (error === null) resolve(port);
          else
            reject(
              fail("MB_LISTEN_FAILED", { address: listen, purpose: "the xDS port", reason: reasonOf(error) }, { cause: error }),
            );
        });
      });
    },
    async drain(deadlineMs) {
      const closed = new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
      const all = [...sessions];
      const spreadMs = Math.min(DRAIN_SPREAD_MS, deadlineMs / 2, all.length * 10);
      const ending = Promise.all(
        all.map(async (session, index) => {
          await env.clock.sleep((spreadMs * index) / all.length);
          session.end();
        }),
      );
      const over = new AbortController();
      // The only rejection of the sleep is its abort, once everything has closed in time.
      const deadline = env.clock.sleep(deadlineMs, over.signal).catch(() => undefined);
      await Promise.race([Promise.all([closed, ending]), deadline]);
      over.abort();
      server.forceShutdown();
    },
  };
}

const refuseLargeMetadata: ServerInterceptor = (_method, call) =>
  new ServerInterceptingCall(call, {
    start(next) {
      next({
        onReceiveMetadata(metadata, forward) {
          const bytes = Object.entries(metadata.getMap()).reduce((sum, [key, value]) => sum + key.length + value.length, 0);
          if (bytes <= MAX_METADATA_BYTES) forward(metadata);
          else call.sendStatus({ code: status.RESOURCE_EXHAUSTED, details: `metadata larger than ${MAX_METADATA_BYTES} bytes` });
        },
      });
    },
  });
