/** For tests: an HTTP server that answers as an admin API would, on TCP or on a unix socket. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";

/** What a path answers: a body with status 200, or both. A function sees the query. */
export type Answer = { readonly status: number; readonly body: unknown } | ((query: URLSearchParams) => Answer);

export interface StubBridge {
  /** For `--admin`. */
  readonly address: string;
  /** Paths with queries, in the order they came. */
  readonly requests: readonly string[];
  /** Changes what is answered from now on. */
  answer(path: string, answer: Answer): void;
}

/** A good answer. */
export function ok(body: unknown): Answer {
  return { status: 200, body };
}

/** Starts one; it ends with the test. A string body is sent as it is, anything else as JSON. */
export async function startStubBridge(
  t: TestContext,
  answers: Readonly<Record<string, Answer>>,
  socket?: string,
): Promise<StubBridge> {
  const table = new Map(Object.entries(answers));
  const requests: string[] = [];
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? "/", "http://stub");
    requests.push(request.url ?? "/");
    let answer = table.get(url.pathname);
    while (typeof answer === "function") answer = answer(url.searchParams);
    response.statusCode = answer?.status ?? 404;
    response.setHeader("content-type", response.statusCode < 300 ? "application/json" : "application/problem+json");
    const notFound = { code: "MB_NOT_FOUND", detail: `nothing at ${url.pathname}`, hint: "see /docs" };
    const body = answer?.body ?? notFound;
    response.end(typeof body === "string" ? body : JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(socket ?? { host: "127.0.0.1", port: 0 }, resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = socket === undefined ? `http://127.0.0.1:${(server.address() as AddressInfo).port}` : `unix:${socket}`;
  return { address, requests, answer: (path, answer) => void table.set(path, answer) };
}

/** The address of a port that nobody listens on. */
export async function closedAddress(): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return `http://127.0.0.1:${port}`;
}
