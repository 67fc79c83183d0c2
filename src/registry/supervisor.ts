/**
 * Runs one registry's adapter for as long as it is configured: starts it again when it fails, feeds its ledger, passes
 * on what changed, and knows how the registry is. One registry in trouble touches nothing of another.
 */
import { createBackoff } from "../kernel/backoff.ts";
import type { Clock } from "../kernel/clock.ts";
import { MeshbridgeError, reasonOf } from "../kernel/errors.ts";
import type { Log } from "../kernel/log.ts";
import { fail } from "../model/errors.ts";
import type { Group } from "../model/group.ts";
import { sourceName } from "../model/source.ts";
import type { Adapter, RegistryEvent } from "./adapter.ts";
import { createAging } from "./aging.ts";
import type { HeldInstance, HoldFilter } from "./holds.ts";
import type { LastKnownGood } from "./last-known-good.ts";
import { createLedger, type GroupChanges } from "./ledger.ts";
import { createPartStatuses } from "./part-status.ts";
import type { RegistrySettings } from "./settings.ts";
import type { RegistryState, RegistryStatus, RejectedRecord } from "./status.ts";
import { createTimer } from "./timer.ts";

const BACKOFF_BASE_MS = 500;
const BACKOFF_MAX_MS = 30_000;

/** One registry of the configuration, defaults filled in. Two that are deeply equal need no restart. */
export interface RegistrySpec {
  readonly name: string;
  readonly adapter: Adapter;
  /** The adapter's own settings, validated against its schema. */
  readonly config: Record<string, unknown>;
  readonly settings: RegistrySettings;
  readonly baseDir: string;
}

export interface SupervisorEnv {
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  /** Where the last good state is kept over restarts; undefined: nowhere. */
  readonly lastKnownGood: LastKnownGood | undefined;
  /** See `LedgerEnv`. */
  drained?(group: Group): ReadonlySet<string>;
  /** Called with what changed, in order; never concurrently. */
  onChange(changes: GroupChanges): void;
  /** Called when the state or the last error may have changed, and at every sign of life. */
  onStatus(): void;
  onEvent?(event: RegistryEvent["type"]): void;
}

type Trouble = Omit<Extract<RegistryEvent, { type: "degraded" }>, "type">;

export interface Supervisor {
  readonly spec: RegistrySpec;
  status(): RegistryStatus;
  rejected(): readonly RejectedRecord[];
  /** As they are passed on, with what age has done to them. */
  groups(): readonly Group[];
  held(): readonly HeldInstance[];
  /** Ends holds because the operator says so; returns how many. */
  release(filter: HoldFilter): number;
  /** True once the registry has synced in this process. */
  readonly synced: boolean;
  /** True when nothing is known of it: neither synced in this process nor restored from an earlier one. */
  readonly blank: boolean;
  /** True once it is known that the registry cannot be read at the moment. */
  readonly failing: boolean;
  /** Resolves when everything of it has stopped. */
  stop(): Promise<void>;
}

