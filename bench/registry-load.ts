/** `npm run bench -- registry-load`: what the bridge puts on each registry, while nothing changes and while a lot does. */
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import Table from "cli-table3";
import { REGISTRY_KINDS, type RegistryDriver } from "../test/faults/driver.ts";
import { allHealthy, everythingOf, instanceOf, startEnvironment } from "../test/faults/environment.ts";
import type { ProxyCounts } from "../test/support/fault-proxy.ts";

const HELP = "usage: npm run bench -- registry-load [--idle SECONDS] [--busy SECONDS] [--rate CHANGES_PER_SECOND]\n";
/** Writers at once: a registry that is slower than the rate is written to as fast as it goes. */
const WRITERS = 16;
const READY_MS = 60_000;

interface Load {
  readonly registry: string;
  readonly phase: string;
  readonly changesPerSecond: number;
  readonly open: number;
  readonly newConnections: number;
  readonly upPerSecond: number;
  readonly downPerSecond: number;
}

/** Resolves to the exit code. */
export async function run(args: readonly string[]): Promise<number> {
  const number = { type: "string" } as const;
  const { values } = parseArgs({
    args: [...args],
    options: { idle: number, busy: number, rate: number, help: { type: "boolean" } },
  });
  if (values.help === true) {
    process.stderr.write(HELP);
    return 0;
  }
  const [idle, busy, rate] = [Number(values.idle ?? 60), Number(values.busy ?? 15), Number(values.rate ?? 1000)];
  await using scope = new AsyncDisposableStack();
  const target = { kind: "consul", options: {} } as const;
  const environment = await startEnvironment({ kinds: REGISTRY_KINDS, target, smallDisk: false }, scope);
  const drivers = [...environment.drivers.values()];
  for (const driver of drivers) await allHealthy(environment.observer, driver, everythingOf(driver.kind), READY_MS);
  const loads: Load[] = [...(await measure(drivers, "idle", idle, async () => 0))];
  // One after the other: the machine is to serve the registry that is written to, not three at once.
  for (const driver of drivers) loads.push(...(await measure([driver], "busy", busy, (until) => change(driver, rate, until))));
  process.stdout.write(`${table(loads)}\n`);
  return 0;
}

async function measure(
  drivers: readonly RegistryDriver[],
  phase: string,
  seconds: number,
  work: (until: number) => Promise<number>,
): Promise<readonly Load[]> {
  const before = drivers.map(({ proxy }) => ({ ...proxy.counts }));
  const started = performance.now();
  const [changes] = await Promise.all([work(started + seconds * 1000), sleep(seconds * 1000)]);
  const took = (performance.now() - started) / 1000;
  return drivers.map(({ kind, proxy }, index) =>
    load(kind, phase, { before: before[index] ?? proxy.counts, after: proxy.counts, took, changes }),
  );
}

interface Measured {
  readonly before: ProxyCounts;
  readonly after: ProxyCounts;
  readonly took: number;
  readonly changes: number;
}

function load(registry: string, phase: string, { before, after, took, changes }: Measured): Load {
  return {
    registry,
    phase,
    changesPerSecond: changes / took,
    open: after.open,
    newConnections: after.accepted - before.accepted,
    upPerSecond: (after.bytesUp - before.bytesUp) / took,
    downPerSecond: (after.bytesDown - before.bytesDown) / took,
  };
}

/**
 * Instances move from port to port at the rate, or as fast as the registry takes it; resolves to how often. Each writer has
 * a service of its own: writers of one object wait for each other, and then their conflicts are what is measured.
 */
async function change(driver: RegistryDriver, rate: number, until: number): Promise<number> {
  const pulse = instanceOf(driver.kind, "pulse", 0);
  const started = performance.now();
  let changes = 0;
  const writer = async (index: number) => {
    const own = { ...pulse, service: `${pulse.service}-${index}` };
    while (performance.now() < until) {
      const due = started + (changes / rate) * 1000;
      if (due > performance.now()) await sleep(due - performance.now());
      const port = 10_000 + (changes++ % 1000);
      await driver.put([{ ...own, port }]);
    }
    await driver.remove([own]);
  };
  await Promise.all(Array.from({ length: WRITERS }, (_, index) => writer(index)));
  return changes;
}

function table(loads: readonly Load[]): string {
  const head = ["registry", "phase", "changes/s", "connections", "new ones", "sent KiB/s", "received KiB/s"];
  const rows = new Table({
    head,
    style: { head: [], border: [] },
    colAligns: ["left", "left", "right", "right", "right", "right", "right"],
  });
  const kib = (bytes: number) => (bytes / 1024).toFixed(2);
  for (const { registry, phase, changesPerSecond, open, newConnections, upPerSecond, downPerSecond } of loads)
    rows.push([registry, phase, Math.round(changesPerSecond), open, newConnections, kib(upPerSecond), kib(downPerSecond)]);
  return rows.toString();
}
