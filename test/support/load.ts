/** A small steady HTTP load through a proxy that remembers every failure. */
import { Agent } from "node:http";
import { Agent as SecureAgent } from "node:https";
import { reasonOf } from "../../src/kernel/errors.ts";
import { type Ask, ask } from "./http.ts";

export interface LoadOptions {
  readonly url: string;
  readonly host: string;
  /** Requests a second; default 50. */
  readonly rate?: number;
  /** For https. */
  readonly tls?: Ask["tls"];
  /** False: a connection for each request. Default: kept alive. */
  readonly keepAlive?: boolean;
}

export interface LoadResult {
  readonly sent: number;
  /** One line each: when (ms since the start) and what. */
  readonly failures: readonly string[];
  /** When those that failed were sent, ms since the start. */
  readonly failedAt: readonly number[];
  /** Ms that the slowest answer took, from when it was due: waiting for one of the connections counts. */
  readonly slowestMs: number;
  /** Answers by their body. */
  readonly bodies: ReadonlyMap<string, number>;
}

export interface Load {
  /** So far. */
  readonly result: LoadResult;
  /** Ms since its start: what `failedAt` counts in. */
  elapsed(): number;
  /** Ends the load and waits for the answers that are due. */
  stop(): Promise<LoadResult>;
}

/** Sends at the given rate whatever the answers do, over at most 8 connections at a time. A failure is anything but 200. */
export function startLoad({ url, host, rate = 50, tls = {}, keepAlive = true }: LoadOptions, scope: AsyncDisposableStack): Load {
  const options = { keepAlive, maxSockets: 8 };
  const agent = url.startsWith("https:") ? new SecureAgent({ ...options, ...tls }) : new Agent(options);
  const started = performance.now();
  const failures: string[] = [];
  const pending = new Set<Promise<void>>();
  const failedAt: number[] = [];
  const bodies = new Map<string, number>();
  let sent = 0;
  let slowestMs = 0;
  const one = async () => {
    const sentAt = performance.now();
    const failed = (what: string) => {
      failures.push(`${Math.round(performance.now() - started)} ms: ${what}`);
      failedAt.push(Math.round(sentAt - started));
    };
    try {
      const reply = await ask(url, { headers: { host }, agent, tls });
      if (reply.status !== 200) failed(`HTTP ${reply.status} ${reply.body.slice(0, 100)}`);
      else bodies.set(reply.body, (bodies.get(reply.body) ?? 0) + 1);
    } catch (error) {
      failed(reasonOf(error));
    }
    slowestMs = Math.max(slowestMs, performance.now() - sentAt);
  };
  const timer = setInterval(() => {
    sent++;
    const sending = one().finally(() => pending.delete(sending));
    pending.add(sending);
  }, 1000 / rate);
  const result = () => ({
    ...{ sent, failures: [...failures], failedAt: [...failedAt], slowestMs: Math.round(slowestMs) },
    bodies: new Map(bodies),
  });
  const stop = async () => {
    clearInterval(timer);
    await Promise.all(pending);
    agent.destroy();
    return result();
  };
  scope.defer(async () => {
    await stop();
  });
  return {
    get result() {
      return result();
    },
    elapsed: () => performance.now() - started,
    stop,
  };
}

/** So many requests, some at a time; how often each body came. Anything but 200 counts as `HTTP <status>`. */
export async function sample(url: string, host: string, count: number): Promise<ReadonlyMap<string, number>> {
  const agent = new Agent({ keepAlive: true, maxSockets: 16 });
  const bodies = new Map<string, number>();
  let left = count;
  const worker = async () => {
    while (left-- > 0) {
      const reply = await ask(url, { headers: { host }, agent });
      const name = reply.status === 200 ? reply.body : `HTTP ${reply.status}`;
      bodies.set(name, (bodies.get(name) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: 16 }, worker));
  agent.destroy();
  return bodies;
}
