/** `npm run bench -- registrations`: what the sidecars of many Pods put on registries, idle and over a restart that loses everything. */
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import Table from "cli-table3";
import { writers } from "../adapters/writers.ts";
import { systemClock } from "../src/kernel/clock.ts";
import { silentLog } from "../src/kernel/log.ts";
import type { Registration } from "../src/sidecar/registration.ts";
import { startTarget, type Target } from "../src/sidecar/target.ts";
import { startConsul } from "../test/support/consul.ts";
import { type FaultProxy, startFaultProxy } from "../test/support/fault-proxy.ts";
import { startZooKeeper } from "../test/support/zookeeper.ts";
import { countHttp, countZooKeeper, type RequestCounter } from "./support/request-count.ts";

const HELP =
  "usage: npm run bench -- registrations [--pods COUNT] [--per-agent COUNT] [--idle SECONDS] [--down SECONDS] [--only TEXT]\n";
const WITHIN_MS = 180_000;
const SAMPLE_MS = 100;
const SERVICES = 50;

/** A server, and what restarts it without its data. */
interface Registry {
  readonly port: number;
  restart(downMs: number): Promise<void>;
}

interface Scenario {
  readonly name: string;
  readonly pods: number;
  start(scope: AsyncDisposableStack): Promise<Registry>;
  counter(): RequestCounter;
  config(address: string): Readonly<Record<string, unknown>> & { readonly kind: string };
}

interface Figures {
  readonly scenario: string;
  readonly pods: number;
  readonly readyMs: number;
  readonly connectionsPerPod: number;
  readonly newConnections: number;
  /** A minute and Pod. */
  readonly requestsIdle: number;
  /** For each Pod, from the kill until everything was back; and in the worst second of it. */
  readonly requestsRestart: number;
  readonly peakRequests: number;
  readonly upPerPod: number;
  readonly downPerPod: number;
  /** Of all Pods, in the worst second from the kill until everything was back, for each Pod. */
  readonly peakConnects: number;
  readonly backMs: number;
}

/** Resolves to the exit code: 1 when a goal is missed. */
export async function run(args: readonly string[]): Promise<number> {
  const number = { type: "string" } as const;
  const options = {
    pods: number,
    "per-agent": number,
    idle: number,
    down: number,
    only: number,
    help: { type: "boolean" },
  } as const;
  const { values } = parseArgs({ args: [...args], options });
  if (values.help === true) {
    process.stderr.write(HELP);
    return 0;
  }
  const [pods, perAgent, idle, down] = [values.pods ?? 1000, values["per-agent"] ?? 100, values.idle ?? 20, values.down ?? 5].map(
    Number,
  ) as [number, number, number, number];
  const rows: Figures[] = [];
  const chosen = scenariosOf(pods, perAgent).filter(({ name }) => name.includes(values.only ?? ""));
  for (const scenario of chosen) {
    rows.push(await measure(scenario, { idleMs: idle * 1000, downMs: down * 1000 }));
    process.stderr.write(`${JSON.stringify(rows.at(-1))}\n`);
  }
  process.stdout.write(`${tableOf(rows)}\n`);
  const missed = rows.filter(({ peakConnects, backMs }) => peakConnects > 2 || backMs > 60_000);
  for (const { scenario } of missed) process.stderr.write(`goal missed: ${scenario}\n`);
  return missed.length === 0 ? 0 : 1;
}

function scenariosOf(pods: number, perAgent: number): readonly Scenario[] {
  const consul = async (scope: AsyncDisposableStack): Promise<Registry> => {
    const server = await startConsul({ connectionsPerClient: 10_000 }, scope);
    return {
      port: Number(new URL(server.url).port),
      async restart(downMs) {
        await server.kill();
        await sleep(downMs);
        await server.start();
      },
    };
  };
  const zookeeper = async (scope: AsyncDisposableStack): Promise<Registry> => {
    const server = await startZooKeeper({}, scope);
    return {
      port: server.port,
      async restart(downMs) {
        await server.kill();
        await server.wipe();
        await sleep(downMs);
        await server.start();
      },
    };
  };
  return [
    {
      name: "Consul agent of one node",
      counter: countHttp,
      pods: perAgent,
      start: consul,
      config: (at) => ({ kind: "consul", address: `http://${at}` }),
    },
    {
      name: "Consul catalog",
      counter: countHttp,
      pods,
      start: consul,
      config: (at) => ({ kind: "consul", address: `http://${at}`, mode: "catalog" }),
    },
    {
      name: "ZooKeeper",
      counter: countZooKeeper,
      pods,
      start: zookeeper,
      config: (at) => ({ kind: "zookeeper", servers: [at], format: "spring" }),
    },
  ];
}

