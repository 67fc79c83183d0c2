/**
 * `npm run bench -- growth`: how cost grows with clients, services, endpoints and the rate of changes. Each point is one
 * run of a scenario of `peers` with the bridge alone. Writes the plots to docs/reference/growth.svg.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { type Figures, runOnce, SCENARIOS, type ScenarioOptions } from "./peers/scenarios.ts";
import { type Plot, plotSvg } from "./support/plot.ts";

const HELP = "usage: npm run bench -- growth [--out FILE] [--quick]\n";
const OUT = fileURLToPath(new URL("../docs/reference/growth.svg", import.meta.url));

interface Sweep {
  readonly title: string;
  readonly x: string;
  readonly figure: string;
  readonly scenario: string;
  readonly at: readonly number[];
  options(at: number): ScenarioOptions;
  /** What is plotted, where it is not the figure itself. */
  value?(figures: Figures, at: number): number;
}

const CHANGES = { changes: 20, seconds: 0 };

const SWEEPS: readonly Sweep[] = [
  {
    title: "One change to all clients",
    x: "clients",
    figure: "CPU ms a change",
    scenario: "flip",
    at: [1, 250, 500, 1000, 2000],
    options: (clients) => ({ clients, fleet: { services: 100, instances: 10 }, ...CHANGES }),
    value: (figures, clients) => ((figures["CPU µs a push"] ?? Number.NaN) * clients) / 1000,
  },
  {
    title: "One change to 100 clients, by services",
    x: "services in the view",
    figure: "CPU µs a push",
    scenario: "flip",
    at: [10, 1000, 3000, 10_000],
    options: (services) => ({ clients: 100, fleet: { services, instances: 1 }, ...CHANGES }),
  },
  {
    title: "One change to 100 clients, by endpoints",
    x: "endpoints of the service",
    figure: "CPU µs a push",
    scenario: "flip",
    at: [1, 100, 300, 1000],
    options: (instances) => ({ clients: 100, fleet: { services: 10, instances }, ...CHANGES }),
  },
  {
    title: "100 clients that want every change",
    x: "changes a second",
    figure: "cores",
    scenario: "steady",
    at: [10, 100, 300, 1000],
    options: (changes) => ({ clients: 100, fleet: { services: 1000, instances: 3 }, changes, seconds: 8 }),
  },
  {
    title: "Memory, by endpoints",
    x: "endpoints",
    figure: "RSS loaded MiB",
    scenario: "memory",
    at: [1000, 100_000, 300_000, 1_000_000],
    options: (endpoints) => ({ clients: 0, fleet: { services: endpoints / 10, instances: 10 }, changes: 0, seconds: 0 }),
  },
  {
    title: "Memory, by idle clients of 1,000 clusters",
    x: "clients",
    figure: "RSS with clients MiB",
    scenario: "memory",
    at: [1, 500, 1000, 2000],
    options: (clients) => ({ clients, fleet: { services: 1000, instances: 10 }, changes: 0, seconds: 0 }),
  },
];

/** Resolves to the exit code. */
export async function run(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: { out: { type: "string" }, quick: { type: "boolean" }, help: { type: "boolean" } },
  });
  if (values.help === true) {
    process.stderr.write(HELP);
    return 0;
  }
  const plots: Plot[] = [];
  for (const sweep of SWEEPS) plots.push(await measure(sweep, values.quick === true));
  const out = values.out ?? OUT;
  await mkdir(fileURLToPath(new URL(".", `file://${out}`)), { recursive: true });
  await writeFile(out, plotSvg(plots));
  for (const { title, x, y, points } of plots) {
    process.stdout.write(`\n${title}\n\n| ${x} | ${y} |\n|---|---|\n`);
    process.stdout.write(points.map(([at, value]) => `| ${at} | ${value.toPrecision(3)} |\n`).join(""));
  }
  process.stdout.write(`\nwritten: ${out}\n`);
  return 0;
}

async function measure(sweep: Sweep, quick: boolean): Promise<Plot> {
  const scenario = SCENARIOS[sweep.scenario];
  if (scenario === undefined) throw new Error(`no scenario is called ${sweep.scenario}`);
  const points: [number, number][] = [];
  for (const at of quick ? sweep.at.slice(0, 2) : sweep.at) {
    process.stderr.write(`[bench] ${sweep.title}: ${at}\n`);
    const figures = await runOnce(scenario, "meshbridge", sweep.options(at));
    points.push([at, sweep.value?.(figures, at) ?? figures[sweep.figure] ?? Number.NaN]);
  }
  return { title: sweep.title, x: sweep.x, y: sweep.figure, points };
}
