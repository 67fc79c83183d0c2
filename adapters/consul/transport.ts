/** Connections towards Consul: kept alive, bounded in number, and no reply larger than the memory can bear. */
import http, { type Agent, type ClientRequest, type IncomingMessage, type RequestOptions } from "node:http";
import https from "node:https";
import { readTlsFiles } from "../../src/registry/credentials.ts";
import type { ConsulSettings } from "./schema.ts";

/** A body of this size holds some 50 000 instances of one service; Consul's own lists stay far below. */
const MAX_BODY_BYTES = 32 * 1024 * 1024;
const IDLE_MS = 60_000;

export interface Transport {
  agent(): Promise<Agent>;
  /** A request failed: certificates may have been replaced, so the files are read again for the next connection. */
  failed(): void;
  close(): void;
}

interface TransportOptions {
  readonly tls: ConsulSettings["tls"];
  readonly baseDir: string;
  readonly connections: number;
}

export function createTransport(address: string, { tls, baseDir, connections }: TransportOptions): Transport {
  const options = { keepAlive: true, maxSockets: connections, timeout: IDLE_MS };
  const secure = address.startsWith("https:");
  const open = new Set<Agent>();
  let current: Promise<Agent> | undefined;
  const make = async () => {
    const agent = secure
      ? new https.Agent({ ...options, ...(await readTlsFiles(tls, baseDir, "Consul")) })
      : new http.Agent(options);
    open.add(agent);
    return agent;
  };
  return {
    agent() {
      current ??= make();
      return current;
    },
    failed() {
      if (tls === undefined) return;
      current = undefined;
      // Those that other requests still use are left to them: they end at the next failure or close at the latest.
      for (const agent of open)
        if (Object.keys(agent.sockets).length === 0) {
          agent.destroy();
          open.delete(agent);
        }
    },
    close() {
      for (const agent of open) agent.destroy();
      open.clear();
    },
  };
}

/** The part of a `papi` request that is changed before it is sent. */
export interface Guarded {
  transport: { request(options: RequestOptions): ClientRequest };
}

/**
 * Ends a request whose reply is too large, or whose connection breaks within the body: `papi` collects without a bound,
 * and listens to neither, so that the latter would hang until the deadline.
 */
export function withBodyLimit(request: Guarded, next: () => void): void {
  const { transport } = request;
  request.transport = { request: (options) => guard(transport.request(options)) };
  next();
}

function guard(request: ClientRequest): ClientRequest {
  const fails = (error: Error) => request.emit("error", error);
  request.once("response", (response: IncomingMessage) => {
    let bytes = 0;
    response.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= MAX_BODY_BYTES) return;
      response.pause();
      fails(new Error(`its reply is larger than ${MAX_BODY_BYTES / 1024 / 1024} MiB`));
      request.destroy();
    });
    response.on("error", fails);
  });
  return request;
}
