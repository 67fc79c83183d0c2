/** Takes part in an election for as long as it runs, and leads whenever it has won. */
import { createBackoff } from "../../src/kernel/backoff.ts";
import type { Clock } from "../../src/kernel/clock.ts";
import type { Log } from "../../src/kernel/log.ts";
import { withTimeout } from "../../src/kernel/promises.ts";
import type { JsonObject } from "../json/value.ts";
import type { Answer, ClusterClient } from "../kube/types.ts";
import { decideLease, epochOf, leaseToWrite, leaseView } from "./decide.ts";

export interface Leadership {
  /** Greater than that of everybody who led before. */
  readonly epoch: number;
  readonly identity: string;
  /** Aborts when it is lost, or given up. */
  readonly signal: AbortSignal;
  /**
   * By the monotonic clock, also after the process stood still: while it is true nobody else can have won. To be asked
   * right before every write.
   */
  valid(): boolean;
}

export interface ElectionOptions {
  /** The hub. */
  readonly client: ClusterClient;
  readonly namespace: string;
  readonly name: string;
  /** Unique to this process: two of one name would both believe that they lead. */
  readonly identity: string;
  /** From a renewal until others may take over, ms; whole seconds, at least 1000. */
  readonly durationMs: number;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  /** Ends it; the Lease is given up then, so that the next one need not wait. */
  readonly signal: AbortSignal;
  /** Runs while it leads. Its end gives the leadership up; what it throws ends the election as well. */
  lead(leadership: Leadership): Promise<void>;
  /** Told when it stands by and when it leads. */
  onState?(state: "standing by" | "leading"): void;
}

/** Own writes stop so much before others may take over: a request takes its time to arrive. */
const SAFETY = 0.8;
const RENEWALS = 4;

export async function runElected(options: ElectionOptions): Promise<void> {
  const { clock, signal, durationMs, random, log } = options;
  const backoff = createBackoff({ baseMs: Math.min(500, durationMs / RENEWALS), maxMs: durationMs, random });
  let seen = { resourceVersion: "", at: clock.monotonic() };
  while (!signal.aborted) {
    const read = await readLease(options, signal);
    if ("error" in read) {
      log.warn({ err: read.error }, "the lease cannot be read");
      await pause(clock, backoff.next(), signal);
      continue;
    }
    options.onState?.("standing by");
    const view = read.value === undefined ? undefined : leaseView(read.value);
    if (view !== undefined && view.resourceVersion !== seen.resourceVersion)
      seen = { resourceVersion: view.resourceVersion, at: clock.monotonic() };
    const decision = decideLease(view, options.identity, clock.monotonic() - seen.at);
    if (typeof decision === "object") {
      await pause(clock, Math.min(decision.waitMs + random() * 50, durationMs / RENEWALS), signal);
      continue;
    }
    const startedAt = clock.monotonic();
    const written = await writeLease(options, read.value, signal);
    if ("error" in written) {
      // 409: another one was faster, which is how elections go.
      if (written.status !== 409) log.warn({ err: written.error }, "the lease cannot be written");
      await pause(clock, backoff.next(), signal);
      continue;
    }
    backoff.reset();
    await leadWhileRenewed(options, written.value, startedAt);
    seen = { resourceVersion: "", at: clock.monotonic() };
  }
}

async function leadWhileRenewed(options: ElectionOptions, won: JsonObject, startedAt: number): Promise<void> {
  const { clock, durationMs, identity, log, signal } = options;
  const over = new AbortController();
  const leading = AbortSignal.any([signal, over.signal]);
  let validUntil = startedAt + durationMs * SAFETY;
  const epoch = epochOf(leaseView(won));
  log.info({ epoch, identity }, "leads");
  options.onState?.("leading");
  const valid = () => !leading.aborted && clock.monotonic() < validUntil;
  const work = options.lead({ epoch, identity, signal: leading, valid }).finally(() => over.abort(new Error("gives up leading")));
  let lease = won;
  const renew = async () => {
    while (!leading.aborted) {
      await pause(clock, durationMs / RENEWALS, leading);
      if (leading.aborted) break;
      if (!valid()) over.abort(new Error("the lease ran out"));
      const at = clock.monotonic();
      const written = await writeLease(options, lease, withTimeout(leading, Math.max(1, Math.ceil(validUntil - at)))).catch(
        ended(leading),
      );
      if (written === undefined) continue;
      if ("value" in written) {
        lease = written.value;
        validUntil = at + durationMs * SAFETY;
      } else if (written.status === 409) over.abort(new Error("another one leads"));
      else log.warn({ err: written.error }, "the lease cannot be renewed");
    }
  };
  // Nobody leads without renewing, whatever ended it.
  const renewal = renew().finally(() => over.abort(new Error("the lease is not renewed any more")));
  try {
    await work.catch((error: unknown) => {
      // What ends because the leadership does has failed at nothing.
      if (!leading.aborted || over.signal.reason?.message === "gives up leading") throw error;
    });
  } finally {
    over.abort(new Error("gives up leading"));
    await renewal;
    log.info({ epoch, reason: String(leading.reason?.message ?? "") }, "leads no more");
    await giveUp(options, lease);
  }
}

/** Best effort: one that is not given up runs out by itself. */
async function giveUp(options: ElectionOptions, lease: JsonObject): Promise<void> {
  const limit = AbortSignal.timeout(2000);
  const written = await writeLease({ ...options, identity: "" }, lease, limit).catch(ended(limit));
  if (written !== undefined && "error" in written) options.log.debug({ err: written.error }, "the lease was not given up");
}

function ended(signal: AbortSignal): (error: unknown) => undefined {
  return (error) => {
    if (!signal.aborted && !(error instanceof DOMException)) throw error;
    return undefined;
  };
}

async function readLease(
  { client, namespace, name }: ElectionOptions,
  signal: AbortSignal,
): Promise<Answer<JsonObject | undefined>> {
  const key = { group: "coordination.k8s.io", kind: "Lease", namespace, name };
  const answer = await client.get(key, signal);
  return "error" in answer && answer.status === 404 ? { value: undefined } : answer;
}

async function writeLease(
  { client, namespace, name, identity, durationMs, clock }: ElectionOptions,
  before: JsonObject | undefined,
  signal: AbortSignal,
): Promise<Answer<JsonObject>> {
  const lease = leaseToWrite(before, { name, namespace, identity, durationMs, now: clock.now() });
  const options = { fieldManager: "meshbridge-controller" };
  return before === undefined ? await client.create(lease, options, signal) : await client.replace(lease, options, signal);
}

async function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  // The only rejection of a sleep is its abort, which the loop looks at.
  await clock.sleep(ms, signal).catch(() => undefined);
}
