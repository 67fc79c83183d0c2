/** Requests to a bridge's admin API, each with a deadline and a bound. What is asked for is JSON. */
import { reasonOf } from "../../src/kernel/errors.ts";

export type BridgeAnswer =
  | { readonly status: number; readonly body: unknown; readonly answeredAt: number | undefined }
  /** No answer, or none that is JSON: nothing is known, also not whether it was done. */
  | { readonly unknown: string };

export interface BridgeRequest {
  readonly method: "GET" | "POST" | "DELETE";
  /** With its query. */
  readonly path: string;
  readonly body?: unknown;
}

export interface BridgeHttp {
  /** For messages. */
  readonly address: string;
  /** Rejects with the signal's reason alone. */
  ask(request: BridgeRequest, signal: AbortSignal): Promise<BridgeAnswer>;
}

export interface BridgeHttpOptions {
  /** `http://host:port`. */
  readonly address: string;
  readonly timeoutMs: number;
  readonly fetch: typeof fetch;
}

const MAX_BYTES = 64 * 1024 * 1024;

export function bridgeHttp({ address, timeoutMs, fetch }: BridgeHttpOptions): BridgeHttp {
  const base = address.replace(/\/$/, "");
  return {
    address,
    async ask({ method, path, body }, signal) {
      try {
        const response = await fetch(base + path, {
          method,
          signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
          // An answer of somewhere else is not the bridge's.
          redirect: "error",
          ...(body !== undefined && { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
        });
        const date = Date.parse(response.headers.get("date") ?? "");
        const answeredAt = Number.isNaN(date) ? undefined : date;
        return { status: response.status, body: JSON.parse(await textOf(response)), answeredAt };
      } catch (error) {
        signal.throwIfAborted();
        return { unknown: `${address} gave no answer to ${method} ${path.split("?", 1)[0]}: ${reasonOf(causeOf(error))}` };
      }
    },
  };
}

/** What `fetch` failed of is in the cause. */
function causeOf(error: unknown): unknown {
  return error instanceof Error && error.cause !== undefined ? error.cause : error;
}

async function textOf(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > MAX_BYTES) throw new Error(`the answer is larger than ${MAX_BYTES / 1024 / 1024} MiB`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
