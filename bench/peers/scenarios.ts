/** What is measured. Every run ends with the gate: each client holds exactly what was set. */
import { setTimeout as sleep } from "node:timers/promises";
import { percentile } from "../support/figures.ts";
import { cpuMicros, memoryOf } from "../support/usage.ts";
import { checkHeld, type FleetSize, type FleetState, newFleet } from "./fleet.ts";
import { type Generator, startGenerator } from "./generator.ts";
import { SERVERS, type Server, type ServerName } from "./servers.ts";

/** Name with unit → value. */
export type Figures = Readonly<Record<string, number>>;

export interface ScenarioOptions {
  readonly clients: number;
  readonly fleet: FleetSize;
  /** Changes, where there are some: one after the other, or a second for as long as `seconds`. */
  readonly changes: number;
  readonly seconds: number;
}

export interface Scenario {
  readonly title: string;
  readonly defaults: ScenarioOptions;
  /** Whether clients ask for the endpoints of their clusters. */
  readonly follow: boolean;
  /** Servers that it is too large for, unless they are named. */
  readonly without?: readonly ServerName[];
  run(bench: Bench, options: ScenarioOptions): Promise<Figures>;
}

export interface Bench {
  readonly server: Server;
  readonly generator: Generator;
  readonly fleet: FleetState;
  readonly loadMs: number;
  readonly follow: boolean;
}

/** Starts server and generator afresh, gives the server its fleet, and runs the scenario once. */
export async function runOnce(scenario: Scenario, name: ServerName, options: ScenarioOptions): Promise<Figures> {
  await using scope = new AsyncDisposableStack();
  const server = await SERVERS[name](scope, options.clients);
  const fleet = newFleet(options.fleet);
  const loadMs = await server.load(fleet);
  const generator = await startGenerator(scope);
  return await scenario.run({ server, generator, fleet, loadMs, follow: scenario.follow }, options);
}

async function connect({ server, generator, follow }: Bench, { clients }: ScenarioOptions) {
  const nodes = Array.from({ length: clients }, (_, index) => server.node(index));
  const cpu = await cpuMicros(server.pid);
  const settled = await generator.open(server.port, nodes, follow);
  return { ...settled, cpuMs: ((await cpuMicros(server.pid)) - cpu) / 1000 };
}

/** What is under way when the changes end may take so long to arrive. */
const CONVERGE_MS = 20_000;

/** Resolves with the ms until all clients held what was set; throws when that takes too long. */
async function gate({ generator, fleet, follow }: Bench): Promise<number> {
  const started = performance.now();
  for (;;) {
    try {
      checkHeld(fleet, await generator.held(), follow);
      return performance.now() - started;
    } catch (error) {
      if (performance.now() - started > CONVERGE_MS) throw error;
      await sleep(500);
    }
  }
}

const storm: Scenario["run"] = async (bench, options) => {
  const { ms, firstMs, cpuMs, bytes, messages, retries, busy } = await connect(bench, options);
  await gate(bench);
  const { rssMiB } = await memoryOf(bench.server.pid);
  return {
    "all configured ms": ms,
    "first config p50 ms": percentile(firstMs, 0.5),
    "first config p99 ms": percentile(firstMs, 0.99),
    "CPU ms": cpuMs,
    "MiB sent": bytes / 2 ** 20,
    messages,
    refused: retries,
    "RSS MiB": rssMiB,
    "generator busy": busy,
  };
};

