/** One cell of the matrix: a registry, a fault, and what proxies were told from before it until after it healed. */
import { setTimeout as sleep } from "node:timers/promises";
import { reasonOf } from "../../src/kernel/errors.ts";
import type { Bridge } from "../support/bridge.ts";
import { endpointOf, type RegistryDriver, type RegistryKind } from "./driver.ts";
import { allHealthy, type Environment, everythingOf, startEnvironment } from "./environment.ts";
import type { Fault } from "./faults.ts";
import type { Observer } from "./observer.ts";
import { type Latency, measureLatency, pulseOf } from "./pulse.ts";

export interface Cell {
  readonly kind: RegistryKind;
  readonly fault: Fault;
  readonly short: boolean;
  /** The registries the bridge reads meanwhile; more than one shows whether they disturb each other. */
  readonly kinds: readonly RegistryKind[];
}

export interface CellResult {
  readonly registry: RegistryKind;
  readonly fault: string;
  /** Endpoints that left although nobody had taken them away. */
  readonly withdrawn: readonly string[];
  /** Endpoints that were to be held, and were not when the fault had lasted its time. */
  readonly unheld: readonly string[];
  /** Endpoints of the registry that were told to be DEGRADED or worse at some time. */
  readonly degraded: number;
  /** States of the registry seen while the fault lasted, in order. */
  readonly states: readonly string[];
  /** From the end of the fault until a change made then was told (R2). */
  readonly changeAfterMs: number;
  /** From the end of the fault until every instance was HEALTHY again. */
  readonly recoveredMs: number;
  /** For what really left: from the registry's answer until it was told. */
  readonly leftMs: number | undefined;
  /** The other registries' changes before and during the fault (R5). */
  readonly before: ReadonlyMap<RegistryKind, Latency>;
  readonly during: ReadonlyMap<RegistryKind, Latency>;
  /** Bounds that were broken; empty: the cell holds. */
  readonly broken: readonly string[];
}

const BASELINE_MS = { full: 5000, short: 1500 };
const HEALED_WITHIN_MS = 60_000;
const CHANGE_BOUND_MS = 5000;
const LEFT_BOUND_MS = 5000;

/** Runs the cell; rejects only when the registry or the bridge could not be brought to where a cell begins. */
export async function runCell(cell: Cell): Promise<CellResult> {
  await using scope = new AsyncDisposableStack();
  const { kind, fault, kinds } = cell;
  const target = { kind, options: fault.needs, ...(fault.prepare === undefined ? {} : { prepare: fault.prepare }) };
  const environment = await startEnvironment({ kinds, target, smallDisk: fault.smallDisk === true }, scope);
  const driver = environment.drivers.get(kind);
  if (driver === undefined) throw new Error(`no registry ${kind}`);
  // Awaited here: what runs is taken down when this function ends.
  return await measure(cell, driver, environment);
}

async function measure(cell: Cell, driver: RegistryDriver, environment: Environment): Promise<CellResult> {
  const { fault, kind, short } = cell;
  const { observer } = environment;
  const others = [...environment.drivers.values()].filter((other) => other !== driver);
  const pulses = new Map(others.map((other) => [other.kind, pulseOf(other, observer)]));
  const length = short ? "short" : "full";
  const before = await measureLatency(pulses, AbortSignal.timeout(BASELINE_MS[length]));
  const from = performance.now();
  const states = watchStates(environment, kind);
  const stop = new AbortController();
  const measuring = measureLatency(pulses, stop.signal);
  await fault.inflict(driver, environment);
  const leaving = fault.leaves?.(kind) ?? [];
  const leftMs = await longest(
    leaving.map((gone) => observer.until(driver.clusterOf(gone.service), endpointOf(gone), false, HEALED_WITHIN_MS)),
  );
  await sleep(fault.lasts[length]);
  const unheld = (fault.held?.(kind) ?? []).flatMap((instance) => {
    const [cluster, endpoint] = [driver.clusterOf(instance.service), endpointOf(instance)];
    return observer.endpoints(cluster).get(endpoint) === "DEGRADED" ? [] : [`${cluster} ${endpoint}`];
  });
  stop.abort();
  const during = await measuring;
  const seen = await states.stop();
  await fault.heal(driver, environment);
  const changeAfterMs = await changeAfter(driver, observer);
  const steady = everythingOf(kind).filter(({ service }) => !service.startsWith("pulse"));
  const recoveredMs = changeAfterMs + (await allHealthy(observer, driver, steady, HEALED_WITHIN_MS));
  const withdrawn = wronglyWithdrawn(environment, { from, driver, fault });
  observer.assertOpen();
  const degraded = [...observer.unhealthySince(from)].filter((key) => key.includes(`-${kind}/`)).length;
  const result = {
    registry: kind,
    fault: fault.name,
    withdrawn,
    unheld,
    degraded,
    states: seen,
    changeAfterMs,
    recoveredMs,
    leftMs,
    before,
    during,
  };
  return { ...result, broken: brokenBounds(result) };
}

