/**
 * `npm run bench -- envoys`: real Envoys as gateways, each with its own listener, on views and a server of this process.
 * First a change at a time: which part of the time until every Envoy shows it is the bridge's. Then routes swap between two
 * services 50 times a second while requests go through all of them: not one may fail.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import type { CatalogService } from "../src/catalog/types.ts";
import { configOf } from "../src/config/testing.ts";
import { systemClock } from "../src/kernel/clock.ts";
import { silentLog } from "../src/kernel/log.ts";
import { locality } from "../src/model/locality.ts";
import type { TrafficPolicy } from "../src/routing/policy.ts";
import { envoyBootstrap } from "../src/xds/bootstrap.ts";
import { createViews, type Views } from "../src/xds/views.ts";
import { startHttpBackend } from "../test/support/backend.ts";
import { type Envoy, startEnvoy } from "../test/support/envoy.ts";
import { startLoad } from "../test/support/load.ts";
import { freePorts } from "../test/support/ports.ts";
import { percentile, shown } from "./support/figures.ts";
import { DEFAULTS, serveViews } from "./support/serve-views.ts";

const HELP = "usage: npm run bench -- envoys [--envoys N] [--changes N] [--seconds N]\n";
const COLOURS = ["blue", "green"] as const;
type Colour = (typeof COLOURS)[number];
const SWAPS_PER_SECOND = 50;
const REQUESTS_PER_SECOND = 500;
const WITHIN_MS = 60_000;

/** Resolves to the exit code: 1 when a request has failed or an update was refused. */
export async function run(args: readonly string[]): Promise<number> {
  const text = { type: "string" } as const;
  const { values } = parseArgs({
    args: [...args],
    options: { envoys: text, changes: text, seconds: text, help: { type: "boolean" } },
  });
  if (values.help === true) {
    process.stderr.write(HELP);
    return 0;
  }
  const [count, changes, seconds] = [Number(values.envoys ?? 20), Number(values.changes ?? 20), Number(values.seconds ?? 20)];
  await using scope = new AsyncDisposableStack();
  const world = await start(count, scope);
  await seen(world, changes);
  return (await swap(world, seconds, scope)) ? 0 : 1;
}

interface World {
  readonly views: Views;
  readonly envoys: readonly Envoy[];
  readonly ports: readonly number[];
  readonly backends: Readonly<Record<Colour, number>>;
  readonly trafficTo: Readonly<Record<Colour, TrafficPolicy>>;
  /** When the server last handed a response to its transport (performance.now). */
  lastSentAt(): number;
  swaps(): number;
}

async function start(count: number, scope: AsyncDisposableStack): Promise<World> {
  const [xdsPort = 0, ...ports] = await freePorts(count + 1);
  const [blue, green] = [await startHttpBackend(scope, { name: "blue" }), await startHttpBackend(scope, { name: "green" })];
  const backends = { blue: blue.port, green: green.port };
  const trafficTo = { blue: trafficOf("blue", ports), green: trafficOf("green", ports) };
  const views = createViews({ traffic: trafficTo.blue, clock: systemClock, log: silentLog });
  let lastSentAt = 0;
  let responses = 0;
  const response = () => {
    lastSentAt = performance.now();
    responses++;
  };
  await serveViews(views, { port: xdsPort, response }, scope);
  update(
    views,
    COLOURS.map((colour) => serviceOf(colour, backends[colour], 1)),
    1,
  );
  const envoys = await Promise.all(ports.map((_, index) => startEnvoy({ bootstrap: bootstrapOf(index, xdsPort) }, scope)));
  for (const envoy of envoys) await until(async () => (await envoy.listeners()).length > 0);
  return { views, envoys, ports, backends, trafficTo, lastSentAt: () => lastSentAt, swaps: () => responses };
}

function bootstrapOf(index: number, port: number): string {
  return JSON.stringify(
    envoyBootstrap({
      role: "gateway",
      name: `edge-${index}`,
      nodeId: `edge-${index}`,
      hostname: "bench",
      ...DEFAULTS,
      locality: locality(),
      inbound: undefined,
      xds: { host: "127.0.0.1", port },
      variant: "delta",
      adminPort: 0,
      tls: undefined,
    }),
  );
}

/** A gateway for each Envoy, so that each can listen on this machine. */
function trafficOf(colour: Colour, ports: readonly number[]): TrafficPolicy {
  const gateways = ports.map((port, index) => ({
    name: `edge-${index}`,
    listeners: [{ name: "http", address: "127.0.0.1", port, protocol: "HTTP" }],
    routes: [{ hosts: ["web.test"], service: `default/${colour}` }],
  }));
  return configOf(JSON.stringify({ gateways })).traffic;
}