/** Changes one after the other; the next one once all clients have acknowledged it. */
async function changeEach(bench: Bench, options: ScenarioOptions, kind: "eds" | "cds"): Promise<Figures> {
  const { server, generator, fleet } = bench;
  const latencies: number[] = [];
  const total = { bytes: 0, messages: 0, strays: 0, cpu: 0, busy: 0 };
  for (let change = -WARM_UP; change < options.changes; change++) {
    const service = (change + WARM_UP) % fleet.services;
    const value = FIRST_VALUE + WARM_UP + change;
    await sleep(100);
    const { round } = await generator.expect(kind, service, value);
    const cpu = await cpuMicros(server.pid);
    const at = process.hrtime.bigint();
    (kind === "eds" ? fleet.weights : fleet.timeouts)[service] = value;
    if (kind === "eds") server.flip(fleet, service);
    else server.cluster(fleet, service);
    const { ackedNs, bytes, messages, strays, busy } = await round;
    if (change < 0) continue;
    total.cpu += (await cpuMicros(server.pid)) - cpu;
    total.bytes += bytes;
    total.messages += messages;
    total.strays += strays;
    total.busy = Math.max(total.busy, busy);
    latencies.push(Math.max(...ackedNs.map((ns) => (ns - Number(at)) / 1e6)));
  }
  // What came after the last ACK belongs to the last change: a stray there would otherwise go unseen.
  await sleep(200);
  await gate(bench);
  const pushes = options.changes * options.clients;
  return {
    "to last ACK p50 ms": percentile(latencies, 0.5),
    "to last ACK p99 ms": percentile(latencies, 0.99),
    "to last ACK max ms": percentile(latencies, 1),
    "CPU µs a push": total.cpu / pushes,
    "bytes a push": total.bytes / pushes,
    "messages a push": total.messages / pushes,
    strays: total.strays,
    "RSS MiB": (await memoryOf(server.pid)).rssMiB,
    "generator busy": total.busy,
  };
}

const WARM_UP = 5;
/** Weights and ms that nothing has at the start. Consul sends no weight above 128, so they begin low. */
const FIRST_VALUE = 2;

const each =
  (kind: "eds" | "cds"): Scenario["run"] =>
  async (bench, options) => {
    await connect(bench, options);
    return changeEach(bench, options, kind);
  };

const steady: Scenario["run"] = async (bench, options) => {
  const { server, generator, fleet } = bench;
  await connect(bench, options);
  const { rssMiB: before } = await memoryOf(server.pid);
  const sinceNs = process.hrtime.bigint() - 1_000_000_000n;
  await generator.watch(sinceNs);
  const cpu = await cpuMicros(server.pid);
  const weights = await server.steady({ rate: options.changes, seconds: options.seconds, sinceNs });
  const cpuUsed = (await cpuMicros(server.pid)) - cpu;
  await sleep(1000);
  const report = await generator.report();
  fleet.weights.splice(0, fleet.weights.length, ...weights);
  const behindMs = await gate(bench);
  const { rssMiB: after } = await memoryOf(server.pid);
  return {
    "staleness p50 ms": report.p50Ms,
    "staleness p99 ms": report.p99Ms,
    "staleness max ms": report.maxMs,
    cores: cpuUsed / 1e6 / options.seconds,
    "messages/s": report.messages / options.seconds,
    "MiB/s": report.bytes / 2 ** 20 / options.seconds,
    "RSS before MiB": before,
    "RSS after MiB": after,
    "converged s after": 1 + behindMs / 1000,
    "generator busy": report.busy,
  };
};

/** The same load twice: with everybody reading, and with one client that has stopped. */
const slow: Scenario["run"] = async (bench, options) => {
  const { server, generator, fleet } = bench;
  await connect(bench, options);
  const load = async () => {
    const sinceNs = process.hrtime.bigint() - 1_000_000_000n;
    await generator.watch(sinceNs);
    const weights = await server.steady({ rate: options.changes, seconds: options.seconds, sinceNs });
    fleet.weights.splice(0, fleet.weights.length, ...weights);
    await sleep(1000);
    return generator.report();
  };
  await load();
  const { rssMiB: before } = await memoryOf(server.pid);
  const alike = await load();
  const { rssMiB: between } = await memoryOf(server.pid);
  const { dropped } = await generator.stall();
  const stalled = await load();
  const { rssMiB: after } = await memoryOf(server.pid);
  const droppedMs = await dropped;
  await gate(bench);
  return {
    "p99 ms": alike.p99Ms,
    "p99 with it ms": stalled.p99Ms,
    "others' p99 %": (stalled.p99Ms / alike.p99Ms - 1) * 100,
    "RSS growth MiB": between - before,
    "RSS growth with it MiB": after - between,
    "closed after s": droppedMs / 1000,
    "generator busy": Math.max(alike.busy, stalled.busy),
  };
};

