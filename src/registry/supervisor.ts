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
import type { Adapter, RegistryEvent } from "./adapter.ts";
import type { LastKnownGood } from "./last-known-good.ts";
import { createLedger, type GroupChanges } from "./ledger.ts";
import type { RegistrySettings } from "./settings.ts";
import type { RegistryState, RegistryStatus, RejectedRecord } from "./status.ts";

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
  /** Called with what changed, in order; never concurrently. */
  onChange(changes: GroupChanges): void;
  /** Called when the state or the last error may have changed, and at every sign of life. */
  onStatus(): void;
  onEvent?(event: RegistryEvent["type"]): void;
}

export interface Supervisor {
  readonly spec: RegistrySpec;
  status(): RegistryStatus;
  rejected(): readonly RejectedRecord[];
  groups(): readonly Group[];
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
  const ledger = createLedger(spec.settings);
  const stopping = new AbortController();
  const backoff = createBackoff({ baseMs: BACKOFF_BASE_MS, maxMs: BACKOFF_MAX_MS, random: env.random });
  let state: RegistryState = "init";
  let restored = false;
  let lastSyncAt: number | undefined;
  let nextRetryAt: number | undefined;
  let lastError: RegistryStatus["lastError"];
  let events = 0;
  let releaseTimer: AbortController | undefined;

  const publish = (changes: GroupChanges) => {
    if (changes.size === 0) return;
    env.onChange(changes);
    if (lastSyncAt !== undefined) env.lastKnownGood?.save(() => ledger.groups());
  };

  const scheduleRelease = () => {
    releaseTimer?.abort();
    const at = ledger.releaseAt();
    if (at === undefined) return;
    releaseTimer = new AbortController();
    const signal = AbortSignal.any([releaseTimer.signal, stopping.signal]);
    clock.sleep(Math.max(0, at - clock.now()), signal).then(
      () => {
        log.info({}, "held instances released: authoritative answers have stood long enough");
        publish(ledger.release(clock.now()));
        env.onStatus();
      },
      // The only rejection of a sleep is its abort: a newer schedule took over, or everything stops.
      () => undefined,
    );
  };

  const degrade = (error: MeshbridgeError, retryInMs: number | undefined) => {
    nextRetryAt = retryInMs === undefined ? undefined : clock.now() + retryInMs;
    lastError = { code: error.code, message: error.message, next: error.next, at: clock.now() };
    state = "stale";
    log.warn({ err: error, retryInMs }, "registry cannot be read; what it said stands");
  };

  const take = (event: RegistryEvent) => {
    const before = state;
    events++;
    publish(ledger.apply(event, clock.now()));
    if (event.type === "degraded") degrade(event.error, event.retryInMs);
    if (event.type === "synced") {
      if (state === "stale" || lastSyncAt === undefined) log.info({ ...ledger.counts() }, "registry synced");
      if (lastSyncAt === undefined) env.lastKnownGood?.save(() => ledger.groups());
      lastSyncAt = clock.now();
      nextRetryAt = undefined;
      state = ledger.suspectReason === undefined ? "live" : "suspect";
      backoff.reset();
    } else if (event.type !== "degraded" && event.evidence.kind === "suspect" && state === "live") {
      state = "suspect";
      log.warn({ reason: event.evidence.reason }, "registry answers without proof; what it no longer names is held");
    }
    scheduleRelease();
    env.onEvent?.(event.type);
    // Ten thousand groups in a row are ten thousand events of the catalog's, but no news of how the registry is.
    if (state !== before || event.type === "synced" || event.type === "degraded") env.onStatus();
  };

  const runOnce = async () => {
    ledger.beginRun();
    const { name, settings, baseDir } = spec;
    const context = { name, settings, baseDir, signal: stopping.signal, log, clock, random: env.random };
    for await (const event of spec.adapter.watch(spec.config, context)) {
      if (stopping.signal.aborted) return;
      take(event);
    }
    if (!stopping.signal.aborted) throw fail("MB_REGISTRY_FAILED", { registry: name, reason: "it ended by itself" });
  };

  const run = async () => {
    const saved = await env.lastKnownGood?.load();
    if (saved !== undefined && saved.length > 0) {
      restored = true;
      publish(ledger.restore(saved));
      log.info({ ...ledger.counts() }, "last known state restored");
    }
    state = "syncing";
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
        publish(ledger.apply({ type: "degraded", error: shown }, clock.now()));
        degrade(shown, waitMs);
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
      state,
      suspectReason: ledger.suspectReason,
      lastSyncAt,
      ...ledger.counts(),
      events,
      lastError,
      nextRetryAt,
    }),
    rejected: () => ledger.rejected(),
    groups: () => ledger.groups(),
    get synced() {
      return lastSyncAt !== undefined;
    },
    get blank() {
      return lastSyncAt === undefined && !restored;
    },
    get failing() {
      return state === "stale";
    },
    async stop() {
      stopping.abort(new Error("stopped"));
      await running;
    },
  };
}
