/** A small client of the admin HTTP API, over TCP or a unix socket. Every request has a deadline and a bound. */
import { request as httpRequest, type IncomingMessage, type RequestOptions } from "node:http";
import { request as httpsRequest } from "node:https";
import { MeshbridgeError, reasonOf } from "../kernel/errors.ts";
import { ERROR_TABLE, fail } from "../model/errors.ts";

export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

export interface Reply {
  readonly status: number;
  readonly body: unknown;
}

export interface AdminClient {
  /** As it was given, for messages. */
  readonly address: string;
  /** Any answer of the bridge, also one that says no. Throws MB_BRIDGE_UNREACHABLE and MB_BRIDGE_BAD_REPLY only. */
  fetch(path: string, query?: Query): Promise<Reply>;
  /** The body of a good answer; the bridge's own error, with its code and next step, otherwise. */
  read<Body>(path: string, query?: Query): Promise<Body>;
  /** Sends a command with a JSON body; the answer's body when it is good, the bridge's own error otherwise. */
  send<Body>(path: string, body: unknown, query?: Query): Promise<Body>;
  /** Ends what is there (DELETE); the answer's body when it is good, the bridge's own error otherwise. */
  remove<Body>(path: string, query?: Query): Promise<Body>;
  /** All items of a list, page by page. */
  list<Item>(path: string, query?: Query): Promise<readonly Item[]>;
}

export interface AdminClientOptions {
  /** `http://host:port`, `https://…`, `host:port` or `unix:/path`. */
  readonly address: string;
  /** For one request with its answer. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** Where a running bridge is looked for when nothing names it: the default of `admin.listen`. */
export const DEFAULT_ADMIN_ADDRESS = "http://127.0.0.1:8080";

const MAX_REPLY_BYTES = 512 * 1024 * 1024;
const PAGE_SIZE = 500;

/** Makes a client; does not connect. Throws MB_USAGE for an address it cannot read. */
export function createAdminClient(options: AdminClientOptions): AdminClient {
  const { address } = options;
  const target = parseAdminAddress(address);

  const ask = async (path: string, request: Omit<Request, "path"> = { method: "GET" }): Promise<Reply> => {
    const signal = AbortSignal.any([options.signal, AbortSignal.timeout(options.timeoutMs)]);
    const { status, text } = await exchange(target, { path, ...request }, signal).catch((cause) => {
      options.signal.throwIfAborted();
      const reason = signal.aborted ? `no answer within ${options.timeoutMs / 1000} s` : reasonOf(cause);
      throw fail("MB_BRIDGE_UNREACHABLE", { address, reason }, { cause });
    });
    try {
      return { status, body: JSON.parse(text) };
    } catch (cause) {
      throw fail("MB_BRIDGE_BAD_REPLY", { address, reason: `${path} gave HTTP ${status} and no JSON` }, { cause });
    }
  };

  const fetch = (path: string, query: Query = {}) => ask(`${path}${search(query)}`);

  const goodBody = <Body>(path: string, { status, body }: Reply): Body => {
    if (status >= 200 && status < 300) return body as Body;
    throw problemOf(status, body) ?? fail("MB_BRIDGE_BAD_REPLY", { address, reason: `${path} gave HTTP ${status}` });
  };
  const read = async <Body>(path: string, query?: Query) => goodBody<Body>(path, await fetch(path, query));
  const send = async <Body>(path: string, body: unknown, query: Query = {}) =>
    goodBody<Body>(path, await ask(`${path}${search(query)}`, { method: "POST", body }));
  const remove = async <Body>(path: string, query: Query = {}) =>
    goodBody<Body>(path, await ask(`${path}${search(query)}`, { method: "DELETE" }));

  const list = async <Item>(path: string, query: Query = {}): Promise<readonly Item[]> => {
    const items: Item[] = [];
    let cursor: string | undefined;
    do {
      const page = await read<Page<Item>>(path, { ...query, limit: PAGE_SIZE, cursor });
      if (!Array.isArray(page?.items)) throw fail("MB_BRIDGE_BAD_REPLY", { address, reason: `${path} gave no list` });
      items.push(...page.items);
      if (page.nextCursor !== undefined && page.nextCursor === cursor) {
        throw fail("MB_BRIDGE_BAD_REPLY", { address, reason: `${path} repeats a page` });
      }
      cursor = page.nextCursor;
    } while (cursor !== undefined);
    return items;
  };

  return { address, fetch, read, send, remove, list };
}

interface Page<Item> {
  readonly items: readonly Item[];
  readonly nextCursor?: string;
}

interface Target {
  readonly secure: boolean;
  /** Before every path, for a bridge behind a proxy; empty or beginning with a slash. */
  readonly prefix: string;
  readonly options: RequestOptions;
}

function parseAdminAddress(address: string): Target {
  if (address.startsWith("unix:")) {
    const socketPath = address.slice("unix:".length).replace(/^\/\/(?=\/)/, "");
    return { secure: false, prefix: "", options: { socketPath, host: "localhost" } };
  }
  const withScheme = /^[a-z]+:\/\//.test(address) ? address : `http://${address}`;
  const url = URL.parse(withScheme);
  if (url === null || !["http:", "https:"].includes(url.protocol) || url.hostname === "") {
    const reason = `"${address}" is no admin address: http://host:port, host:port and unix:/path are`;
    throw fail("MB_USAGE", { reason, command: "meshbridge" });
  }
  const port = url.port === "" ? undefined : Number(url.port);
  // Node's request takes an IPv6 address without the brackets that a URL needs.
  const options = { host: url.hostname.replace(/^\[|\]$/g, ""), port };
  return { secure: url.protocol === "https:", prefix: url.pathname.replace(/\/$/, ""), options };
}

function search(query: Query): string {
  const parameters = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) if (value !== undefined) parameters.set(key, String(value));
  return parameters.size === 0 ? "" : `?${parameters}`;
}

