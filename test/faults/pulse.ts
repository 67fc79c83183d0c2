/** Real changes, one after the other, and how long each takes to be told: whether a registry's trouble slows the others. */
import { setTimeout as sleep } from "node:timers/promises";
import { percentile } from "../../bench/support/figures.ts";
import type { RegistryDriver, RegistryKind, TestInstance } from "./driver.ts";
import { endpointOf } from "./driver.ts";
import { instanceOf } from "./environment.ts";
import type { Observer } from "./observer.ts";

export interface Latency {
  readonly changes: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Changes that were not told within 10 s. */
  readonly lost: number;
}

/** Changes of one registry, told apart by the port that its one instance of the service `pulse` moves to each time. */
export interface Pulse {
  /** One change; resolves with the ms from the registry's answer until it was told. Rejects when it was not in time. */
  beat(withinMs?: number): Promise<number>;
}

const WITHIN_MS = 10_000;
const PAUSE_MS = 150;
const FIRST_PORT = 9000;

export function pulseOf(driver: RegistryDriver, observer: Observer): Pulse {
  const { service, address } = instanceOf(driver.kind, "pulse", 0);
  const cluster = driver.clusterOf(service);
  let beats = 0;
  return {
    async beat(withinMs = WITHIN_MS) {
      const instance: TestInstance = { service, address, port: FIRST_PORT + (beats++ % 1000) };
      await driver.put([instance]);
      return observer.until(cluster, endpointOf(instance), true, withinMs);
    },
  };
}

/** Lets the registries beat in turn until `until` aborts, and at least three times each. */
export async function measureLatency(
  pulses: ReadonlyMap<RegistryKind, Pulse>,
  until: AbortSignal,
): Promise<ReadonlyMap<RegistryKind, Latency>> {
  const samples = new Map<RegistryKind, number[]>([...pulses.keys()].map((kind) => [kind, []]));
  const lost = new Map<RegistryKind, number>();
  for (let round = 0; round < 3 || !until.aborted; round++) {
    for (const [kind, pulse] of pulses) {
      const told = await pulse.beat().catch(() => undefined);
      if (told === undefined) lost.set(kind, (lost.get(kind) ?? 0) + 1);
      else samples.get(kind)?.push(told);
    }
    await sleep(PAUSE_MS);
  }
  return new Map([...samples].map(([kind, times]) => [kind, summary(times, lost.get(kind) ?? 0)]));
}

function summary(times: readonly number[], lost: number): Latency {
  const [p50Ms, p99Ms] = times.length === 0 ? [Number.NaN, Number.NaN] : [percentile(times, 0.5), percentile(times, 0.99)];
  return { changes: times.length, p50Ms, p99Ms, lost };
}
