/**
 * Keeps one registry as it is wanted: looks, plans, changes, looks whether it can be seen; again when something has changed
 * here or there, after a failure, and each minute in any case. One round at a time; the newest wish counts.
 */
import { createBackoff } from "../kernel/backoff.ts";
import { createBell } from "../kernel/bell.ts";
import type { Clock } from "../kernel/clock.ts";
import { MeshbridgeError, reasonOf } from "../kernel/errors.ts";
import type { Log } from "../kernel/log.ts";
import { forEachLimited } from "../kernel/promises.ts";
import { fail } from "../model/errors.ts";
import { type Change, plan, type Withheld } from "./plan/plan.ts";
import type { Owner, WantedRecord } from "./plan/record.ts";
import type { Registration } from "./registration.ts";
import type { Writer } from "./writer.ts";

/** What should be in the registry, as far as our own view goes. */
export interface Wish {
  readonly synced: boolean;
  readonly registrations: readonly Registration[];
}

/** How it stands with one record. */
export interface RecordState {
  readonly key: string;
  readonly service: string;
  readonly traffic: "in" | "out";
  /** `pending`: not written yet; `written`: the registry took it; `confirmed`: its readers see it; the others say why not. */
  readonly state: "pending" | "written" | "confirmed" | "withheld" | "failed";
  readonly reason?: Withheld["reason"] | string;
}

export interface TargetState {
  readonly name: string;
  readonly connected: boolean;
  /** Everything wanted is there and seen, and nothing of ours that is not wanted. */
  readonly settled: boolean;
  /** Settled, and nothing of what is wanted is withheld. */
  readonly complete: boolean;
  readonly records: readonly RecordState[];
  /** The newest failure while it lasts. */
  readonly error: MeshbridgeError | undefined;
  /** Changes made since the start, by kind; failures too. */
  readonly counts: Readonly<Record<Change["type"] | "failed", number>>;
}

export interface TargetOptions {
  readonly name: string;
  readonly writer: Writer;
  readonly owner: Owner;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly log: Log;
  readonly signal: AbortSignal;
  /** Called after whatever changes in `state`. */
  onChange(): void;
}

export interface Target {
  readonly state: TargetState;
  wish(wish: Wish): void;
  /** From now on nothing is changed any more: another replica acts. Leases are kept alive until the signal. */
  hold(): void;
  /** Ends with the signal. Never rejects. */
  readonly ended: Promise<void>;
}

/** Everything is looked at so often, each target at moments of its own, whatever the events say. */
const ANTI_ENTROPY_MS = 60_000;
const RETRY_BASE_MS = 100;
const RETRY_MAX_MS = 5000;
/** What was written is looked for again so soon, with growing pauses. */
const CONFIRM_BASE_MS = 50;
const CONFIRM_MAX_MS = 1000;
const PARALLEL = 16;

