/** Servers behind the proxies: each tells who it is, so that a test sees where a request went. */
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { selfSigned } from "./certificate.ts";

export interface Backend {
  readonly address: string;
  readonly port: number;
  /** Requests (HTTP) or connections (TCP, TLS) so far. */
  readonly served: number;
  close(): Promise<void>;
}

export interface BackendOptions {
  /** Default 127.0.0.1; any 127.0.0.x works on Linux. */
  readonly address?: string;
  /** What it calls itself; default its port. */
  readonly name?: string;
}

/** What an HTTP backend answers with. */
export interface Echo {
  readonly name: string;
  readonly port: number;
  readonly path: string;
  readonly host: string;
}

/** An HTTP/1.1 server that answers 200 with an `Echo` as JSON. */
export async function startHttpBackend(scope: AsyncDisposableStack, options: BackendOptions = {}): Promise<Backend> {
  let served = 0;
  const server = createHttpServer((request, response) => {
    served++;
    const { port } = server.address() as AddressInfo;
    const echo: Echo = { name: options.name ?? String(port), port, path: request.url ?? "", host: request.headers.host ?? "" };
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify(echo));
  });
  return listen(server, () => served, options, scope);
}

/** A TCP server that writes its name and a line break, and closes. */
export async function startTcpBackend(scope: AsyncDisposableStack, options: BackendOptions = {}): Promise<Backend> {
  let served = 0;
  const server = createTcpServer((socket) => {
    served++;
    // A peer that resets the connection is the test's own doing, and no fault of the backend.
    socket.on("error", () => socket.destroy());
    socket.end(`${options.name ?? (server.address() as AddressInfo).port}\n`);
  });
  return listen(server, () => served, options, scope);
}

/** A TLS server with a certificate of its own for `host` that writes its name and a line break, and closes. */
export async function startTlsBackend(
  scope: AsyncDisposableStack,
  { host, ...options }: BackendOptions & { readonly host: string },
): Promise<Backend> {
  let served = 0;
  const server = createTlsServer(selfSigned(host), (socket) => {
    served++;
    socket.on("error", () => socket.destroy());
    socket.end(`${options.name ?? (server.address() as AddressInfo).port}\n`);
  });
  return listen(server, () => served, options, scope);
}

async function listen(
  server: Server,
  served: () => number,
  { address = "127.0.0.1" }: BackendOptions,
  scope: AsyncDisposableStack,
): Promise<Backend> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, address, resolve);
  });
  const close = async () => {
    for (const socket of sockets) socket.destroy();
    if (server.listening) await new Promise<void>((resolve) => server.close(() => resolve()));
  };
  scope.defer(close);
  const { port } = server.address() as AddressInfo;
  return {
    address,
    port,
    get served() {
      return served();
    },
    close,
  };
}
