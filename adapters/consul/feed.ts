/** One blocking query, asked for ever: rate, deadline, index and backoff. What a reply means is for others. */
import { createBackoff } from "../../src/kernel/backoff.ts";
import type { Clock } from "../../src/kernel/clock.ts";
import type { MeshbridgeError } from "../../src/kernel/errors.ts";
import { createTokenBucket } from "../../src/kernel/token-bucket.ts";
import { fail } from "../../src/model/errors.ts";
import type { Answer, ConsulClient, Query, Reply } from "./client.ts";
import { afterFailure, afterReply, NO_INDEX } from "./index-rules.ts";

/** Deadline of a request that Consul answers at once. */
export const PLAIN_TIMEOUT_MS = 10_000;

/** What comes back is to be current within five seconds; one attempt each few seconds, with jitter, is no load. */
export const RETRY = { baseMs: 500, maxMs: 5000 } as const;

/** Requests that need not wait after a calm time: a person or a deployment changes several things in a row. */
const BURST = 10;

export type FeedAnswer =
  | {
      readonly reply: Reply;
      /** The index is another one than in the reply before: something changed, maybe nothing that shows in the body. */
      readonly moved: boolean;
      readonly wentBack: boolean;
    }
  | { readonly error: MeshbridgeError; readonly retryInMs: number };

export interface Feed {
  /** The next answer. Call it again only after the last has come. Rejects with the signal's reason alone. */
  next(): Promise<FeedAnswer>;
  /** Asks again now and without an index, whatever the feed is waiting for, but for a time the server asked for. */
  restart(): void;
}

export interface FeedOptions {
  readonly client: ConsulClient;
  readonly path: string;
  readonly query: Query;
  readonly waitMs: number;
  /** At most this often on the long run; the first few are free, so that changes made one after the other see no delay. */
  readonly intervalMs: number;
  readonly clock: Clock;
  readonly random: () => number;
  readonly signal: AbortSignal;
}

export function createFeed(options: FeedOptions): Feed {
  const { client, path, query, waitMs, signal, clock, random } = options;
  const bucket = createTokenBucket({ burst: BURST, intervalMs: options.intervalMs, clock });
  const backoff = createBackoff({ ...RETRY, random });
  let index = NO_INDEX;
  let restMs = 0;
  /** Set when the rest was asked for by the server: then nothing cuts it short. */
  let demanded = false;
  let hurried = false;
  let interrupt = new AbortController();

  const failed = (error: MeshbridgeError, retryAfterMs: number | undefined): FeedAnswer => {
    index = afterFailure(index);
    demanded = retryAfterMs !== undefined;
    restMs = Math.max(backoff.next(), retryAfterMs ?? 0);
    return { error, retryInMs: restMs };
  };

  const judge = (answer: Answer): FeedAnswer => {
    if ("error" in answer) return failed(answer.error, answer.retryAfterMs);
    const step = afterReply(index, answer.reply.index);
    if ("problem" in step) {
      return failed(fail("MB_REGISTRY_BAD_REPLY", { ...client.names, reason: `${path}: ${step.problem}` }), undefined);
    }
    const moved = step.state.last !== index.last;
    index = step.state;
    backoff.reset();
    return { reply: answer.reply, moved, wentBack: step.wentBack };
  };

  const attempt = async (stop: AbortSignal): Promise<FeedAnswer> => {
    const rest = restMs;
    restMs = 0;
    // What follows a failure or a restart is paced by its own cause: waiting for a token on top would delay the recovery.
    if (rest > 0) await clock.sleep(rest, demanded ? signal : stop);
    else if (!hurried) await bucket.take(stop);
    hurried = false;
    const blocking = index.blockOn > 0;
    const asked = blocking ? { ...query, index: String(index.blockOn), wait: `${waitMs}ms` } : query;
    // Consul adds up to a sixteenth of the wait, so that its clients do not come back all at once.
    const timeoutMs = blocking ? waitMs * 1.1 + 5000 : PLAIN_TIMEOUT_MS;
    return judge(await client.get(path, asked, { timeoutMs, signal: stop }));
  };

  return {
    async next() {
      // A restart between two calls has nothing to interrupt: the index is gone already.
      if (interrupt.signal.aborted) interrupt = new AbortController();
      for (;;) {
        try {
          return await attempt(AbortSignal.any([signal, interrupt.signal]));
        } catch (error) {
          signal.throwIfAborted();
          // Only a restart ends up here besides: it aborts what was waited for and asks anew.
          if (!interrupt.signal.aborted) throw error;
          interrupt = new AbortController();
          index = afterFailure(index);
        }
      }
    },
    restart() {
      index = afterFailure(index);
      hurried = true;
      interrupt.abort();
    },
  };
}
