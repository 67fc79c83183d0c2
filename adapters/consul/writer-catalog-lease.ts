/**
 * A session on the node says that this owner lives. It is renewed, waited on, so that its end is noticed at once, and, by
 * the oldest of all sessions, what the owners without one have left is swept.
 */
import { createBackoff } from "../../src/kernel/backoff.ts";
import { MeshbridgeError } from "../../src/kernel/errors.ts";
import type { WriterContext, WriterEvent } from "../../src/sidecar/writer.ts";
import type { CatalogApi } from "./writer-catalog-api.ts";
import { olderThan, sweepOf } from "./writer-catalog-sweep.ts";
import { ownerText } from "./writer-record.ts";

/** What comes back is to be written to within two seconds, and nobody is to connect more than twice in one. */
const RETRY_BASE_MS = 800;
const RETRY_MAX_MS = 1200;
const GOODBYE_MS = 1000;
/** Who has many before it looks less often whether it is the oldest by now, down to each so many `ttl`: a thousand would ask all the time. */
const MAX_PATIENCE = 60;

export interface CatalogLease {
  /** While it is undefined nothing may be put: nobody would take it out for us. */
  readonly session: string | undefined;
  /** As `Writer.events`. One iteration at a time. */
  events(signal: AbortSignal): AsyncGenerator<WriterEvent>;
}

interface LeaseOptions extends Pick<WriterContext, "clock" | "random" | "owner" | "log" | "name"> {
  readonly node: string;
  readonly ttlMs: number;
  readonly deregisterMs: number;
}

export function createCatalogLease(api: CatalogApi, options: LeaseOptions): CatalogLease {
  const { clock, random, owner, node, ttlMs, deregisterMs, log, name } = options;
  let session: string | undefined;

  const beat = async (id: string, signal: AbortSignal): Promise<void> => {
    while (await api.renew(id, signal)) await clock.sleep((ttlMs / 3) * (0.9 + 0.1 * random()), signal);
  };
  const watch = async (id: string, signal: AbortSignal): Promise<void> => {
    let index = await api.sessionIndex(id, undefined, signal);
    while (index !== undefined) index = await api.sessionIndex(id, index, signal);
  };
  /** One look, and what follows from it. Resolves with how many sessions are older than this one. */
  const sweepOnce = async (id: string, signal: AbortSignal): Promise<number> => {
    const older = olderThan(await api.sessions(signal), id);
    if (older > 0) return older;
    // Records first: who has put one had a session before, which the list that follows shows unless it has ended.
    const rows = await api.rows([], signal);
    const sessions = await api.sessions(signal);
    const operations = sweepOf(rows, { node, owner, sessions, now: clock.now(), deregisterMs });
    // Each by itself: what has changed meanwhile is refused, for its owner lives, perhaps. The next sweep looks again.
    for (const operation of operations) await tried(() => api.apply([operation], signal), undefined);
    if (operations.length > 0) log.info({ target: name, records: operations.length }, "owners without a session left records");
    return 0;
  };
  /** Sweeping is for others: what fails of it does not end the own session. Throws what is no error of the table. */
  const tried = async <T>(work: () => Promise<T>, otherwise: T): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof MeshbridgeError)) throw error;
      log.debug({ target: name, err: error }, "not swept");
      return otherwise;
    }
  };
  const sweep = async (id: string, signal: AbortSignal): Promise<never> => {
    // A thousand that come at once are not to list a thousand sessions at once.
    await clock.sleep(ttlMs * (0.5 + 2.5 * random()), signal);
    for (let older = 0; ; ) {
      older = await tried(() => sweepOnce(id, signal), older);
      await clock.sleep(ttlMs * (0.5 + 0.5 * random()) * Math.min(MAX_PATIENCE, 1 + older), signal);
    }
  };
  /** Until the session is gone; throws what else ended it. */
  const hold = async (id: string, signal: AbortSignal) => {
    const ended = new AbortController();
    const all = AbortSignal.any([signal, ended.signal]);
    try {
      await Promise.race([beat(id, all), watch(id, all), sweep(id, all)]);
    } finally {
      ended.abort(new Error("the session is let go"));
    }
  };
  const goodbye = async (id: string) => {
    const limit = new AbortController();
    const over = clock.sleep(GOODBYE_MS, limit.signal).then(
      () => limit.abort(new Error("it is left to expire")),
      () => undefined,
    );
    await api
      .destroySession(id, limit.signal)
      .catch((error: unknown) => log.debug({ err: error }, "the session is left to expire"));
    limit.abort(new Error("done"));
    await over;
  };

  return {
    get session() {
      return session;
    },
    async *events(signal) {
      const backoff = createBackoff({ baseMs: RETRY_BASE_MS, maxMs: RETRY_MAX_MS, random });
      let before: string | undefined;
      try {
        while (!signal.aborted) {
          try {
            // One that outlived the outage goes on: a second one beside it would be one more for all to list.
            const lives = before !== undefined && (await api.renew(before, signal));
            session = lives ? before : await api.openSession(ownerText(owner), ttlMs, signal);
            before = session;
            backoff.reset();
            yield { type: "open" };
            if (session !== undefined) await hold(session, signal);
            session = undefined;
            before = undefined;
          } catch (error) {
            if (signal.aborted) return;
            if (!(error instanceof MeshbridgeError)) throw error;
            session = undefined;
            const retryInMs = backoff.next();
            yield { type: "lost", error, retryInMs };
            // Its only rejection is the abort, which the loop sees.
            await clock.sleep(retryInMs, signal).catch(() => undefined);
          }
        }
      } finally {
        if (session !== undefined) await goodbye(session);
        session = undefined;
      }
    },
  };
}