export function startTarget(options: TargetOptions): Target {
  const { name, writer, owner, clock, random, log, signal, onChange } = options;
  const bell = createBell(clock);
  const retry = createBackoff({ baseMs: RETRY_BASE_MS, maxMs: RETRY_MAX_MS, random });
  const looking = createBackoff({ baseMs: CONFIRM_BASE_MS, maxMs: CONFIRM_MAX_MS, random });
  const counts = { put: 0, "take-out": 0, remove: 0, failed: 0 };
  let wished: Wish | undefined;
  let connected = false;
  let held = false;
  let settled = false;
  let records: readonly RecordState[] = [];
  let error: MeshbridgeError | undefined;
  /** Contents that the registry's readers were seen to see, since it was last connected. */
  let confirmed = new Set<string>();

  const failed = (cause: unknown) => {
    counts.failed++;
    const known = cause instanceof MeshbridgeError ? cause : fail("MB_INTERNAL", { reason: reasonOf(cause) }, { cause });
    if (error?.message !== known.message) log.warn({ target: name, err: known }, "the registry could not be written to");
    error = known;
  };

  /** One look and what follows from it. Returns ms until the next one. */
  const round = async (wish: Wish): Promise<number> => {
    const wanted = writer.render(wish.registrations);
    const observed = {
      place: name,
      records: await writer.observe(
        wanted.map(({ key }) => key),
        signal,
      ),
    };
    const { changes, withheld } = plan({ synced: wish.synced, records: wanted }, observed, owner);
    const failures = await applyAll(changes, wish);
    const open = wanted.filter(({ key }) => !failures.has(key) && !withheld.some((one) => one.key === key));
    await lookFor(open);
    const before = records;
    records = wanted.map((record) => stateOf(record, withheld, failures));
    logWithheld(before, records);
    if (failures.size === 0) error = undefined;
    const seen = open.every(({ content }) => confirmed.has(content));
    settled = failures.size === 0 && seen && wish === wished;
    if (failures.size > 0) return retry.next();
    retry.reset();
    if (!seen) return looking.next();
    looking.reset();
    return ANTI_ENTROPY_MS * (0.5 + 0.5 * random());
  };

  const applyAll = async (changes: readonly Change[], wish: Wish): Promise<ReadonlyMap<string, string>> => {
    const failures = new Map<string, string>();
    const apply = async (change: Change) => {
      const { key } = change.record;
      if (held) return;
      // What is wished by now may want it to stay; the round that follows at once decides that.
      if (change.type !== "put" && wish !== wished) return;
      if (change.type !== "put" && change.after.some((one) => failures.has(one))) return;
      try {
        if (change.type === "put") await writer.put(change, signal);
        else if (change.type === "take-out") await writer.takeOut(change.record, signal);
        else await writer.remove(change.record, signal);
        counts[change.type]++;
        if (change.type === "put") confirmed.delete(change.record.content);
        log.info({ target: name, change: change.type, record: key }, "registration changed");
      } catch (cause) {
        signal.throwIfAborted();
        failures.set(key, reasonOf(cause));
        failed(cause);
      }
    };
    for (const type of ["put", "take-out", "remove"] as const)
      await forEachLimited(
        changes.filter((change) => change.type === type),
        PARALLEL,
        apply,
      );
    return failures;
  };

  const lookFor = async (wanted: readonly WantedRecord[]) => {
    const unseen = wanted.filter(({ content }) => !confirmed.has(content));
    await forEachLimited(unseen, PARALLEL, async (record) => {
      if (await writer.confirm(record, signal)) confirmed.add(record.content);
    });
    const now = new Set(wanted.map(({ content }) => content));
    confirmed = new Set([...confirmed].filter((content) => now.has(content)));
  };

  const stateOf = (
    { key, service, traffic, content }: WantedRecord,
    withheld: readonly Withheld[],
    failures: ReadonlyMap<string, string>,
  ): RecordState => {
    const base = { key, service, traffic };
    const why = withheld.find((one) => one.key === key);
    if (why !== undefined) return { ...base, state: "withheld", reason: why.reason };
    const reason = failures.get(key);
    if (reason !== undefined) return { ...base, state: "failed", reason };
    return { ...base, state: confirmed.has(content) ? "confirmed" : "written" };
  };

  const logWithheld = (before: readonly RecordState[], now: readonly RecordState[]) => {
    const known = new Set(before.flatMap(({ key, state, reason }) => (state === "withheld" ? [`${reason} ${key}`] : [])));
    for (const { key, state, reason } of now)
      if (state === "withheld" && !known.has(`${reason} ${key}`))
        log.warn({ target: name, record: key, reason }, "registration withheld");
  };

  const follow = async () => {
    for await (const event of writer.events(signal)) {
      if (event.type === "lost") {
        connected = false;
        settled = false;
        failed(event.error);
      } else if (event.type === "open") {
        connected = true;
        error = undefined;
        confirmed = new Set();
        log.info({ target: name }, "registry can be written to");
      }
      onChange();
      bell.ring();
    }
  };

  const work = async () => {
    while (!signal.aborted) {
      let dueMs = ANTI_ENTROPY_MS;
      if (connected && wished !== undefined && !held)
        try {
          dueMs = await round(wished);
        } catch (cause) {
          if (signal.aborted) return;
          settled = false;
          failed(cause);
          dueMs = retry.next();
        }
      onChange();
      // Its only rejection is the abort, which the loop sees.
      await bell.wait(dueMs, signal).catch(() => undefined);
    }
  };

  /** A writer that stops of itself is begun anew: what it has put stands meanwhile. */
  const followForEver = async () => {
    while (!signal.aborted) {
      try {
        await follow();
      } catch (cause) {
        if (signal.aborted) return;
        connected = false;
        failed(cause);
        onChange();
      }
      await clock.sleep(retry.next(), signal).catch(() => undefined);
    }
  };

  const ended = Promise.all([followForEver(), work()]).then(() => undefined);
  return {
    get state() {
      const complete = settled && records.every(({ state }) => state === "confirmed");
      return { name, connected, settled, complete, records, error, counts: { ...counts } };
    },
    wish(wish) {
      wished = wish;
      settled = false;
      bell.ring();
    },
    hold() {
      held = true;
      settled = false;
    },
    ended,
  };
}