/** Starts at once. Never rejects and never throws: whatever the adapter does ends in the status. */
export function startSupervisor(spec: RegistrySpec, env: SupervisorEnv): Supervisor {
  const { clock } = env;
  const log = env.log.child({ registry: spec.name });
  const ledger = createLedger(spec.settings, env);
  const aging = createAging(spec.settings.staleness);
  const stopping = new AbortController();
  const backoff = createBackoff({ baseMs: BACKOFF_BASE_MS, maxMs: BACKOFF_MAX_MS, random: env.random });
  const moment = () => ({ wall: clock.now(), mono: clock.monotonic() });
  let started = false;
  let restored = false;
  let lastSyncAt: number | undefined;
  let nextRetryAt: number | undefined;
  let lastError: RegistryStatus["lastError"];
  let events = 0;
  const parts = createPartStatuses(aging);

  const state = (): RegistryState => {
    if (!started) return "init";
    if (aging.stage === "expired") return "expired";
    if (aging.failing) return "stale";
    if (lastSyncAt === undefined) return "syncing";
    return ledger.suspectReason === undefined ? "live" : "suspect";
  };

  const publish = (changes: GroupChanges) => {
    if (changes.size === 0) return;
    env.onChange(aging.apply(changes));
    if (lastSyncAt !== undefined) env.lastKnownGood?.save(() => ledger.groups());
  };

  const releaseTimer = createTimer(clock, stopping.signal, () => {
    const { held } = ledger.counts();
    publish(ledger.release(moment()));
    log.info({ released: held - ledger.counts().held }, "held instances released: authoritative answers have stood long enough");
    scheduleRelease();
    env.onStatus();
  });
  const scheduleRelease = () => releaseTimer.setAt(ledger.releaseAt());

  const ageTimer = createTimer(clock, stopping.signal, () => age());
  const age = () => {
    const before = aging.stages;
    const nextAt = aging.advance(moment());
    if (aging.stages !== before) {
      log.warn({ stage: aging.stage, stages: aging.stages }, "the age of what could not be confirmed has changed what is served");
      env.onChange(aging.apply(new Map(ledger.groups().map((group) => [sourceName(group.source), group]))));
      env.onStatus();
    }
    ageTimer.setAt(nextAt);
  };

  const degrade = ({ error, retryInMs, part, excused }: Trouble) => {
    // A part in trouble is said again after news of the others: that is no news for the log.
    const repeated = aging.failing && lastError?.code === error.code && lastError.message === error.message;
    nextRetryAt = retryInMs === undefined ? undefined : clock.now() + retryInMs;
    lastError = { code: error.code, message: error.message, next: error.next, at: clock.now() };
    if (part !== undefined) parts.failed(part, lastError);
    aging.failed(moment(), part, excused);
    age();
    log[repeated ? "debug" : "warn"]({ err: error, retryInMs, part }, "registry cannot be read; what it said stands");
  };

  const confirm = () => {
    if (aging.failing || lastSyncAt === undefined) log.info({ ...ledger.counts() }, "registry synced");
    if (lastSyncAt === undefined) env.lastKnownGood?.save(() => ledger.groups());
    else env.lastKnownGood?.confirm();
    lastSyncAt = clock.now();
    nextRetryAt = undefined;
    aging.confirmed(moment());
    age();
    backoff.reset();
  };

  const take = (event: RegistryEvent) => {
    const before = state();
    events++;
    publish(ledger.apply(event, moment()));
    if (event.type === "degraded") degrade(event);
    if (event.type === "recovered") {
      aging.confirmed(moment(), event.part);
      age();
    }
    if (event.type === "synced") confirm();
    if (event.type === "parts") {
      parts.take(event.parts);
      age();
    }
    scheduleRelease();
    const after = state();
    if (after === "suspect" && before === "live")
      log.warn({ reason: ledger.suspectReason }, "registry answers in doubt; what it no longer names is held");
    env.onEvent?.(event.type);
    // Ten thousand groups in a row are ten thousand events of the catalog's, but no news of how the registry is.
    if (after !== before || event.type === "synced" || event.type === "degraded" || event.type === "parts") env.onStatus();
  };

  const runOnce = async () => {
    ledger.beginRun();
    const { name, settings, baseDir } = spec;
    const knownBefore = restored || lastSyncAt !== undefined;
    const context = { name, settings, baseDir, knownBefore, signal: stopping.signal, log, clock, random: env.random };
    for await (const event of spec.adapter.watch(spec.config, context)) {
      if (stopping.signal.aborted) return;
      take(event);
    }
    if (!stopping.signal.aborted) throw fail("MB_REGISTRY_FAILED", { registry: name, reason: "it ended by itself" });
  };

  const restore = async () => {
    const saved = await env.lastKnownGood?.load();
    if (saved === undefined || saved.groups.length === 0) return;
    restored = true;
    aging.restored(Math.max(0, clock.now() - saved.savedAt), moment());
    publish(ledger.restore(saved.groups, moment()));
    log.info({ ...ledger.counts(), savedAt: new Date(saved.savedAt).toISOString() }, "last known state restored");
  };

  const run = async () => {
    await restore();
    started = true;
    env.onStatus();
    while (!stopping.signal.aborted) {
      try {
        await runOnce();
      } catch (error) {
        if (stopping.signal.aborted) return;
        const known = error instanceof MeshbridgeError;
        const shown = known
          ? error
          : fail("MB_REGISTRY_FAILED", { registry: spec.name, reason: reasonOf(error) }, { cause: error });
        const waitMs = backoff.next();
        publish(ledger.apply({ type: "degraded", error: shown }, moment()));
        degrade({ error: shown, retryInMs: waitMs });
        env.onStatus();
        // The sleep's only rejection is the stop, which ends the loop.
        await clock.sleep(waitMs, stopping.signal).catch(() => undefined);
      }
    }
  };

  const running = run().finally(() => env.lastKnownGood?.flush());
  return {
    spec,
    status: () => ({
      name: spec.name,
      kind: spec.adapter.kind,
      state: state(),
      suspectReason: ledger.suspectReason,
      lastSyncAt,
      ageMs: aging.ageMs(clock.monotonic()),
      staleness: aging.stage,
      ...ledger.counts(),
      events,
      lastError,
      nextRetryAt,
      parts: parts.list(clock.monotonic()),
    }),
    rejected: () => ledger.rejected(),
    groups: () => ledger.groups().map((group) => aging.mark(group)),
    held: () => ledger.held(moment()),
    release(filter) {
      const before = ledger.counts().held;
      publish(ledger.releaseNow(filter, moment()));
      scheduleRelease();
      env.onStatus();
      return before - ledger.counts().held;
    },
    get synced() {
      return lastSyncAt !== undefined;
    },
    get blank() {
      return lastSyncAt === undefined && !restored;
    },
    get failing() {
      return aging.failing;
    },
    async stop() {
      stopping.abort(new Error("stopped"));
      await running;
    },
  };
}
