/** Small HTTP requests with a deadline, for tests. */
import { type Agent, type IncomingMessage, request } from "node:http";
import { type RequestOptions, request as secureRequest } from "node:https";

export interface Reply {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

export interface Ask {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Default 5 s. */
  readonly withinMs?: number;
  readonly agent?: Agent;
  /** For https: whom to trust, what to show, and the server name to ask for. */
  readonly tls?: Pick<RequestOptions, "ca" | "cert" | "key" | "servername">;
}

/**
 * One request. Unlike `fetch` it lets `Host` be chosen, which is what gateways route by.
 * Rejects on a broken connection or when `withinMs` is over; any status is an answer.
 */
export function ask(
  url: string,
  { method = "GET", headers = {}, body, withinMs = 5000, agent, tls = {} }: Ask = {},
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const options = { method, headers, agent: agent ?? false, signal: AbortSignal.timeout(withinMs), ...tls } as const;
    const send = url.startsWith("https:") ? secureRequest : request;
    const sending = send(url, options, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks).toString("utf8") }),
      );
    });
    sending.on("error", reject);
    sending.end(body);
  });
}

/** The parsed body of an answer that must be 200. */
export async function askJson<T>(url: string, options: Ask = {}): Promise<T> {
  const reply = await ask(url, options);
  if (reply.status !== 200)
    throw new Error(`${options.method ?? "GET"} ${url} answered ${reply.status}: ${reply.body.slice(0, 500)}`);
  return JSON.parse(reply.body) as T;
}
