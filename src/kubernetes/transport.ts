/**
 * Requests to one API server over one agent, made anew only when CA or certificates change: so 300 calls are one or two
 * handshakes. A server that does not take the connection is noticed long before an answer is late.
 */
import { createHash } from "node:crypto";
import { type Agent, type ClientRequest, Agent as HttpAgent, request as httpRequest, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest, type RequestOptions } from "node:https";

const SOCKETS = 32;
/** TCP and TLS together. */
const CONNECT_MS = 5000;
/** TCP probes on a silent connection begin after this; a peer that answers none within ten seconds more is gone. */
const KEEPALIVE_MS = 30_000;

export interface Message {
  readonly method: string;
  readonly path: string;
  readonly accept: string;
  readonly body?: { readonly text: string; readonly type: string };
}

export interface Transport {
  /** Resolves with the answer's head. Rejects when it cannot be sent, at the abort, or when connecting takes 5 s. */
  send(message: Message, signal: AbortSignal): Promise<IncomingMessage>;
  /** Closes the connections that no request uses. */
  closeIdle(): void;
  /** Closes everything; what is under way fails. */
  close(): void;
}

/** `credentials` is asked at each request: CA, certificate, key, server name and headers. */
export function createTransport(server: string, credentials: () => Promise<RequestOptions>): Transport {
  const url = new URL(server);
  const secure = url.protocol === "https:";
  const target = { host: url.hostname.replace(/^\[|\]$/g, ""), port: url.port || (secure ? 443 : 80) };
  const prefix = url.pathname.replace(/\/$/, "");
  const agents = new Set<Agent>();
  let current: { readonly identity: string; readonly agent: Agent } | undefined;
  let closed = false;

  const agentFor = (options: RequestOptions): Agent => {
    const identity = identityOf(options);
    if (current?.identity === identity) return current.agent;
    // Watches on the connections of before go on until they end; nothing new begins there.
    if (current !== undefined) closeIdle(current.agent);
    const agent = secure ? new HttpsAgent({ ...SHARED, ...tlsOf(options) }) : new HttpAgent(SHARED);
    agents.add(agent);
    current = { identity, agent };
    return agent;
  };

  return {
    async send({ method, path, accept, body }, signal) {
      const options = await credentials();
      signal.throwIfAborted();
      if (closed) throw new Error("the connection was closed");
      const content = body === undefined ? {} : { "content-type": body.type, "content-length": Buffer.byteLength(body.text) };
      const headers = { ...options.headers, accept, ...content };
      const agent = agentFor(options);
      return await new Promise((resolve, reject) => {
        const start = secure ? httpsRequest : httpRequest;
        const request = start({ ...target, method, path: prefix + path, headers, agent, signal }, resolve);
        limitConnecting(request, secure);
        request.on("error", reject);
        request.end(body?.text);
      });
    },
    closeIdle() {
      for (const agent of agents) closeIdle(agent);
    },
    close() {
      closed = true;
      for (const agent of agents) agent.destroy();
      agents.clear();
    },
  };
}

const SHARED = { keepAlive: true, maxSockets: SOCKETS, keepAliveMsecs: KEEPALIVE_MS };

function tlsOf({ ca, cert, key, servername, rejectUnauthorized }: RequestOptions) {
  return {
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ...(servername !== undefined && { servername }),
    ...(rejectUnauthorized !== undefined && { rejectUnauthorized }),
  };
}

function identityOf(options: RequestOptions): string {
  const parts = Object.entries(tlsOf(options)).map(([name, value]) => `${name}=${String(value)}`);
  return createHash("sha256").update(parts.join("\n")).digest("hex");
}

/** A new connection has its own, shorter deadline; one that stands already has none. */
function limitConnecting(request: ClientRequest, secure: boolean): void {
  request.once("socket", (socket) => {
    if (!socket.connecting) return;
    const ready = secure ? "secureConnect" : "connect";
    const late = () => request.destroy(new Error(`no connection within ${CONNECT_MS / 1000} s`));
    const timer = setTimeout(late, CONNECT_MS);
    const clear = () => clearTimeout(timer);
    socket.once(ready, clear);
    socket.once("close", clear);
  });
}

function closeIdle(agent: Agent): void {
  for (const sockets of Object.values(agent.freeSockets)) for (const socket of sockets ?? []) socket.destroy();
}
