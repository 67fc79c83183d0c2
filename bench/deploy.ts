/**
 * How a fleet is kept: what a restarted controller does to what is as it should be, how long a change takes to reach every
 * cluster, how fast is planned, and what is kept in memory. Real API servers beside simulated ones.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import Table from "cli-table3";
import { type Brought, createTestController } from "../test/support/deploy-controller.ts";
import { startKubernetes } from "../test/support/kubernetes.ts";
import { connectBench } from "./support/deploy-connect.ts";
import { benchWorkload } from "./support/deploy-data.ts";
import type { FleetOrder, FleetReply, TrackOrder, TrackReply } from "./support/deploy-protocol.ts";

const HELP = `usage: npm run bench -- deploy [options]
  --real 3            real API servers, at most 5
  --simulated 50      simulated ones, at most 200
  --workloads 48      workloads of two objects, each in every cluster
  --changes 20        changes that are measured
  --tracked 100000    objects for the memory rows; 0 leaves them out
`;
const TRACKING_SERVERS = 10;

interface Options {
  readonly real: number;
  readonly simulated: number;
  readonly workloads: number;
  readonly changes: number;
  readonly tracked: number;
}
type Row = readonly [what: string, result: string, goal: string, met: boolean];

/** Runs the benchmark with command line arguments; resolves to the exit code: 1 when a goal is missed. */
export async function run(args: readonly string[]): Promise<number> {
  const options = parse(args);
  if (options === undefined) {
    process.stderr.write(HELP);
    return 2;
  }
  const rows = [...(await fleetRows(options)), ...(options.tracked > 0 ? await memoryRows(options.tracked) : [])];
  const table = new Table({ head: ["what", "result", "goal", "met"], style: { head: [], border: [] } });
  for (const [what, result, goal, met] of rows) table.push([what, result, goal, goal === "" ? "" : met ? "yes" : "NO"]);
  process.stdout.write(`${cpus().length} x ${cpus()[0]?.model ?? "CPU"}, Node ${process.version}\n${table.toString()}\n`);
  return rows.every(([, , , met]) => met) ? 0 : 1;
}

function parse(args: readonly string[]): Options | undefined {
  const text = { type: "string" } as const;
  const limits = {
    real: [3, 5],
    simulated: [50, 200],
    workloads: [48, 500],
    changes: [20, 200],
    tracked: [100_000, 500_000],
  } as const;
  try {
    const { values } = parseArgs({
      args: [...args],
      options: { real: text, simulated: text, workloads: text, changes: text, tracked: text },
    });
    const read = (name: keyof typeof limits) => {
      const [standard, most] = limits[name];
      const value = Number(values[name] ?? standard);
      if (!Number.isInteger(value) || value < 0 || value > most) throw new Error(`--${name} takes a whole number up to ${most}`);
      return value;
    };
    return {
      real: read("real"),
      simulated: read("simulated"),
      workloads: read("workloads"),
      changes: read("changes"),
      tracked: read("tracked"),
    };
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    return undefined;
  }
}

