/**
 * Election by a lock on a key (Consul, "application leader election"): a session holds it, and leaves it when it is not
 * renewed. The epoch is the key's LockIndex, which grows each time that it is taken.
 */
import { createBackoff } from "../../src/kernel/backoff.ts";
import { MeshbridgeError } from "../../src/kernel/errors.ts";
import { fail } from "../../src/model/errors.ts";
import type { Election, ElectionEvent } from "../../src/sidecar/cluster/election.ts";
import type { WriterContext } from "../../src/sidecar/writer.ts";
import type { Answer, ConsulWriteClient, Query } from "./client.ts";
import { isRecord, textAt } from "./guards.ts";

const TIMEOUT_MS = 3000;
const TTL_MS = 10_000;
/** Who cannot renew for so long leads no more: less than Consul waits. */
const DEADLINE_MS = 8000;
const BEAT_MS = 2500;
/** How long a look at who holds the key may be held back. */
const WAIT_S = 30;

export interface ConsulElectionOptions extends Pick<WriterContext, "clock" | "random"> {
  readonly client: ConsulWriteClient;
  readonly part: Query;
  readonly key: string;
  readonly identity: string;
  close(): void;
}

export function createElection({ client, part, key, identity, clock, random, close }: ConsulElectionOptions): Election {
  const at = (signal: AbortSignal, timeoutMs = TIMEOUT_MS) => ({ timeoutMs, signal });
  const path = `/kv/${key.split("/").map(encodeURIComponent).join("/")}`;
  const put = async (to: string, query: Query, body: object | undefined, signal: AbortSignal) =>
    client.put(to, { ...part, ...query }, body, at(signal));

  const openSession = async (signal: AbortSignal): Promise<string> => {
    const session = {
      Name: `election of ${key}`,
      TTL: `${TTL_MS}ms`,
      LockDelay: "1s",
      Behavior: "release",
      NodeChecks: [],
      Checks: [],
    };
    const id = textAt(bodyOf(await put("/session/create", {}, session, signal)), "ID");
    if (id === undefined) throw fail("MB_REGISTRY_BAD_REPLY", { ...client.names, reason: "a session without an id" });
    return id;
  };
  /** Who holds the key, and its indexes; waits while it is as at `index`. */
  const look = async (index: string | undefined, signal: AbortSignal) => {
    const query = index === undefined ? {} : { index, wait: `${WAIT_S}s` };
    const limit = at(signal, index === undefined ? TIMEOUT_MS : (WAIT_S + WAIT_S / 16) * 1000 + TIMEOUT_MS);
    const answer = await client.get(path, { ...part, ...query }, limit);
    if ("error" in answer && answer.status === 404) return undefined;
    const body = bodyOf(answer);
    const row: unknown = Array.isArray(body) ? body[0] : undefined;
    if (!isRecord(row) || "error" in answer)
      throw fail("MB_REGISTRY_BAD_REPLY", { ...client.names, reason: `${path} has an unexpected form` });
    const lockIndex = row["LockIndex"];
    return {
      session: textAt(row, "Session"),
      epoch: typeof lockIndex === "number" ? lockIndex : 0,
      index: answer.reply.index ?? "1",
    };
  };
  /** Until the session is gone, or cannot be renewed for too long. */
  const beat = async (id: string, signal: AbortSignal): Promise<void> => {
    let renewedAt = clock.monotonic();
    for (;;) {
      await clock.sleep(BEAT_MS * (0.8 + 0.4 * random()), signal);
      const answer = await put(`/session/renew/${encodeURIComponent(id)}`, {}, undefined, signal);
      if (!("error" in answer)) renewedAt = clock.monotonic();
      else if (answer.status === 404) return;
      else if (clock.monotonic() - renewedAt > DEADLINE_MS) throw answer.error;
    }
  };
  /** Leads, follows, leads again, for as long as the session lives. */
  async function* stand(id: string, signal: AbortSignal): AsyncGenerator<ElectionEvent> {
    let leading = false;
    let index: string | undefined;
    for (;;) {
      if (!leading) bodyOf(await put(path, { acquire: id }, { holder: identity }, signal));
      const seen = await look(leading ? index : undefined, signal);
      const mine = seen?.session === id;
      if (mine !== leading) {
        leading = mine;
        yield mine && seen !== undefined ? { type: "leading", epoch: seen.epoch } : { type: "following" };
      }
      index = seen?.index;
      if (!leading) {
        // Somebody else holds it: wait until that changes; after a release Consul keeps it closed for the lock delay.
        if (seen?.session !== undefined) await look(seen.index, signal);
        else await clock.sleep(500 * (0.5 + random()), signal);
      }
    }
  }

  return {
    async *events(signal) {
      const backoff = createBackoff({ baseMs: 200, maxMs: 2000, random });
      try {
        while (!signal.aborted) {
          let id: string | undefined;
          const ended = new AbortController();
          const all = AbortSignal.any([signal, ended.signal]);
          try {
            id = await openSession(signal);
            backoff.reset();
            // The session's end ends the iteration below, whatever that waits for.
            const beating = beat(id, all).then(
              () => ended.abort(fail("MB_REGISTRY_REFUSED", { ...client.names, statusCode: 404, reason: "the session is gone" })),
              (error: unknown) => ended.abort(error),
            );
            yield* stand(id, all);
            await beating;
          } catch (error) {
            if (signal.aborted) return;
            const cause = ended.signal.aborted ? ended.signal.reason : error;
            if (!(cause instanceof MeshbridgeError)) throw cause;
            yield { type: "following", error: cause };
            // Its only rejection is the abort, which the loop sees.
            await clock.sleep(backoff.next(), signal).catch(() => undefined);
          } finally {
            ended.abort(new Error("the session is let go"));
            if (id !== undefined) await goodbye(id);
          }
        }
      } finally {
        close();
      }
    },
  };

  async function goodbye(id: string): Promise<void> {
    const limit = new AbortController();
    const over = clock.sleep(1000, limit.signal).then(
      () => limit.abort(new Error("it is left to expire")),
      () => undefined,
    );
    // Who cannot be told lets it expire.
    await put(`/session/destroy/${encodeURIComponent(id)}`, {}, undefined, limit.signal).catch(() => undefined);
    limit.abort(new Error("done"));
    await over;
  }
}

function bodyOf(answer: Answer): unknown {
  if ("error" in answer) throw answer.error;
  return answer.reply.body;
}
