/** The xDS server: binds, serves the discovery services, and stops without cutting anybody off. */
import type { Server as Gate, ListenOptions as ListenOptionsOfNode } from "node:net";
import { type ChannelOptions, Server, ServerCredentials } from "@grpc/grpc-js";
import { createDeadlines } from "../../kernel/deadlines.ts";
import { reasonOf } from "../../kernel/errors.ts";
import { isLoopback, type ListenAddress, listenText } from "../../kernel/listen-address.ts";
import { fail } from "../../model/errors.ts";
import { admitted, type CallRule } from "./admission.ts";
import { createGate, DEFAULT_GATE_LIMITS, type GateLimits } from "./gate.ts";
import { createLiveness } from "./liveness.ts";
import { BACKLOG, SERVER_OPTIONS } from "./options.ts";
import { createPacer } from "./pacer.ts";
import { type BoundService, discoveryServices, type StreamKind } from "./services.ts";
import { type Call, type Session, type SessionEnv, STALL_MS, startSession } from "./session.ts";
import { serverCredentials, type TlsFiles } from "./tls.ts";

/** Streams are ended over this time when the server stops, so that they do not all arrive elsewhere at once. */
const DRAIN_SPREAD_MS = 2000;

export interface XdsServerEnv extends Omit<SessionEnv, "pacer" | "stalls" | "liveness"> {
  /** Default: DEFAULT_GATE_LIMITS. */
  readonly limits?: GateLimits;
  /** Over SERVER_OPTIONS; for tests, which cannot wait half an hour. */
  readonly channel?: ChannelOptions;
  /** Served beside discovery: load reports, client status. */
  readonly services?: readonly BoundService[];
  /** Asked about every call of every service before it begins. Default: all are taken. */
  readonly rule?: CallRule;
}

export interface ListenOptions {
  /** Port 0 takes a free one. */
  readonly address: ListenAddress;
  readonly tls: TlsFiles | undefined;
  /** Allows plain text on an address that others can reach. */
  readonly insecure: boolean;
  /** Other processes that say so too may listen on the port; the kernel divides new connections among them. Default: false. */
  readonly reusePort?: boolean;
}

export interface XdsServer {
  /** Resolves with the port. Throws MB_LISTEN_FAILED, MB_LISTEN_INSECURE or MB_TLS_INVALID. `signal` ends file watches only. */
  listen(options: ListenOptions, signal: AbortSignal): Promise<number>;
  /** Takes no more connections, ends the streams spread over a moment, and is gone after `deadlineMs` at the latest. */
  drain(deadlineMs: number): Promise<void>;
  /** Streams open at the moment. */
  readonly streams: number;
}

export function createXdsServer(env: XdsServerEnv): XdsServer {
  const { limits = DEFAULT_GATE_LIMITS } = env;
  const sessions = new Set<Session>();
  const gates = new Set<Gate>();
  const server = new Server({ ...SERVER_OPTIONS, ...env.channel });

  const stalls = createDeadlines<() => void>(STALL_MS, env.clock, (letGo) => letGo());
  const sessionEnv: SessionEnv = { ...env, pacer: createPacer(env.clock), stalls, liveness: createLiveness(env) };
  const serve = (kind: StreamKind) => (call: Call) => {
    const session: Session = startSession(call, kind, sessionEnv, () => sessions.delete(session));
    sessions.add(session);
  };
  const services = [...discoveryServices(serve), ...(env.services ?? [])];
  const { rule = () => undefined } = env;
  for (const service of services) server.addService(service.definition, admitted(service, rule));

  return {
    get streams() {
      return sessions.size;
    },
    async listen({ address, tls, insecure, reusePort = false }, signal) {
      const listen = listenText(address);
      if (tls === undefined && !insecure && !isLoopback(address))
        throw fail("MB_LISTEN_INSECURE", { address: listen, purpose: "the xDS port" });
      const credentials =
        tls === undefined ? ServerCredentials.createInsecure() : await serverCredentials(tls, { ...env, signal });
      const injector = server.createConnectionInjector(credentials);
      const gate = createGate(limits, { ...env, onRefused: env.metrics.refused }, (socket) => injector.injectConnection(socket));
      const port = await bind(gate, address, reusePort);
      gates.add(gate);
      return port;
    },
    async drain(deadlineMs) {
      for (const gate of gates) gate.close();
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

function where(address: ListenAddress, reusePort: boolean): ListenOptionsOfNode {
  if (address.kind === "unix") return { path: address.path };
  return { host: address.host, port: address.port, backlog: BACKLOG, reusePort };
}

function bind(gate: Gate, address: ListenAddress, reusePort: boolean): Promise<number> {
  return new Promise((resolve, reject) => {
    const refused = (error: Error) => {
      const reason = reasonOf(error);
      reject(fail("MB_LISTEN_FAILED", { address: listenText(address), purpose: "the xDS port", reason }, { cause: error }));
    };
    gate.once("error", refused);
    gate.listen(where(address, reusePort), () => {
      gate.off("error", refused);
      const bound = gate.address();
      resolve(typeof bound === "object" && bound !== null ? bound.port : 0);
    });
  });
}
