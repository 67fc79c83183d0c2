/**
 * How long a change in a registry takes until every connected proxy has acknowledged it, what that costs, and how long a
 * large catalog takes to load. Loopback only; bounded in streams, changes and time. See README.md.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import Table from "cli-table3";
import { requireServers } from "../test/support/require-server.ts";
import { shown } from "./support/figures.ts";
import { type ChangeResult, measureChanges } from "./support/measure-changes.ts";
import { measureScale, type ScaleResult } from "./support/measure-scale.ts";

const RESULTS = fileURLToPath(new URL("./results/", import.meta.url));
const MAX_STREAMS = 5000;
const MAX_CHANGES = 500;

const HELP = `usage: npm run bench -- propagation [options]
  --registries file,consul   which registries (default: both; Consul only where it is installed)
  --streams 1,100,1000       numbers of delta ADS streams, each at most ${MAX_STREAMS}
  --changes 30               changes measured for each, at most ${MAX_CHANGES}
  --scale 10000x10           services x instances of the start-up measurement; 0 leaves it out
`;

interface Options {
  readonly registries: readonly ("file" | "consul")[];
  readonly streams: readonly number[];
  readonly changes: number;
  readonly scale: { readonly services: number; readonly instances: number } | undefined;
}

/** Runs the benchmark with command line arguments; resolves to the exit code. */
export async function run(args: readonly string[]): Promise<number> {
  const options = parse(args);
  if (options === undefined) {
    process.stderr.write(HELP);
    return 2;
  }
  const changes: ChangeResult[] = [];
  const scales: ScaleResult[] = [];
  for (const registry of options.registries) {
    for (const streams of options.streams) {
      process.stderr.write(`[bench] ${registry}: ${options.changes} changes, ${streams} streams …\n`);
      changes.push(await measureChanges({ registry, streams, changes: options.changes }));
    }
  }
  if (options.scale !== undefined) {
    for (const registry of options.registries) {
      process.stderr.write(`[bench] ${registry}: start with ${options.scale.services} x ${options.scale.instances} …\n`);
      scales.push(await measureScale({ registry, ...options.scale }));
    }
  }
  process.stdout.write(`${machine()}\n`);
  if (changes.length > 0)
    process.stdout.write(`\nChange in the registry → acknowledged by all streams\n${changeTable(changes)}\n`);
  if (scales.length > 0) process.stdout.write(`\nStart with a full registry\n${scaleTable(scales)}\n`);
  process.stdout.write(`\nwritten: ${await save({ machine: machine(), options, changes, scales })}\n`);
  return changes.some(({ strays }) => strays > 0) ? 1 : 0;
}

function parse(args: readonly string[]): Options | undefined {
  const text = { type: "string" } as const;
  const { values } = parseArgs({ args: [...args], options: { registries: text, streams: text, changes: text, scale: text } });
  const registries = (values.registries ?? "file,consul").split(",");
  const streams = (values.streams ?? "1,100,1000").split(",").map(Number);
  const changes = Number(values.changes ?? "30");
  const [services = Number.NaN, instances = 0] = (values.scale ?? "10000x10").split("x").map(Number);
  const known = registries.filter((name) => name === "file" || name === "consul");
  if (known.length !== registries.length || !streams.every((count) => within(count, MAX_STREAMS))) return undefined;
  if (!within(changes, MAX_CHANGES) || (services !== 0 && !(within(services, 100_000) && within(instances, 1000))))
    return undefined;
  const consulIsHere = !known.includes("consul") || requireServers("consul").skip === false;
  return {
    registries: consulIsHere ? known : known.filter((name) => name !== "consul"),
    streams,
    changes,
    scale: services === 0 ? undefined : { services, instances },
  };
}

function within(value: number, max: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= max;
}

function changeTable(results: readonly ChangeResult[]): string {
  const head = [
    "registry",
    "streams",
    "p50 ms",
    "p99 ms",
    "max ms",
    "CPU µs/push",
    "bytes/push",
    "input p50 ms",
    "strays",
    "generator busy",
  ];
  const table = new Table({ head, style: { head: [], border: [] } });
  for (const result of results) {
    const { registry, streams, p50Ms, p99Ms, maxMs, cpuMicrosPerPush, bytesPerPush, inputP50Ms, strays, generatorBusy } = result;
    const busy = `${Math.round(generatorBusy * 100)} %${generatorBusy > 0.85 ? " (void)" : ""}`;
    const figures = [p50Ms, p99Ms, maxMs, cpuMicrosPerPush, bytesPerPush, inputP50Ms].map(shown);
    table.push([registry, streams, ...figures, strays, busy]);
  }
  return table.toString();
}

function scaleTable(results: readonly ScaleResult[]): string {
  const head = ["registry", "services", "instances", "ready s", "CPU s", "RSS MiB", "peak MiB", "first client s", "its MiB"];
  const table = new Table({ head, style: { head: [], border: [] } });
  for (const { registry, services, instances, ...figures } of results) {
    const { readyMs, cpuMicros, rssMiB, peakMiB, firstClientMs, firstClientBytes } = figures;
    const numbers = [readyMs / 1000, cpuMicros / 1e6, rssMiB, peakMiB, firstClientMs / 1000, firstClientBytes / 2 ** 20];
    table.push([registry, services, instances, ...numbers.map(shown)]);
  }
  return table.toString();
}

function machine(): string {
  const model = cpus()[0]?.model ?? "unknown";
  return `Node ${process.version}, ${process.platform} ${process.arch}, ${cpus().length} x ${model}`;
}

async function save(result: object): Promise<string> {
  await mkdir(RESULTS, { recursive: true });
  const at = new Date().toISOString();
  const path = `${RESULTS}propagation-${at.replace(/[:.]/g, "-")}.json`;
  await writeFile(path, `${JSON.stringify({ at, ...result }, undefined, 2)}\n`);
  return path;
}
