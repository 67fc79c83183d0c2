/** One cluster's API server. `connect.ts` gives the real one; tests and models give others. */
import type { MeshbridgeError } from "../kernel/errors.ts";
import type { ApiFaults } from "./faults.ts";

export type Query = Readonly<Record<string, string>>;

/** What went wrong with a request. */
export interface ApiRefusal {
  readonly error: MeshbridgeError;
  /** The HTTP status when there was an answer. */
  readonly status: number | undefined;
  /** What a 429 or 503 asked for. */
  readonly retryAfterMs: number | undefined;
  /** The Status object of the answer, where it is one (meta/v1). */
  readonly details?: unknown;
}

export type ApiAnswer = { readonly body: unknown } | ApiRefusal;

/** The first item of a watch. */
export const OPENED = Symbol("opened");

export interface GetLimits {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** What is asked for; default `application/json`. */
  readonly accept?: string;
}

export interface KubeApi {
  readonly faults: ApiFaults;
  /** One GET of JSON. What fails is in the answer; rejects with the signal's reason alone. */
  get(path: string, query: Query, limits: GetLimits): Promise<ApiAnswer>;
  /**
   * A watch: OPENED once the server has accepted it, then every line parsed, in order. Ends when the server ends it; throws `WatchFailed` when it could not be opened
   * or broke, the signal's reason on abort. A line above 8 MiB breaks it. Silence is the caller's to judge.
   */
  watch(path: string, query: Query, signal: AbortSignal, accept?: string): AsyncIterable<unknown>;
  /** Closes connections; what is under way fails. */
  close(): void;
}

/** A request that may change something. */
export interface ApiRequest {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly path: string;
  readonly query: Query;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Of the body; default `application/json`. */
  readonly contentType?: string;
  /** What is asked for; default `application/json`. */
  readonly accept?: string;
}

/** For those who write, too. */
export interface KubeClient extends KubeApi {
  /**
   * One request; any 2xx is an answer. What fails is in the answer; rejects with the signal's reason alone. A request that
   * found no answer may have been carried out.
   */
  send(request: ApiRequest, limits: { readonly timeoutMs: number; readonly signal: AbortSignal }): Promise<ApiAnswer>;
}

/** A watch that could not be opened, or broke. */
export class WatchFailed extends Error {
  override readonly name = "WatchFailed";
  readonly refusal: ApiRefusal;
  constructor(refusal: ApiRefusal) {
    super(refusal.error.message);
    this.refusal = refusal;
  }
}
