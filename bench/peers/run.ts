/**
 * `npm run bench -- peers [scenario…]`: the bridge's xDS server beside those that people would use instead; same
 * content, same load generator, one server at a time. See ../README.md.
 */
import { execFileSync } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { reasonOf } from "../../src/kernel/errors.ts";
import { type Row, tableOf } from "./report.ts";
import { type Figures, runOnce, SCENARIOS, type Scenario, type ScenarioOptions } from "./scenarios.ts";
import { REFERENCES, SERVERS, type ServerName } from "./servers.ts";

const RESULTS = fileURLToPath(new URL("../results/", import.meta.url));
const SERVER_NAMES = Object.keys(SERVERS) as ServerName[];

const HELP = `usage: npm run bench -- peers [scenario…] [options]
scenarios (default: all): ${Object.keys(SCENARIOS).join(", ")}
  --runs 5            of each scenario and server
  --servers a,b       of: ${SERVER_NAMES.join(", ")}
  --clients N --services N --instances N --changes N --seconds N   in place of the scenario's own
`;

interface Options {
  readonly scenarios: readonly string[];
  readonly servers: readonly ServerName[];
  /** They were asked for: none is left out of a scenario that is too large for it by default. */
  readonly named: boolean;
  readonly runs: number;
  readonly sizes: Readonly<Record<"clients" | "services" | "instances" | "changes" | "seconds", number | undefined>>;
}

/** Runs the benchmark with command line arguments; resolves to the exit code. */
export async function run(args: readonly string[]): Promise<number> {
  const options = parse(args);
  if (options === undefined) {
    process.stderr.write(HELP);
    return 2;
  }
  const results = [];
  let failures = 0;
  for (const name of options.scenarios) {
    const scenario = SCENARIOS[name];
    if (scenario === undefined) continue;
    const sized = sizesOf(scenario, options.sizes);
    const rows: Row[] = [];
    for (const server of options.servers.filter((one) => options.named || !scenario.without?.includes(one))) {
      const row = await runsOf(scenario, server, sized, options.runs);
      if (row.failure !== undefined) failures++;
      rows.push(row);
    }
    process.stdout.write(`\n${scenario.title} (${sizeText(sized)})\n\n${tableOf(rows)}\n`);
    results.push({ scenario: name, title: scenario.title, options: sized, rows });
  }
  process.stdout.write(`\n${machine()}\nwritten: ${await save({ machine: machine(), runs: options.runs, results })}\n`);
  return failures > 0 ? 1 : 0;
}

async function runsOf(scenario: Scenario, server: ServerName, options: ScenarioOptions, count: number): Promise<Row> {
  const runs: Figures[] = [];
  for (let i = 0; i < count; i++) {
    process.stderr.write(`[bench] ${server}: run ${i + 1} of ${count}\n`);
    try {
      runs.push(await runOnce(scenario, server, options));
    } catch (error) {
      process.stderr.write(`[bench] ${server}: ${reasonOf(error)}\n`);
      return { server, runs, failure: reasonOf(error) };
    }
  }
  return { server, runs };
}

function parse(args: readonly string[]): Options | undefined {
  const text = { type: "string" } as const;
  const sizes = { clients: text, services: text, instances: text, changes: text, seconds: text };
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { ...sizes, runs: text, servers: text },
  });
  const scenarios = positionals.length === 0 ? Object.keys(SCENARIOS) : positionals;
  const servers =
    values.servers === undefined
      ? SERVER_NAMES.filter((name) => !REFERENCES.includes(name))
      : SERVER_NAMES.filter((name) => values.servers?.split(",").includes(name));
  const number = (given: string | undefined) => (given === undefined ? undefined : Number(given));
  const { clients, services, instances, changes, seconds } = values;
  const given = [clients, services, instances, changes, seconds, values.runs].map(number);
  if (given.some((value) => value !== undefined && !(Number.isInteger(value) && value >= 0 && value <= 200_000)))
    return undefined;
  if (servers.length === 0 || !scenarios.every((name) => Object.hasOwn(SCENARIOS, name))) return undefined;
  const [c, s, i, n, t, runs = 5] = given;
  return {
    scenarios,
    servers,
    named: values.servers !== undefined,
    runs,
    sizes: { clients: c, services: s, instances: i, changes: n, seconds: t },
  };
}

function sizesOf({ defaults }: Scenario, sizes: Options["sizes"]): ScenarioOptions {
  return {
    clients: sizes.clients ?? defaults.clients,
    fleet: { services: sizes.services ?? defaults.fleet.services, instances: sizes.instances ?? defaults.fleet.instances },
    changes: sizes.changes ?? defaults.changes,
    seconds: sizes.seconds ?? defaults.seconds,
  };
}

function sizeText({ clients, fleet, changes, seconds }: ScenarioOptions): string {
  const parts = [`${clients} clients`, `${fleet.services} services of ${fleet.instances}`];
  if (changes > 0) parts.push(`${changes} changes${seconds > 0 ? `/s for ${seconds} s` : ""}`);
  return parts.join(", ");
}

function machine(): string {
  const commit = execFileSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8" }).trim();
  return `Node ${process.version}, ${process.platform} ${process.arch}, ${cpus().length} x ${cpus()[0]?.model ?? "unknown"}, commit ${commit}`;
}

async function save(result: object): Promise<string> {
  await mkdir(RESULTS, { recursive: true });
  const at = new Date().toISOString();
  const path = `${RESULTS}peers-${at.replace(/[:.]/g, "-")}.json`;
  await writeFile(path, `${JSON.stringify({ at, ...result }, undefined, 2)}\n`);
  return path;
}
