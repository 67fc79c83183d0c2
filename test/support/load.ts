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
}

export interface Load {
  /** So far. */
  readonly result: LoadResult;
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
  let sent = 0;
  const failed = (what: string) => failures.push(`${Math.round(performance.now() - started)} ms: ${what}`);
  const one = async () => {
    try {
      const reply = await ask(url, { headers: { host }, agent, tls });
      if (reply.status !== 200) failed(`HTTP ${reply.status} ${reply.body.slice(0, 100)}`);
    } catch (error) {
      failed(reasonOf(error));
    }
  };
  const timer = setInterval(() => {
    sent++;
    const sending = one().finally(() => pending.delete(sending));
    pending.add(sending);
  }, 1000 / rate);
  const result = () => ({ sent, failures: [...failures] });
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
    stop,
  };
}
