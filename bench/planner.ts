/**
 * How fast the deployment planner decides, and whether its answers hold: replicas of a thousand clusters, a thousand
 * placements over a thousand clusters, and random requests checked for every invariant. Pure computation, no servers.
 */
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import Table from "cli-table3";
import fc from "fast-check";
import type { JsonObject } from "../deploy/json/value.ts";
import { type ClusterView, sortFleet } from "../deploy/placement/fleet.ts";
import { place } from "../deploy/placement/place.ts";
import { decideWanted } from "../deploy/plan/decide.ts";
import { fieldManager, marked } from "../deploy/plan/ownership.ts";
import { applied } from "../deploy/plan/testing.ts";
import { divideReplicas } from "../deploy/replicas/divide.ts";
import { anyRequest, checkInvariants } from "../deploy/replicas/invariants.ts";

const CLUSTERS = 1000;
const OBJECTS = 5000;
const REPLICAS = 100_000;
const MAX_CASES = 10_000_000;
const HELP = `usage: npm run bench -- planner [options]
  --cases 100000   random requests checked for every invariant, at most ${MAX_CASES}; 0 leaves them out
`;

/** Runs the benchmark with command line arguments; resolves to the exit code: 1 when a goal is missed. */
export async function run(args: readonly string[]): Promise<number> {
  const cases = parse(args);
  if (cases === undefined) {
    process.stderr.write(HELP);
    return 2;
  }
  const rows: (readonly [what: string, took: string, goal: string, met: boolean])[] = [];
  for (const by of ["weight", "capacity", "aggregated"] as const) {
    const took = median(21, () => divideLarge(by));
    rows.push([`${CLUSTERS} clusters x ${REPLICAS} replicas, by ${by}`, `${took.toFixed(1)} ms`, "< 50 ms", took < 50]);
  }
  const placing = median(3, placeMany);
  rows.push([`${CLUSTERS} clusters x 1000 placements`, `${placing.toFixed(0)} ms`, "< 2000 ms", placing < 2000]);
  const diffing = median(3, diffMany);
  const perSecond = Math.round((OBJECTS * 1000) / diffing);
  rows.push([`${OBJECTS} objects diffed with their owners`, `${perSecond} objects/s`, ">= 1000 objects/s", perSecond >= 1000]);
  if (cases > 0) {
    const started = performance.now();
    fc.assert(fc.property(anyRequest, checkInvariants), { numRuns: cases });
    rows.push([
      `${cases} random requests`,
      `${((performance.now() - started) / 1000).toFixed(1)} s`,
      "0 broken invariants",
      true,
    ]);
  }
  const table = new Table({ head: ["what", "result", "goal", "met"], style: { head: [], border: [] } });
  for (const [what, took, goal, met] of rows) table.push([what, took, goal, met ? "yes" : "NO"]);
  process.stdout.write(`${cpus().length} x ${cpus()[0]?.model ?? "CPU"}, Node ${process.version}\n${table.toString()}\n`);
  return rows.every(([, , , met]) => met) ? 0 : 1;
}

function parse(args: readonly string[]): number | undefined {
  try {
    const { values } = parseArgs({ args: [...args], options: { cases: { type: "string", default: "100000" } } });
    const cases = Number(values.cases);
    return Number.isInteger(cases) && cases >= 0 && cases <= MAX_CASES ? cases : undefined;
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    return undefined;
  }
}

/** Median time of so many runs, in ms. */
function median(runs: number, work: () => void): number {
  const times: number[] = [];
  for (let index = 0; index < runs; index++) {
    const started = performance.now();
    work();
    times.push(performance.now() - started);
  }
  return times.sort((a, b) => a - b)[runs >> 1] ?? 0;
}

const NAMES = Array.from({ length: CLUSTERS }, (_, index) => `cluster-${index}`);
const CAPACITY = new Map(NAMES.map((name, index) => [name, 100 + ((index * 7919) % 400)]));
const RUNNING = new Map(NAMES.map((name, index) => [name, (index * 31) % 90]));

function divideLarge(by: "weight" | "capacity" | "aggregated"): void {
  const preferences = Object.fromEntries(NAMES.map((name, index) => [name, { weight: 1 + (index % 97), min: index % 3 }]));
  const base = { clusters: NAMES, capacity: CAPACITY, key: "shop/web" };
  for (const current of [new Map<string, number>(), RUNNING])
    divideReplicas({
      ...base,
      current,
      replicas: { total: REPLICAS, mode: "divided", by, preferences, when: { rebalance: "converge", maxMove: 100 } },
    });
}

const FLEET = sortFleet(
  NAMES.map(
    (name, index): ClusterView => ({
      name,
      labels: new Map([
        ["env", index % 3 === 0 ? "prod" : "test"],
        ["tier", String(index % 10)],
      ]),
      region: `region-${index % 12}`,
      zone: undefined,
      provider: undefined,
      unschedulable: index % 50 === 0,
      taints: index % 20 === 0 ? [{ key: "gpu", effect: "NoSchedule" }] : [],
      health: "ready",
    }),
  ),
);

function placeMany(): void {
  for (let index = 0; index < 1000; index++)
    place({
      placement: {
        clusterSelector: { matchExpressions: [{ key: "tier", operator: "Gt", values: [String(index % 5)] }] },
        groups: [],
        tolerations: index % 2 === 0 ? [{ key: "gpu", operator: "Exists" }] : [],
        spread: { by: "region", minGroups: 2, maxGroups: 6 },
      },
      fleet: FLEET,
      current: new Set(NAMES.slice(0, index % 100)),
      capacity: CAPACITY,
      need: 100,
      now: 0,
    });
}

function deployment(index: number, replicas: number): JsonObject {
  const env = Array.from({ length: 10 }, (_, item) => ({ name: `VARIABLE_${item}`, value: `value-${item}` }));
  const containers = ["web", "log", "proxy"].map((name) => ({
    name,
    image: `example.com/shop/${name}:1`,
    env,
    ports: [{ containerPort: 80 }],
  }));
  const metadata = { name: `web-${index}`, namespace: "shop", labels: { app: "web" } };
  return marked(
    { apiVersion: "apps/v1", kind: "Deployment", metadata, spec: { replicas, template: { spec: { containers } } } },
    "shop/web",
    "r1",
  );
}

const LIVE = Array.from({ length: OBJECTS }, (_, index) => applied(undefined, deployment(index, 3), fieldManager("shop/web")));

function diffMany(): void {
  for (const [index, live] of LIVE.entries())
    decideWanted(deployment(index, 3 + (index % 2)), live, {
      cluster: "cluster-0",
      workload: "shop/web",
      policy: {
        whenAlreadyExists: "Fail",
        whenDrifted: "Correct",
        whenDeleted: "CleanUp",
        ignoreFields: [],
        dependencies: "Ignore",
      },
    });
}
