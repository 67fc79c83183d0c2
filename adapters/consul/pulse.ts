/**
 * A small question every few seconds, beside the queries that wait for a minute: an agent that is frozen, or whose machine has
 * vanished without a word, is noticed within ten seconds and not when the longest wait is over.
 */
import { createBackoff } from "../../src/kernel/backoff.ts";
import type { Clock } from "../../src/kernel/clock.ts";
import type { MeshbridgeError } from "../../src/kernel/errors.ts";
import type { ConsulClient, Query } from "./client.ts";
import { RETRY } from "./feed.ts";

/** Answered by the servers and not by the agent alone, needs no rights, costs nothing. */
export const PULSE_PATH = "/status/leader";
const EVERY_MS = 5000;
const TIMEOUT_MS = 5000;

export type PulseAnswer = "alive" | { readonly error: MeshbridgeError; readonly retryInMs: number };

export interface PulseOptions {
  readonly client: ConsulClient;
  /** Undefined: the agent's own. */
  readonly datacenter: string | undefined;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly signal: AbortSignal;
  /** Whether nobody else is trying to reach it already. */
  isNeeded(): boolean;
}

/** Each call is the next beat; call it again only after the last has come. Rejects with the signal's reason alone. */
export function createPulse(options: PulseOptions): () => Promise<PulseAnswer> {
  const { client, datacenter, clock, random, signal } = options;
  const backoff = createBackoff({ ...RETRY, random });
  const query: Query = datacenter === undefined ? {} : { dc: datacenter };
  let restMs = EVERY_MS * (0.9 + 0.1 * random());
  return async () => {
    do await clock.sleep(restMs, signal);
    while (!options.isNeeded());
    const answer = await client.get(PULSE_PATH, query, { timeoutMs: TIMEOUT_MS, signal });
    if ("error" in answer) {
      restMs = Math.max(backoff.next(), answer.retryAfterMs ?? 0);
      return { error: answer.error, retryInMs: restMs };
    }
    backoff.reset();
    restMs = EVERY_MS * (0.9 + 0.1 * random());
    return "alive";
  };
}