async function fleetRows({ real, simulated, workloads, changes }: Options): Promise<readonly Row[]> {
  await using scope = new AsyncDisposableStack();
  const child = startChild("fake-fleet-main.ts", scope);
  const { urls } = await ask<{ urls: readonly string[] }>(child, { type: "start", servers: simulated, objects: 0 });
  const realNames = Array.from({ length: real }, (_, index) => `real-${index}`);
  const clusters = real === 0 ? [] : (await startKubernetes({ clusters: realNames }, scope)).clusters;
  for (const { api } of clusters) await api.apply({ apiVersion: "v1", kind: "Namespace", metadata: { name: "bench" } });
  const places: Places = [
    ...urls.map((url, index) => [`sim-${index}`, { url }] as const),
    ...clusters.map((cluster) => [cluster.name, { kubeconfig: cluster.kubeconfig("admin") }] as const),
  ];
  const names = Array.from({ length: workloads }, (_, index) => `web-${index}`);
  const open = () => openController(places, scope);

  const first = await open();
  const filling = await timed(async () => {
    for (const name of names) await first.bringAll(benchWorkload(name, "1"));
  });
  const objects = first.writes;
  const expected = workloads * 2 * places.length;
  if (objects !== expected) throw new Error(`${objects} of ${expected} objects were written`);
  first.close();

  const restarted = await open();
  let planned = 0;
  const restart = await timed(async () => {
    for (const name of names) planned += (await restarted.bringAll(benchWorkload(name, "1"))).outcomes.length;
  });
  const before = restarted.writes;
  const planning = await timed(async () => {
    for (const name of names) {
      const workload = restarted.read(benchWorkload(name, "1"));
      restarted.plan(workload, await restarted.observe(workload));
    }
  });

  const times: number[] = [];
  for (let change = 0; change < changes; change++) {
    const { took } = await restarted.bringAll(benchWorkload(names[change % names.length] ?? "web-0", `${change + 2}`));
    if (took.size !== places.length) throw new Error(`a change reached ${took.size} of ${places.length} clusters`);
    times.push(...took.values());
  }
  restarted.close();
  const p = (share: number) => times.toSorted((a, b) => a - b)[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0;
  const perSecond = Math.round((planned * 1000) / planning);
  const where = `${real} real and ${simulated} simulated API servers`;
  return [
    [`${objects} objects written afresh to ${where}`, `${(filling / 1000).toFixed(1)} s`, "", true],
    [
      `restart with ${planned} synced objects: until all are planned`,
      `${(restart / 1000).toFixed(1)} s`,
      "< 30 s",
      restart < 30_000,
    ],
    ["writes after the restart", String(before), "0", before === 0],
    [`observed, planned and diffed from the caches`, `${perSecond} objects/s`, ">= 1000 objects/s", perSecond >= 1000],
    [`a change in ${where}: p50, until written`, `${p(0.5).toFixed(0)} ms`, "", true],
    ["the same: p99", `${p(0.99).toFixed(0)} ms`, "<= 1000 ms", p(0.99) <= 1000],
  ];
}

type Places = readonly (readonly [name: string, given: { readonly url: string } | { readonly kubeconfig: string }])[];

/** A controller as it is after a start: new connections, empty caches. */
async function openController(places: Places, scope: AsyncDisposableStack) {
  const clients = new Map(
    await Promise.all(places.map(async ([name, given]) => [name, await connectBench(name, given)] as const)),
  );
  const controller = createTestController(clients);
  let writes = 0;
  controller.onWrite(() => writes++);
  const close = () => {
    controller.close();
    for (const client of clients.values()) client.close();
  };
  scope.defer(close);
  return {
    ...controller,
    close,
    get writes() {
      return writes;
    },
    /** Rejects when anything was not done. */
    async bringAll(text: string): Promise<Brought> {
      const brought = await controller.bring(text);
      const bad = brought.outcomes.find(({ result }) => result !== "done" && result !== "unchanged");
      if (bad !== undefined) throw new Error(`${bad.action.cluster}: ${bad.message}`);
      return brought;
    },
  };
}

/** Whole objects, and metadata alone, each in a process of its own. */
async function memoryRows(tracked: number): Promise<readonly Row[]> {
  const rows: Row[] = [];
  await using scope = new AsyncDisposableStack();
  const child = startChild("fake-fleet-main.ts", scope);
  const each = Math.ceil(tracked / TRACKING_SERVERS);
  const { urls } = await ask<{ urls: readonly string[] }>(child, { type: "start", servers: TRACKING_SERVERS, objects: each });
  for (const whole of [true, false]) {
    const tracker = startChild("track-main.ts", scope);
    const order: TrackOrder = { urls, objects: each * TRACKING_SERVERS, whole };
    const { seconds, rssMiB, heapMiB } = await ask<TrackReply>(tracker, order);
    const what = `${order.objects} objects tracked, ${whole ? "whole" : "metadata alone"}`;
    const result = `${rssMiB.toFixed(0)} MiB RSS, ${heapMiB.toFixed(0)} MiB heap, read in ${seconds.toFixed(0)} s`;
    rows.push([what, result, "<= 1024 MiB RSS", rssMiB <= 1024]);
  }
  return rows;
}

function startChild(file: string, scope: AsyncDisposableStack): ChildProcess {
  const child = fork(new URL(`./support/${file}`, import.meta.url), { execArgv: ["--expose-gc"] });
  scope.defer(() => void child.kill("SIGKILL"));
  return child;
}

async function ask<T extends FleetReply | TrackReply>(child: ChildProcess, order: FleetOrder | TrackOrder): Promise<T> {
  child.send(order);
  const ended = once(child, "exit").then(([code]) =>
    Promise.reject(new Error(`a process of the benchmark ended with ${String(code)}`)),
  );
  const [reply] = (await Promise.race([once(child, "message"), ended])) as [T];
  // It may end when it has answered.
  ended.catch(() => undefined);
  return reply;
}

async function timed(work: () => Promise<void>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}