/** A change is handed to the registry again and again until it takes it; the time counts from the first try. */
async function changeAfter(driver: RegistryDriver, observer: Observer): Promise<number> {
  const started = performance.now();
  const pulse = pulseOf(driver, observer);
  let failure: unknown;
  while (performance.now() - started < HEALED_WITHIN_MS) {
    try {
      await pulse.beat(HEALED_WITHIN_MS - (performance.now() - started));
      return performance.now() - started;
    } catch (error) {
      // A registry that just came back may refuse a write once or twice.
      failure = error;
      await sleep(100);
    }
  }
  throw new Error(`no change was told after the fault: ${reasonOf(failure)}`);
}

function wronglyWithdrawn(
  { observer, drivers }: Environment,
  { from, driver, fault }: { readonly from: number; readonly driver: RegistryDriver; readonly fault: Fault },
): readonly string[] {
  const taken = [fault.leaves, fault.held].flatMap((of) => of?.(driver.kind) ?? []);
  const really = new Set(taken.map((gone) => `${driver.clusterOf(gone.service)} ${endpointOf(gone)}`));
  // The pulse moves from port to port: its departures are changes of ours.
  const moving = new Set([...drivers.values()].map(({ kind, clusterOf }) => clusterOf(`pulse-${kind}`)));
  return observer.departures
    .filter(({ at, cluster }) => at >= from && !moving.has(cluster))
    .map(({ cluster, endpoint }) => `${cluster} ${endpoint}`)
    .filter((key) => !really.has(key));
}

function brokenBounds(result: Omit<CellResult, "broken">): readonly string[] {
  const broken: string[] = [];
  if (result.withdrawn.length > 0) broken.push(`wrongly withdrawn: ${result.withdrawn.join(", ")}`);
  if (result.unheld.length > 0) broken.push(`not held: ${result.unheld.join(", ")}`);
  if (result.changeAfterMs > CHANGE_BOUND_MS) broken.push(`a change took ${Math.round(result.changeAfterMs)} ms after the fault`);
  if (result.leftMs !== undefined && result.leftMs > LEFT_BOUND_MS) broken.push(`a removal took ${Math.round(result.leftMs)} ms`);
  for (const [kind, { lost }] of result.during) if (lost > 0) broken.push(`${lost} changes of ${kind} were not told in 10 s`);
  return broken;
}

/** Asks the bridge what it says of the registry, until stopped. */
function watchStates({ bridge }: Environment, kind: RegistryKind) {
  const states: string[] = [];
  const stop = new AbortController();
  const watching = (async () => {
    while (!stop.signal.aborted) {
      const state = await stateOf(bridge, kind);
      if (states.at(-1) !== state) states.push(state);
      await sleep(200);
    }
  })();
  return {
    async stop() {
      stop.abort();
      await watching;
      return states;
    },
  };
}

/** What the bridge says of the registry, or why it says nothing, which is for the reader of the table to see. */
async function stateOf(bridge: Bridge, kind: RegistryKind): Promise<string> {
  if (bridge.program.exit !== undefined) return `bridge ended: ${bridge.program.stderr().slice(-2000)}`;
  try {
    const { items } = await bridge.get<{ items: readonly { name: string; state: string }[] }>("/v1/registries");
    return items.find(({ name }) => name === kind)?.state ?? "absent";
  } catch (error) {
    return `no answer: ${reasonOf(error)}`;
  }
}

async function longest(times: readonly Promise<number>[]): Promise<number | undefined> {
  return times.length === 0 ? undefined : Math.max(...(await Promise.all(times)));
}