function serviceOf(colour: Colour, port: number, weight: number): CatalogService {
  const source = { registry: "r", scope: colour };
  const instance = {
    id: colour,
    address: "127.0.0.1",
    ports: { http: port },
    locality: locality(),
    cluster: "c1",
    network: "default",
    health: "healthy" as const,
    weight,
    labels: {},
    source,
  };
  const ports = [{ name: "http", port: 80, protocol: "HTTP" as const, inferred: false }];
  const key = { namespace: "default", name: colour };
  return { id: `default/${colour}`, key, ports, labels: {}, instances: [instance], sources: [source], conditions: [] };
}

/** `changed`: as the catalog names them; default: all. */
function update(views: Views, services: readonly CatalogService[], version: number, changed = services): void {
  const all = new Map(services.map((service) => [service.id, service]));
  views.update({ version, services: all, changed: new Set(changed.map(({ id }) => id)), sync: "complete" });
}

async function seen({ views, envoys, backends, lastSentAt }: World, changes: number): Promise<void> {
  const totals: number[] = [];
  const ours: number[] = [];
  for (let change = 0; change < changes; change++) {
    const weight = 2 + change;
    const changed = serviceOf("blue", backends.blue, weight);
    await sleep(200);
    const at = performance.now();
    update(views, [changed, serviceOf("green", backends.green, 1)], 2 + change, [changed]);
    // Sent before it can be seen: asking earlier would only slow the Envoys down.
    await until(async () => lastSentAt() > at);
    const shows = async (envoy: Envoy) => (await envoy.hosts("default/blue/http")).some((host) => host.weight === weight);
    await Promise.all(envoys.map((envoy) => until(() => shows(envoy))));
    totals.push(performance.now() - at);
    ours.push(lastSentAt() - at);
  }
  const [p50, p99] = [percentile(totals, 0.5), percentile(totals, 0.99)];
  const share = percentile(
    ours.map((ms, index) => ms / (totals[index] ?? Number.NaN)),
    0.5,
  );
  process.stdout.write(
    "\n| Envoys | changes | until all show it p50 ms | p99 ms | the bridge's part p50 ms | its share |\n|---|---|---|---|---|---|\n",
  );
  const row = [envoys.length, changes, shown(p50), shown(p99), shown(percentile(ours, 0.5)), `${shown(share * 100)} %`];
  process.stdout.write(`| ${row.join(" | ")} |\n`);
}

/** Returns whether every request was answered and no update refused. */
async function swap(world: World, seconds: number, scope: AsyncDisposableStack): Promise<boolean> {
  const { views, envoys, ports, trafficTo } = world;
  const loads = ports.map((port) =>
    startLoad({ url: `http://127.0.0.1:${port}/`, host: "web.test", rate: REQUESTS_PER_SECOND / ports.length }, scope),
  );
  const before = world.swaps();
  let swaps = 0;
  const started = performance.now();
  while (performance.now() - started < seconds * 1000) {
    swaps++;
    views.setTraffic(trafficTo[swaps % 2 === 0 ? "blue" : "green"]);
    await sleep(Math.max(0, started + (swaps * 1000) / SWAPS_PER_SECOND - performance.now()));
  }
  const results = await Promise.all(loads.map((load) => load.stop()));
  const sent = results.reduce((sum, result) => sum + result.sent, 0);
  const failures = results.flatMap((result) => result.failures);
  const rejected = (await Promise.all(envoys.map((envoy) => envoy.rejectedUpdates()))).reduce((sum, count) => sum + count, 0);
  const slowest = Math.max(...results.map(({ slowestMs }) => slowestMs));
  process.stdout.write(
    "\n| swaps/s | requests | failed | updates refused | responses sent | slowest answer ms |\n|---|---|---|---|---|---|\n",
  );
  const rate = swaps / ((performance.now() - started) / 1000);
  const row = [shown(rate), sent, failures.length, rejected, world.swaps() - before, shown(slowest)];
  process.stdout.write(`| ${row.join(" | ")} |\n`);
  for (const failure of failures.slice(0, 5)) process.stderr.write(`${failure}\n`);
  return failures.length === 0 && rejected === 0;
}

async function until(done: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + WITHIN_MS;
  while (!(await done())) {
    if (performance.now() > deadline) throw new Error(`not within ${WITHIN_MS} ms`);
    await sleep(1);
  }
}