const reconnect: Scenario["run"] = async (bench, options) => {
  const { server, generator } = bench;
  await connect(bench, options);
  await generator.close();
  await sleep(1000);
  const cpu = await cpuMicros(server.pid);
  const again = await generator.reopen(server.port);
  const cpuUsed = (await cpuMicros(server.pid)) - cpu;
  await gate(bench);
  return {
    "all back ms": again.ms,
    "CPU ms a client": cpuUsed / 1000 / options.clients,
    "bytes a client": again.bytes / options.clients,
    "messages a client": again.messages / options.clients,
    "RSS MiB": (await memoryOf(server.pid)).rssMiB,
    "generator busy": again.busy,
  };
};

const memory: Scenario["run"] = async (bench, options) => {
  const { server } = bench;
  const { rssMiB: loaded } = await memoryOf(server.pid);
  if (options.clients > 0) {
    await connect(bench, options);
    await gate(bench);
  }
  await sleep(5000);
  const { rssMiB, peakMiB } = await memoryOf(server.pid);
  return { "load ms": bench.loadMs, "RSS loaded MiB": loaded, "RSS with clients MiB": rssMiB, "peak MiB": peakMiB };
};

const ISTIOD: readonly ServerName[] = ["istiod default", "istiod tuned"];
/** It keeps a watch for each proxy and upstream: 1,000 proxies of 10 are 2 GB, those of 100 more than most machines have. */
const CONSUL: readonly ServerName[] = ["Consul default", "Consul tuned"];

export const SCENARIOS: Readonly<Record<string, Scenario>> = {
  storm: {
    title: "1,000 clients connect at once: 100 clusters with their endpoints each",
    defaults: { clients: 1000, fleet: { services: 100, instances: 10 }, changes: 0, seconds: 0 },
    follow: true,
    without: CONSUL,
    run: storm,
  },
  flip: {
    title: "One endpoint changes for 1,000 clients that asked for it by name",
    defaults: { clients: 1000, fleet: { services: 100, instances: 10 }, changes: 30, seconds: 0 },
    follow: true,
    without: CONSUL,
    run: each("eds"),
  },
  upstreams: {
    title: "One endpoint changes for 1,000 proxies that have its service among 10 upstreams",
    defaults: { clients: 1000, fleet: { services: 10, instances: 10 }, changes: 15, seconds: 0 },
    follow: true,
    run: each("eds"),
  },
  cluster: {
    title: "One of 10,000 clusters changes for 1,000 wildcard clients",
    // Writing 20,000 objects through their kube-apiserver takes longer than the whole scenario.
    without: [...ISTIOD, ...CONSUL],
    defaults: { clients: 1000, fleet: { services: 10_000, instances: 1 }, changes: 10, seconds: 0 },
    follow: false,
    run: each("cds"),
  },
  large: {
    title: "10,000 services of 10 endpoints to 100 new clients",
    // Writing 20,000 objects through their kube-apiserver takes longer than the whole scenario.
    without: [...ISTIOD, ...CONSUL],
    defaults: { clients: 100, fleet: { services: 10_000, instances: 10 }, changes: 0, seconds: 0 },
    follow: true,
    run: storm,
  },
  steady: {
    title: "1,000 changes a second for 200 clients that want them all",
    // Their kube-apiserver takes some 100 changes a second on two cores.
    without: [...ISTIOD, ...CONSUL],
    defaults: { clients: 200, fleet: { services: 1000, instances: 10 }, changes: 1000, seconds: 20 },
    follow: true,
    run: steady,
  },
  slow: {
    title: "One of 500 clients stops reading while 100 changes a second go to all",
    defaults: { clients: 500, fleet: { services: 200, instances: 10 }, changes: 100, seconds: 35 },
    follow: true,
    without: [...ISTIOD, ...CONSUL],
    run: slow,
  },
  reconnect: {
    title: "1,000 clients come back with what they hold, and nothing has changed",
    defaults: { clients: 1000, fleet: { services: 1000, instances: 10 }, changes: 0, seconds: 0 },
    follow: true,
    without: CONSUL,
    run: reconnect,
  },
  memory: {
    title: "10,000 services of 10 endpoints and 1,000 idle clients",
    // Writing 20,000 objects through their kube-apiserver takes longer than the whole scenario.
    without: [...ISTIOD, ...CONSUL],
    defaults: { clients: 1000, fleet: { services: 10_000, instances: 10 }, changes: 0, seconds: 0 },
    follow: false,
    run: memory,
  },
};
