/**
 * HTTP towards Consul, over the `consul` package; the only file that knows it. Its own methods and its watch are not
 * used: they drop parameters (`ns`) and reply headers, and the watch knows no rate limit.
 */
import { EventEmitter } from "node:events";
import type { IncomingMessage } from "node:http";
import Consul from "consul";
import { type MeshbridgeError, reasonOf } from "../../src/kernel/errors.ts";
import { retryAfterMs } from "../../src/kernel/retry-after.ts";
import { fail } from "../../src/model/errors.ts";
import type { WatchContext } from "../../src/registry/adapter.ts";
import { readSecret } from "../../src/registry/credentials.ts";
import { isText } from "./guards.ts";
import type { ConsulSettings } from "./schema.ts";
import { type Guarded, type Transport, withBodyLimit } from "./transport.ts";

export interface Reply {
  readonly body: unknown;
  /** `X-Consul-Index` as it was sent. */
  readonly index: string | undefined;
  /** The reply lacks what the token may not see. */
  readonly filteredByAcls: boolean;
  /** False when the server said that it knows no leader. */
  readonly knownLeader: boolean;
  /** Ms since the server heard of its leader. */
  readonly lastContactMs: number;
}

export type Answer =
  | { readonly reply: Reply }
  /** `retryAfterMs`: what a 429 or 503 asked for. */
  | {
      readonly error: MeshbridgeError;
      /** The HTTP status when there was an answer. */
      readonly status?: number;
      readonly retryAfterMs: number | undefined;
    };

export type Query = Readonly<Record<string, string>>;

export interface ConsulClient {
  /** What errors say of it: which registry (and part of it), at which address. */
  readonly names: { readonly registry: string; readonly address: string };
  /**
   * One GET of `/v1` + `path`. What fails is in the answer: MB_REGISTRY_UNREACHABLE, MB_REGISTRY_REFUSED,
   * MB_REGISTRY_BAD_REPLY or MB_SECRET_UNREADABLE. Rejects with the signal's reason alone.
   */
  get(path: string, query: Query, limits: Limits): Promise<Answer>;
}

/** A client that may change things too. */
export interface ConsulWriteClient extends ConsulClient {
  /** One PUT, with the body as JSON; everything else as `get`. */
  put(path: string, query: Query, body: object | undefined, limits: Limits): Promise<Answer>;
}

export interface Limits {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

const DEFAULT_ADDRESS = "http://127.0.0.1:8500";

export interface ClientOptions {
  readonly context: Pick<WatchContext, "name" | "baseDir">;
  readonly transport: Transport;
  readonly label: string;
}

/** What the package's base class `papi.Client` offers and its types do not tell. */
interface RawClient {
  _get(options: object): Promise<IncomingMessage & { body?: unknown }>;
  _put(options: object): Promise<IncomingMessage & { body?: unknown }>;
}

/** What of the settings the client needs. */
export type ConnectionSettings = Pick<ConsulSettings, "address" | "token">;

/** The address as requests use it: without a slash at the end. */
export function addressOf({ address = DEFAULT_ADDRESS }: ConnectionSettings): string {
  return address.replace(/\/+$/, "");
}

/** `label`: what errors call the registry. The transport may be shared by several clients. */
export function createClient(config: ConnectionSettings, { context, transport, label }: ClientOptions): ConsulWriteClient {
  const address = addressOf(config);
  const names = { registry: label, address };
  const raw = async (): Promise<RawClient> => {
    const consul: unknown = new Consul({ baseUrl: `${address}/v1`, agent: await transport.agent() } as object);
    return consul as RawClient;
  };
  const send = async (method: "_get" | "_put", request: object, { timeoutMs, signal }: Limits): Promise<Answer> => {
    signal.throwIfAborted();
    const ctx = new EventEmitter();
    const cancel = () => ctx.emit("cancel");
    signal.addEventListener("abort", cancel, { once: true });
    let token = "";
    try {
      if (config.token !== undefined) token = (await readSecret(config.token, context)).reveal();
      const client = await raw();
      signal.throwIfAborted();
      const headers = token === "" ? {} : { "x-consul-token": token };
      const onRequest = [(guarded: Guarded, next: () => void) => withBodyLimit(guarded, next)];
      return { reply: toReply(await client[method]({ ...request, headers, timeout: timeoutMs, ctx, exts: { onRequest } })) };
    } catch (cause) {
      signal.throwIfAborted();
      transport.failed();
      return toFailure(cause, names, token);
    } finally {
      signal.removeEventListener("abort", cancel);
    }
  };
  return {
    names,
    get: (path, query, limits) => send("_get", { path, query }, limits),
    put: (path, query, body, limits) => send("_put", { path, query, ...(body !== undefined && { body, type: "json" }) }, limits),
  };
}

function toReply({ headers, body }: IncomingMessage & { body?: unknown }): Reply {
  const text = (name: string) => (isText(headers[name]) ? headers[name] : undefined);
  const lastContact = Number(text("x-consul-lastcontact") ?? 0);
  return {
    body,
    index: text("x-consul-index"),
    filteredByAcls: text("x-consul-results-filtered-by-acls") === "true",
    knownLeader: text("x-consul-knownleader") !== "false",
    lastContactMs: Number.isFinite(lastContact) ? lastContact : Number.POSITIVE_INFINITY,
  };
}

type Failure = Extract<Answer, { error: unknown }>;

function toFailure(cause: unknown, names: ConsulClient["names"], token: string): Failure {
  if (isMeshbridgeError(cause)) return { error: cause, retryAfterMs: undefined };
  const { response, isCodec } = (cause instanceof Error ? cause : {}) as PapiError;
  if (response !== undefined) {
    const statusCode = response.statusCode ?? 0;
    const reason = sentence(response.body, token) || reasonOf(cause);
    const error = fail("MB_REGISTRY_REFUSED", { ...names, statusCode, reason });
    return { error, status: statusCode, retryAfterMs: retryAfterMs(statusCode, response.headers) };
  }
  // The cause is not kept then: the error of a JSON parser quotes what it read.
  const garbled = isCodec === true || cause instanceof SyntaxError;
  const error = garbled
    ? fail("MB_REGISTRY_BAD_REPLY", { ...names, reason: "it is no JSON" })
    : fail("MB_REGISTRY_UNREACHABLE", { ...names, reason: reasonOf(cause).replace(/^consul: /, "") }, { cause });
  return { error, retryAfterMs: undefined };
}

/** What the package's errors carry. */
interface PapiError {
  readonly isCodec?: boolean;
  readonly response?: IncomingMessage & { body?: unknown };
}

function isMeshbridgeError(error: unknown): error is MeshbridgeError {
  return error instanceof Error && error.name === "MeshbridgeError";
}

/** A refusal's own words, on one line and without the token should they quote it. */
function sentence(body: unknown, token: string): string {
  if (!isText(body)) return "";
  const line = body
    .slice(0, 400)
    .replace(/[^\x20-\x7e]+/g, " ")
    .trim();
  return (token === "" ? line : line.replaceAll(token, "[secret]")).slice(0, 200);
}