async function measure(scenario: Scenario, { idleMs, downMs }: { idleMs: number; downMs: number }): Promise<Figures> {
  await using scope = new AsyncDisposableStack();
  const registry = await scenario.start(scope);
  const counter = scenario.counter();
  const proxy = await startFaultProxy(registry.port, scope, counter.tap);
  const stop = new AbortController();
  const targets = startPods(scenario, proxy, stop.signal);
  scope.defer(async () => {
    stop.abort(new Error("the benchmark is over"));
    await Promise.all(targets.map(({ ended }) => ended));
  });
  // All become ready at once: the worst that a rollout can do.
  const started = performance.now();
  for (const [pod, target] of targets.entries()) target.wish({ synced: true, registrations: [registrationOf(pod)] });
  await settled(targets);
  const readyMs = Math.round(performance.now() - started);
  // What is asked for once is over by then; in a catalog each looks within its first 15 s at who else is there.
  await sleep(20_000);
  const before = { ...proxy.counts, requests: counter.count };
  await sleep(idleMs);
  const after = { ...proxy.counts, requests: counter.count };
  const peak = watchPeak(() => proxy.counts.accepted);
  const peakRequests = watchPeak(() => counter.count);
  await registry.restart(downMs);
  const answered = performance.now();
  await settled(targets);
  const backMs = Math.round(performance.now() - answered);
  const requests = { restart: counter.count - after.requests, peak: await peakRequests.stop() };
  const perPod = (count: number) => count / scenario.pods / (idleMs / 1000);
  return {
    ...{ scenario: scenario.name, pods: scenario.pods, readyMs, backMs, peakConnects: (await peak.stop()) / scenario.pods },
    connectionsPerPod: after.open / scenario.pods,
    newConnections: after.accepted - before.accepted,
    requestsIdle: perPod(after.requests - before.requests) * 60,
    requestsRestart: requests.restart / scenario.pods,
    peakRequests: requests.peak / scenario.pods,
    upPerPod: perPod(after.bytesUp - before.bytesUp),
    downPerPod: perPod(after.bytesDown - before.bytesDown),
  };
}

function startPods({ pods, config }: Scenario, { address }: FaultProxy, signal: AbortSignal): readonly Target[] {
  const { kind, ...settings } = config(address);
  const writer = writers.find((one) => one.kind === kind);
  if (writer === undefined) throw new Error(`there is no writer of kind ${kind}`);
  return Array.from({ length: pods }, (_, pod) => {
    const owner = { cluster: "east", instance: `shop/web-${pod}/u${pod}`, epoch: 1 };
    const context = { name: kind, owner, baseDir: "/", log: silentLog, clock: systemClock, random: Math.random };
    return startTarget({ ...context, writer: writer.open(settings, context), signal, onChange: () => undefined });
  });
}

function registrationOf(pod: number): Registration {
  const place = { address: `10.1.${pod >> 8}.${pod & 255}`, port: 8080, ports: {}, zone: "a", region: "eu" };
  return {
    ...{ id: `web-${pod}-u${pod}-8080`, service: `web-${pod % SERVICES}`, ...place, protocol: "http", weight: 1, tags: [] },
    ...{ labels: {}, traffic: "in", origin: ["east"], startedAt: 0 },
  };
}

/** Everything wanted is there, and was seen by a reader. */
async function settled(targets: readonly Target[]): Promise<void> {
  const until = performance.now() + WITHIN_MS;
  for (;;) {
    const open = targets.filter(({ state }) => !state.complete);
    if (open.length === 0) return;
    if (performance.now() > until) throw new Error(`${open.length} are not registered: ${open[0]?.state.error?.message}`);
    await sleep(20);
  }
}

/** The most a second by which a number that only grows has grown, over any second; a sample that comes late makes that second longer. */
function watchPeak(read: () => number): { stop(): Promise<number> } {
  const samples: { readonly at: number; readonly value: number }[] = [];
  let over = false;
  const watching = (async () => {
    while (!over) {
      samples.push({ at: performance.now(), value: read() });
      await sleep(SAMPLE_MS);
    }
  })();
  return {
    async stop() {
      over = true;
      await watching;
      const rates = samples.map(({ at, value }) => {
        const before = samples.findLast((one) => at - one.at >= 1000);
        return before === undefined ? 0 : (value - before.value) / ((at - before.at) / 1000);
      });
      return Math.max(0, ...rates);
    },
  };
}

function tableOf(rows: readonly Figures[]): string {
  const table = new Table({
    head: [
      "registry",
      "Pods",
      "all ready to all seen ms",
      "connections/Pod",
      "new ones, idle",
      "requests/min/Pod, idle",
      "requests/Pod, restart",
      "peak requests/s/Pod",
      "sent B/s/Pod",
      "received B/s/Pod",
      "peak connects/s/Pod",
      "empty restart to all back ms",
    ],
    style: { head: [], border: [] },
  });
  for (const row of rows)
    table.push([
      ...[row.scenario, row.pods, row.readyMs, row.connectionsPerPod.toFixed(2), row.newConnections],
      ...[row.requestsIdle.toFixed(1), row.requestsRestart.toFixed(1), row.peakRequests.toFixed(1)],
      ...[row.upPerPod.toFixed(0), row.downPerPod.toFixed(0), row.peakConnects.toFixed(2), row.backMs],
    ]);
  return table.toString();
}
