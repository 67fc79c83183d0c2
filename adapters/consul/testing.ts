/** What the tests of this folder share. */
import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { systemClock } from "../../src/kernel/clock.ts";
import { silentLog } from "../../src/kernel/log.ts";
import type { RegistryEvent, WatchContext } from "../../src/registry/adapter.ts";
import { registrySettings } from "../../src/registry/testing.ts";
import { consul } from "./index.ts";
import type { ConsulSettings } from "./schema.ts";

export const SETTINGS = registrySettings();

export function contextFor(signal: AbortSignal, more: Partial<WatchContext> = {}): WatchContext {
  return {
    name: "consul",
    settings: SETTINGS,
    baseDir: "/",
    signal,
    log: silentLog,
    clock: systemClock,
    random: () => 0.1,
    ...more,
  };
}

export interface Run {
  readonly events: readonly RegistryEvent[];
  /** Waits until some event from the `from`th on is as wanted, and returns its position. */
  until(wanted: (event: RegistryEvent) => boolean, what: string, from?: number): Promise<number>;
  stop(): Promise<void>;
}

/** Runs the adapter and collects its events. */
export function runConsul(config: ConsulSettings, more: Partial<WatchContext> = {}): Run {
  const stop = new AbortController();
  const events: RegistryEvent[] = [];
  const ended = (async () => {
    try {
      for await (const event of consul.watch(config, contextFor(stop.signal, more))) events.push(event);
    } catch (error) {
      if (!stop.signal.aborted) throw error;
    }
  })();
  return {
    events,
    async until(wanted, what, from = 0) {
      const deadline = performance.now() + 10_000;
      for (;;) {
        const at = events.findIndex((event, position) => position >= from && wanted(event));
        if (at !== -1) return at;
        if (performance.now() > deadline) assert.fail(`no ${what} in ${JSON.stringify(events.map(sketch))}`);
        await Promise.race([delay(5), ended]);
      }
    },
    async stop() {
      stop.abort();
      await ended;
    },
  };
}

/** One event as short text, for comparison: `group dc1/web 10.0.0.1:80 authoritative`. */
export function sketch(event: RegistryEvent): string {
  if (event.type === "degraded") return `degraded ${event.error.code}`;
  if (event.type === "recovered") return `recovered ${event.part}`;
  if (event.type === "parts") return `parts ${event.parts.map(({ name, state }) => `${name} ${state}`).join(", ")}`;
  const evidence = event.evidence.kind === "suspect" ? event.evidence.reason : event.evidence.kind;
  if (event.type === "synced") return `synced ${evidence}`;
  if (event.type === "gone") return `gone ${event.source.scope} ${evidence}`;
  const instances = event.group.instances.map(({ address, ports }) => `${address}:${Object.values(ports).join()}`);
  return `group ${[event.group.source.scope, ...instances].join(" ")} ${evidence}`;
}
