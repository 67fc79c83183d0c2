/**
 * `npm run bench -- views`: what one more view costs, by what it has of its own: memory, making it, a change of one
 * instance, and a service that comes. In this process, without streams.
 */

import { parseArgs } from "node:util";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { CatalogService } from "../src/catalog/types.ts";
import { configOf } from "../src/config/testing.ts";
import { systemClock } from "../src/kernel/clock.ts";
import { silentLog } from "../src/kernel/log.ts";
import { locality } from "../src/model/locality.ts";
import type { Client } from "../src/routing/client.ts";
import { createViews, type Views } from "../src/xds/views.ts";
import { benchService } from "./support/bench-service.ts";
import { percentile, shown } from "./support/figures.ts";

const HELP = "usage: npm run bench -- views [--services N] [--endpoints N] [--views N]\n";
const CHANGES = 50;
const COMINGS = 10;

const SIDECAR: Client = {
  ...{ role: "sidecar", gateway: "", cluster: "c1", network: "default", namespace: "default", inbound: undefined },
  locality: locality({ region: "eu", zone: "a" }),
};

/** How the views of a row differ from each other. */
const KINDS: Readonly<Record<string, (index: number) => Client>> = {
  "inbound port": (index) => ({ ...SIDECAR, inbound: { port: 15_006, appPort: 8000 + index } }),
  namespace: (index) => ({ ...SIDECAR, namespace: `n-${index}` }),
  zone: (index) => ({ ...SIDECAR, locality: locality({ region: "eu", zone: `z-${index}` }) }),
};

/** Resolves to the exit code. */
export async function run(args: readonly string[]): Promise<number> {
  const text = { type: "string" } as const;
  const { values } = parseArgs({
    args: [...args],
    options: { services: text, endpoints: text, views: text, help: { type: "boolean" } },
  });
  if (values.help === true) {
    process.stderr.write(HELP);
    return 0;
  }
  const [services, endpoints, count] = [values.services ?? 10_000, values.endpoints ?? 10, values.views ?? 20].map(Number) as [
    number,
    number,
    number,
  ];
  process.stdout.write(`\n${services} services of ${endpoints} instances, ${count} views of sidecars.\n\n`);
  process.stdout.write("| they differ in | the first MiB | each more MiB | made in ms | a change ms | a service comes ms |\n");
  process.stdout.write("|---|---|---|---|---|---|\n");
  const fleet = Array.from({ length: services }, (_, index) => benchService(index, endpoints));
  for (const [name, clientOf] of Object.entries(KINDS)) {
    const row = measure(
      fleet,
      endpoints,
      Array.from({ length: count }, (_, index) => clientOf(index)),
    );
    process.stdout.write(`| ${[name, ...row.map(shown)].join(" | ")} |\n`);
  }
  return 0;
}

function measure(fleet: readonly CatalogService[], endpoints: number, clients: readonly Client[]): readonly number[] {
  const views = createViews({ traffic: configOf("{}").traffic, clock: systemClock, log: silentLog });
  let services = new Map(fleet.map((service) => [service.id, service]));
  update(views, services, services.keys());
  const [first = SIDECAR, ...more] = clients;
  const empty = heldMiB();
  views.acquire(first);
  const one = heldMiB();
  const made = more.map((client) => timed(() => views.acquire(client)));
  const all = heldMiB();
  const set = (service: CatalogService) => {
    services = new Map(services).set(service.id, service);
    return timed(() => update(views, services, [service.id]));
  };
  const changes = Array.from({ length: CHANGES }, (_, index) => set(benchService(index % fleet.length, endpoints, index + 1)));
  const comings = Array.from({ length: COMINGS }, (_, index) => set(benchService(fleet.length + index, endpoints)));
  views.close();
  const medians = [made, changes, comings].map((times) => percentile(times, 0.5));
  return [one - empty, (all - one) / more.length, ...medians];
}

function update(views: Views, services: ReadonlyMap<string, CatalogService>, changed: Iterable<string>): void {
  views.update({ version: 1, services, changed: new Set(changed), sync: "complete" });
}

function timed(work: () => void): number {
  const startedAt = performance.now();
  work();
  return performance.now() - startedAt;
}

/** Of live objects alone. */
function heldMiB(): number {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  for (let round = 0; round < 3; round++) collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return (heapUsed + arrayBuffers) / 2 ** 20;
}
