/**
 * What a client pays for having everything, what on-demand discovery (VHDS, on-demand CDS) saves of it, and what per-endpoint
 * updates (LEDS) would: `npm run bench -- on-demand`. A real Envoy sidecar on views and a server of this process; prints
 * Markdown.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { configOf } from "../src/config/testing.ts";
import { systemClock } from "../src/kernel/clock.ts";
import { silentLog } from "../src/kernel/log.ts";
import { locality } from "../src/model/locality.ts";
import { envoyBootstrap } from "../src/xds/bootstrap.ts";
import { createViews } from "../src/xds/views.ts";
import { isLive, startEnvoy } from "../test/support/envoy.ts";
import { ask, askJson } from "../test/support/http.ts";
import { freePorts } from "../test/support/ports.ts";
import { benchService } from "./support/bench-service.ts";
import { DEFAULTS, serveViews } from "./support/serve-views.ts";

const WAIT_MS = 120_000;

/** So many of its services a workload calls where it asks on demand. */
const CALLED = 10;

interface Figures {
  /** Ms from the start of Envoy to the last cluster active; on demand until it is live. */
  readonly readyMs: number;
  /** On demand: with what the first calls brought. */
  readonly sentBytes: number;
  /** On demand: ms until the first calls, all at once, have their clusters. */
  readonly firstCallsMs: number | undefined;
  /** Bytes that Envoy has allocated, beyond those of an Envoy without services. */
  readonly allocated: number;
  /** For one endpoint that changes: bytes sent, and ms until Envoy shows it. */
  readonly changeBytes: number;
  readonly changeMs: number;
}

async function measure(services: number, endpoints: number, onDemand = false): Promise<Figures> {
  await using scope = new AsyncDisposableStack();
  const [port = 0, outbound = 0] = await freePorts(2);
  const { traffic } = configOf(`sidecar: { outbound: { port: ${outbound} } }\n`);
  const views = createViews({ traffic, clock: systemClock, log: silentLog });
  let bytes = 0;
  const response = (_type: string, size: number) => {
    bytes += size;
  };
  await serveViews(views, { port, response }, scope);
  const all = new Map(Array.from({ length: services }, (_, index) => benchService(index, endpoints)).map((one) => [one.id, one]));
  views.update({ version: 1, services: all, changed: new Set(all.keys()), sync: "complete" });
  const bootstrap = envoyBootstrap({
    role: "sidecar",
    name: "bench",
    nodeId: "bench",
    hostname: "bench",
    ...DEFAULTS,
    locality: locality(),
    inbound: undefined,
    xds: { host: "127.0.0.1", port },
    variant: "delta",
    onDemand,
    adminPort: 0,
    tls: undefined,
  });
  const startedAt = performance.now();
  const envoy = await startEnvoy({ bootstrap: JSON.stringify(bootstrap) }, scope);
  const until = async (done: () => Promise<boolean>, everyMs: number) => {
    const deadline = performance.now() + WAIT_MS;
    while (!(await done())) {
      if (performance.now() > deadline) throw new Error(`not within ${WAIT_MS} ms`);
      await sleep(everyMs);
    }
  };
  const stat = async (name: string) => (await envoy.stats(`^${name.replaceAll(".", "\\.")}$`)).get(name) ?? 0;
  // The bootstrap has a cluster of its own: the way to the bridge.
  const hasClusters = (wanted: number) => async () =>
    (await stat("cluster_manager.active_clusters")) >= wanted + 1 && (await stat("cluster_manager.warming_clusters")) === 0;
  await until(onDemand ? () => isLive(envoy) : hasClusters(services), 20);
  const readyMs = performance.now() - startedAt;
  const calledAt = performance.now();
  if (onDemand) {
    // Nobody answers behind them: what counts is that Envoy has got to know them.
    for (let index = 0; index < CALLED; index++)
      ask(`http://127.0.0.1:${outbound}/`, { headers: { host: `service-${index}.default` }, withinMs: WAIT_MS }).catch(
        () => undefined,
      );
    await until(hasClusters(Math.min(CALLED, services)), 1);
  }
  const firstCallsMs = onDemand ? performance.now() - calledAt : undefined;
  const sentBytes = bytes;
  const { allocated } = await askJson<{ allocated: string }>(`${envoy.adminUrl}/memory`);
  const start = { readyMs, sentBytes, firstCallsMs, allocated: Number(allocated) };
  if (services === 0) return { ...start, changeBytes: 0, changeMs: 0 };
  const updates = "cluster.default/service-0/http.update_success";
  const before = await stat(updates);
  const changed = benchService(0, endpoints, 1);
  const next = new Map(all).set(changed.id, changed);
  const changedAt = performance.now();
  views.update({ version: 2, services: next, changed: new Set([changed.id]), sync: "complete" });
  await until(async () => (await stat(updates)) > before, 1);
  return {
    ...start,
    changeBytes: bytes - sentBytes,
    changeMs: performance.now() - changedAt,
  };
}

const KB = (value: number) => `${(value / 1000).toFixed(value < 10_000 ? 1 : 0)} kB`;
/** Resolves with 0 once every line is printed; takes about a minute. */
export async function run(): Promise<number> {
  const empty = await measure(0, 0);
  process.stdout.write(
    "| services | endpoints each | asks | ready | sent at the start | first calls | Envoy's memory | one endpoint changes: sent | until Envoy has it |\n",
  );
  process.stdout.write("|---|---|---|---|---|---|---|---|---|\n");
  for (const [services, endpoints, onDemand = false] of [
    [1000, 3, true],
    [10_000, 3, true],
    [10_000, 3],
    [10, 3],
    [100, 3],
    [1000, 3],
    [3000, 3],
    [1, 100],
    [1, 1000],
    [1, 10_000],
  ] as const) {
    const { readyMs, sentBytes, firstCallsMs, allocated, changeBytes, changeMs } = await measure(services, endpoints, onDemand);
    const memory = `${((allocated - empty.allocated) / 1e6).toFixed(1)} MB`;
    const cells = [
      services,
      endpoints,
      onDemand ? `on demand, ${CALLED} called` : "for all",
      `${(readyMs / 1000).toFixed(1)} s`,
      KB(sentBytes),
      firstCallsMs === undefined ? "" : `${Math.round(firstCallsMs)} ms`,
      memory,
      KB(changeBytes),
      `${Math.round(changeMs)} ms`,
    ];
    process.stdout.write(`| ${cells.join(" | ")} |\n`);
  }
  return 0;
}
