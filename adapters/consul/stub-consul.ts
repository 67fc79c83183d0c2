/** A server for tests that speaks as much of Consul's HTTP API as the adapter uses: blocking queries, headers, troubles. */
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface StubInstance {
  readonly id: string;
  readonly address?: string;
  readonly port?: unknown;
  readonly node?: string;
  readonly status?: string;
  readonly weight?: number;
  readonly tags?: readonly string[];
}

/** What the next requests meet instead of an answer; undefined: nothing. */
export type Trouble = (request: { path: string; query: URLSearchParams; token: string | undefined }) => Reaction | undefined;

export type Reaction =
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly text?: string }
  /** Answered as usual, with these headers besides; an empty text removes one. */
  | { readonly headers: Readonly<Record<string, string>> }
  /** Answered with this body. */
  | { readonly body: string }
  | "hang"
  | "cut";

export interface StubConsul {
  readonly url: string;
  /** Paths with query of all requests so far. */
  readonly requests: string[];
  trouble: Trouble;
  /** True: every query returns at once with another index, whatever it waits for. */
  storm: boolean;
  put(service: string, instances: readonly StubInstance[]): void;
  remove(service: string): void;
  /** Empties it and starts the index anew, like a server that lost its data. */
  reset(): void;
  /** Refuses connections until `heal`, and cuts those that are open. */
  breakDown(): Promise<void>;
  heal(): Promise<void>;
  stop(): Promise<void>;
}

const FIRST_INDEX = 100;

export async function startStubConsul(): Promise<StubConsul> {
  const services = new Map<string, readonly StubInstance[]>();
  const waiting = new Set<() => void>();
  let index = FIRST_INDEX;
  const change = () => {
    index++;
    for (const wake of [...waiting]) wake();
  };
  const server = createServer((request, response) => void answer(request, response));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;

  const block = (asked: number, waitMs: number) =>
    new Promise<void>((resolve) => {
      const wake = () => {
        waiting.delete(wake);
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(wake, waitMs);
      if (index > asked) wake();
      else waiting.add(wake);
    });

  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const { pathname, searchParams: query } = new URL(request.url ?? "/", stub.url);
    const path = pathname.replace(/^\/v1/, "");
    stub.requests.push(`${path}${query.size > 0 ? `?${query}` : ""}`);
    const token = request.headers["x-consul-token"];
    const react = () => stub.trouble({ path, query, token: typeof token === "string" ? token : undefined });
    const first = react();
    if (first === "hang") return;
    if (first !== undefined && first !== "cut" && "status" in first) {
      response.writeHead(first.status, { "content-type": "text/plain", ...first.headers }).end(first.text ?? "");
      return;
    }
    if (stub.storm) index++;
    else if (query.has("index")) await block(Number(query.get("index")), Number.parseInt(query.get("wait") ?? "0", 10));
    if (response.destroyed) return;
    // Rights count when the answer is made, not when the query began to wait.
    const reaction = react();
    response.setHeader("content-type", "application/json");
    response.setHeader("x-consul-index", String(index));
    response.setHeader("x-consul-knownleader", "true");
    response.setHeader("x-consul-lastcontact", "0");
    if (typeof reaction === "object" && "headers" in reaction)
      for (const [name, value] of Object.entries(reaction.headers ?? {}))
        value === "" ? response.removeHeader(name) : response.setHeader(name, value);
    if (reaction === "cut") {
      response.write("[");
      setImmediate(() => response.destroy());
    } else if (typeof reaction === "object" && "body" in reaction) response.end(reaction.body);
    else response.end(JSON.stringify(body(path)));
  };

  const body = (path: string): unknown => {
    const all = [...services].flatMap(([name, instances]) => instances.map((instance) => row(name, instance)));
    if (path === "/catalog/services") return Object.fromEntries([["consul", []], ...[...services].map(tagsOf)]);
    if (path === "/health/state/any") return all.flatMap(({ Checks }) => Checks);
    if (path === "/catalog/nodes") return [{ Node: "n1", Address: "10.0.0.1", Datacenter: "dc1", Meta: null }];
    if (path === "/status/leader") return "127.0.0.1:8300";
    const name = decodeURIComponent(path.slice("/health/service/".length));
    return (services.get(name) ?? []).map((instance) => row(name, instance));
  };

  const stub: StubConsul = {
    url: `http://127.0.0.1:${port}`,
    requests: [],
    trouble: () => undefined,
    storm: false,
    put(service, instances) {
      services.set(service, instances);
      change();
    },
    remove(service) {
      services.delete(service);
      change();
    },
    reset() {
      services.clear();
      index = 1;
      for (const wake of [...waiting]) wake();
    },
    async breakDown() {
      server.closeAllConnections();
      const closed = once(server, "close");
      server.close();
      await closed;
    },
    async heal() {
      server.listen(port, "127.0.0.1");
      await once(server, "listening");
    },
    async stop() {
      for (const wake of [...waiting]) wake();
      server.closeAllConnections();
      server.close();
    },
  };
  return stub;
}

function tagsOf([name, instances]: [string, readonly StubInstance[]]): [string, readonly string[]] {
  return [name, [...new Set(instances.flatMap(({ tags = [] }) => tags))]];
}

function row(service: string, instance: StubInstance) {
  const { id, address = "10.0.0.9", port = 80, node = "n1", status = "passing", weight = 1, tags = [] } = instance;
  return {
    Node: { Node: node, Address: "10.0.0.1", Datacenter: "dc1", Meta: null },
    Service: {
      ID: id,
      Service: service,
      Address: address,
      Port: port,
      Tags: tags,
      Meta: null,
      Weights: { Passing: weight, Warning: 1 },
    },
    Checks: [{ Node: node, CheckID: `check:${id}`, Status: status, ServiceID: id, ServiceName: service }],
  };
}
