/**
 * Keeps what was registered with an agent alive: signs of life for its TTL check, and a waiting query on each service, so
 * that an agent that lost it, was restarted, or is gone, is noticed at once and not at the next sign of life.
 */
import { createBackoff } from "../../src/kernel/backoff.ts";
import { MeshbridgeError } from "../../src/kernel/errors.ts";
import { createLatest, type Latest } from "../../src/kernel/latest.ts";
import type { WriterContext, WriterEvent } from "../../src/sidecar/writer.ts";
import type { AgentApi } from "./agent-api.ts";

/** What comes back is to be written to within two seconds, and nobody is to connect more than twice in one. */
const RETRY_BASE_MS = 1000;
const RETRY_MAX_MS = 1400;
/** The waiting queries, a connection each, begin within this: an agent that comes back meets a node's Pods one by one. */
const WATCH_WITHIN_MS = 1500;

export interface AgentLease {
  /** The service was registered: from now on it is kept alive. */
  hold(id: string): void;
  release(id: string): void;
  /** As `Writer.events`. One iteration at a time. */
  events(signal: AbortSignal): AsyncGenerator<WriterEvent>;
}

type News = WriterEvent | { readonly type: "failed"; readonly error: unknown };

export function createAgentLease(
  api: AgentApi,
  { clock, random, ttlMs }: Pick<WriterContext, "clock" | "random"> & { readonly ttlMs: number },
): AgentLease {
  const held = new Set<string>();
  const running = new Map<string, AbortController>();
  let current: { readonly news: Latest<News>; readonly signal: AbortSignal } | undefined;

  const beat = async (id: string, signal: AbortSignal): Promise<void> => {
    do await clock.sleep((ttlMs / 3) * (0.9 + 0.1 * random()), signal);
    while (await api.pass(id, signal));
  };
  /** Until the agent does not know it any more. One request before the two that go on, so that a restart is met by few connections. */
  const keep = async (id: string, signal: AbortSignal, changed: () => void): Promise<void> => {
    if (await api.pass(id, signal)) await Promise.race([beat(id, signal), watch(id, signal, changed)]);
  };
  /** Until the agent does not know the service any more. */
  const watch = async (id: string, signal: AbortSignal, changed: () => void): Promise<void> => {
    await clock.sleep(WATCH_WITHIN_MS * random(), signal);
    let last = await api.hashOf(id, undefined, signal);
    while (last !== undefined) {
      const next = await api.hashOf(id, last, signal);
      if (next !== last) changed();
      last = next;
    }
  };
  const follow = (id: string) => {
    if (current === undefined || running.has(id)) return;
    const { news, signal } = current;
    const stop = new AbortController();
    running.set(id, stop);
    const mine = AbortSignal.any([signal, stop.signal]);
    const changed = () => news.push({ type: "changed" });
    const end = () => {
      stop.abort();
      if (running.get(id) === stop) running.delete(id);
    };
    keep(id, mine, changed).then(
      () => {
        end();
        changed();
      },
      (error) => {
        if (!mine.aborted) news.push({ type: "failed", error });
        end();
      },
    );
  };

  /** Throws what ended it. */
  async function* following(signal: AbortSignal): AsyncGenerator<WriterEvent> {
    const ended = new AbortController();
    const news = createLatest<News>((waiting, next) => (waiting.type === "failed" ? waiting : next));
    current = { news, signal: AbortSignal.any([signal, ended.signal]) };
    const close = () => news.close();
    signal.addEventListener("abort", close, { once: true });
    try {
      for (const id of held) follow(id);
      for await (const item of news) {
        if (item.type === "failed") throw item.error;
        yield item;
      }
    } finally {
      signal.removeEventListener("abort", close);
      current = undefined;
      ended.abort();
    }
  }

  return {
    hold(id) {
      held.add(id);
      follow(id);
    },
    release(id) {
      held.delete(id);
      running.get(id)?.abort();
    },
    async *events(signal) {
      const backoff = createBackoff({ baseMs: RETRY_BASE_MS, maxMs: RETRY_MAX_MS, random });
      while (!signal.aborted) {
        try {
          await api.ping(signal);
          backoff.reset();
          yield { type: "open" };
          yield* following(signal);
        } catch (error) {
          if (signal.aborted) return;
          if (!(error instanceof MeshbridgeError)) throw error;
          const retryInMs = backoff.next();
          yield { type: "lost", error, retryInMs };
          // Its only rejection is the abort, which the loop sees.
          await clock.sleep(retryInMs, signal).catch(() => undefined);
        }
      }
    },
  };
}
