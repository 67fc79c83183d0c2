/**
 * `npm run bench -- consul-rounds`: what an index that keeps moving costs, by simulation of the agenda that decides which
 * services are read again. *Hidden* changes name no service (a weight, an address, an instance without a check); *named* ones
 * do (a tag, a check). No Consul, no I/O; the same figures at each run.
 */
import { createAgenda } from "../adapters/consul/agenda.ts";
import { percentile, shown } from "./support/figures.ts";

const SIMULATED_MS = 300_000;
/** A feed answers at most once a second; in between the agenda is asked so often. */
const STEP_MS = 250;

/** Resolves with 0. */
export async function run(): Promise<number> {
  process.stdout.write("| services | changes/s | kind | reads/s | seen after p50 s | p99 s |\n|---|---|---|---|---|---|\n");
  for (const services of [25, 200, 1000, 5000, 20_000])
    for (const rate of [1, 100])
      for (const named of [false, true]) {
        const { readsPerSecond, ages } = simulate(services, rate, named);
        const seconds = (share: number) => shown(percentile(ages, share) / 1000);
        const row = [services, rate, named ? "named" : "hidden", shown(readsPerSecond), seconds(0.5), seconds(0.99)];
        process.stdout.write(`| ${row.join(" | ")} |\n`);
      }
  return 0;
}

function simulate(services: number, rate: number, named: boolean) {
  const agenda = createAgenda({ secondLook: true });
  const all = Array.from({ length: services }, (_, index) => `service-${index}`);
  const changedAt = new Map<string, number>();
  const ages: number[] = [];
  let reads = 0;
  let changes = 0;
  for (let now = 0; now < SIMULATED_MS; now += STEP_MS) {
    for (; now % 1000 === 0 && (changes * 1000) / rate <= now; changes++) {
      // Another service each time, in an order without a pattern that matters.
      const name = all[(changes * 7919) % services] ?? "";
      if (!changedAt.has(name)) changedAt.set(name, (changes * 1000) / rate);
      if (named) agenda.hint([name]);
      agenda.round();
    }
    for (const name of agenda.take(all, now)) {
      reads++;
      const at = changedAt.get(name);
      changedAt.delete(name);
      if (at !== undefined) ages.push(now - at);
      agenda.done(name, at !== undefined, now);
    }
    agenda.settle(now);
  }
  return { readsPerSecond: reads / (SIMULATED_MS / 1000), ages };
}