interface Request {
  readonly path: string;
  readonly method: "GET" | "POST" | "DELETE";
  /** Sent as JSON. */
  readonly body?: unknown;
}

function exchange(
  target: Target,
  { path, method, body }: Request,
  signal: AbortSignal,
): Promise<{ status: number; text: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; text: string }>();
  const send = target.secure ? httpsRequest : httpRequest;
  const accept = { accept: "application/json, application/problem+json" };
  const text = body === undefined ? undefined : JSON.stringify(body);
  const headers = text === undefined ? accept : { ...accept, "content-type": "application/json" };
  // A connection of its own: a kept-alive one would hold the process open after the command is done.
  const options = { ...target.options, path: target.prefix + path, method, headers, signal, agent: false };
  const request = send(options, (response) => {
    readText(response).then((text) => resolve({ status: response.statusCode ?? 0, text }), reject);
  });
  request.on("error", reject);
  request.end(text);
  return promise;
}

async function readText(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response) {
    size += chunk.length;
    if (size > MAX_REPLY_BYTES) throw new Error(`the answer is larger than ${MAX_REPLY_BYTES / 1024 / 1024} MiB`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** The bridge's problem details (RFC 9457) as the error they came from; undefined when the body is something else. */
function problemOf(status: number, body: unknown): MeshbridgeError | undefined {
  if (typeof body !== "object" || body === null) return undefined;
  const { code, detail, title, hint } = body as Record<string, unknown>;
  if (typeof code !== "string") return undefined;
  const text = typeof detail === "string" ? detail : typeof title === "string" ? title : `HTTP ${status}`;
  const known = new Map(Object.entries(ERROR_TABLE)).get(code);
  const spec = {
    // The detail may or may not begin with the code, which the error puts in front itself.
    message: text.startsWith(`${code}: `) ? text.slice(code.length + 2) : text,
    next: typeof hint === "string" ? hint : (known?.next ?? "see the bridge's log"),
    status,
    exitCode: known?.exitCode ?? (status === 404 || status >= 500 ? 1 : 2),
  } as const;
  return new MeshbridgeError(code, spec, {});
}
