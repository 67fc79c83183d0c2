/**
 * A gateway between networks in front of very many exported services: `npm run bench -- gateway [--services 100000]`. A real
 * Envoy on views and a server of this process. What Envoy's memory is with few and with many services, how long the first
 * connection for a name takes, and what names that lead nowhere cost. Prints Markdown; 1 when a goal is missed.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { connect } from "node:tls";
import { parseArgs } from "node:util";
import type { CatalogService } from "../src/catalog/types.ts";
import { configOf } from "../src/config/testing.ts";
import { systemClock } from "../src/kernel/clock.ts";
import { silentLog } from "../src/kernel/log.ts";
import { locality } from "../src/model/locality.ts";
import { envoyBootstrap } from "../src/xds/bootstrap.ts";
import { createViews } from "../src/xds/views.ts";
import { startTlsBackend } from "../test/support/backend.ts";
import { type Envoy, startEnvoy } from "../test/support/envoy.ts";
import { askJson } from "../test/support/http.ts";
import { freePorts } from "../test/support/ports.ts";
import { DEFAULTS, serveViews } from "./support/serve-views.ts";

const FEW = 100;
/** The goals of this benchmark. */
const GOAL = { coldMs: 50, memoryMb: 5 };

export interface GatewayFigures {
  readonly services: number;
  /** Bytes that Envoy has allocated once its listener is there, and after all connections. */
  readonly before: number;
  readonly after: number;
  /** Ms from the connect to the end of the handshake with what is behind the gateway. */
  readonly cold: readonly number[];
  readonly warm: readonly number[];
  readonly refused: readonly RefusedFigures[];
}

export interface RefusedFigures {
  readonly what: string;
  readonly connections: number;
  /** Connections that were answered although they should not. */
  readonly served: number;
  readonly medianMs: number;
  /** Messages that the bridge sent because of them. */
  readonly messages: number;
}

export interface GatewayBenchOptions {
  readonly services: number;
  /** How many names are asked for once and once more. */
  readonly names: number;
  /** Connections by names that lead nowhere, of each kind. */
  readonly refusals: number;
}

export async function measureGateway({ services, names, refusals }: GatewayBenchOptions): Promise<GatewayFigures> {
  await using scope = new AsyncDisposableStack();
  const [port = 0, listener = 0] = await freePorts(2);
  const backend = await startTlsBackend(scope, { host: "service", address: "127.0.0.2" });
  const { traffic } = configOf(`
exports: [{ match: "shop/*", to: ["*"] }]
gateways:
  - name: ew
    kind: eastWest
    listeners: [{ name: sni, address: 127.0.0.1, port: ${listener}, protocol: TLS }]
`);
  const views = createViews({ traffic, clock: systemClock, log: silentLog });
  let messages = 0;
  const response = () => void messages++;
  await serveViews(views, { port, response }, scope);
  const all = new Map(Array.from({ length: services }, (_, index) => serviceOf(index, backend.port)).map((one) => [one.id, one]));
  views.update({ version: 1, services: all, changed: new Set(all.keys()), sync: "complete" });
  const bootstrap = envoyBootstrap({
    ...{ role: "eastWest", name: "ew", nodeId: "ew-bench", hostname: "bench", ...DEFAULTS, locality: locality() },
    ...{ inbound: undefined, xds: { host: "127.0.0.1", port }, variant: "delta", adminPort: 0, tls: undefined },
  });
  const envoy = await startEnvoy({ bootstrap: JSON.stringify(bootstrap) }, scope);
  await until(async () => (await envoy.listeners()).length === 1);
  const before = await allocated(envoy);
  const nameOf = (index: number) => `http.service-${index}.shop.port.mesh.local`;
  const step = Math.max(1, Math.floor(services / names));
  const chosen = Array.from({ length: Math.min(names, services) }, (_, index) => nameOf(index * step));
  const cold = await handshakes(listener, chosen);
  const warm = await handshakes(listener, chosen);
  const refused: RefusedFigures[] = [];
  for (const [what, name] of [
    ["not exported", (at: number) => `http.service-${at}.secret.port.mesh.local`],
    ["exported pattern, one unknown name again and again", () => nameOf(services)],
    ["exported pattern, another unknown name each time", (at: number) => `http.unknown-${at}.shop.port.mesh.local`],
  ] as const) {
    const sent = messages;
    const took = await refusedAll(
      listener,
      Array.from({ length: refusals }, (_, at) => name(at)),
    );
    refused.push({
      ...{ what, connections: refusals, served: took.filter(Number.isNaN).length, messages: messages - sent },
      medianMs: percentile(took, 0.5),
    });
  }
  return { services, before, after: await allocated(envoy), cold, warm, refused };
}

function serviceOf(index: number, port: number): CatalogService {
  const name = `service-${index}`;
  const source = { registry: "r", scope: name };
  return {
    ...{ id: `shop/${name}`, key: { namespace: "shop", name }, labels: {}, sources: [source], conditions: [] },
    ports: [{ name: "http", port: 80, protocol: "HTTP", inferred: false }],
    instances: [
      {
        ...{ id: name, address: "127.0.0.2", ports: { http: port }, locality: locality(), cluster: "c1", network: "default" },
        ...{ health: "healthy", weight: 1, labels: {}, source },
      },
    ],
  };
}

/** One after the other; each must be answered by what is behind. */
async function handshakes(port: number, names: readonly string[]): Promise<readonly number[]> {
  const times: number[] = [];
  for (const servername of names) {
    const startedAt = performance.now();
    if (!(await handshake(port, servername))) throw new Error(`${servername} was refused`);
    times.push(performance.now() - startedAt);
  }
  return times;
}

/** So many at a time: a name that is known to lead nowhere is held for a second. */
const AT_ONCE = 200;

/** Ms until each was closed; NaN for one that was answered. */
async function refusedAll(port: number, names: readonly string[]): Promise<readonly number[]> {
  const times: number[] = [];
  const waiting = [...names];
  const work = async () => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
      const startedAt = performance.now();
      times.push((await handshake(port, name)) ? Number.NaN : performance.now() - startedAt);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return times;
}

function handshake(port: number, servername: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", port, servername, rejectUnauthorized: false });
    const end = (settle: () => void) => {
      clearTimeout(timer);
      socket.destroy();
      settle();
    };
    const timer = setTimeout(() => end(() => reject(new Error(`${servername}: no answer within 10 s`))), 10_000);
    socket.once("secureConnect", () => end(() => resolve(true)));
    socket.on("error", () => end(() => resolve(false)));
    socket.once("close", () => end(() => resolve(false)));
  });
}

async function allocated(envoy: Envoy): Promise<number> {
  return Number((await askJson<{ allocated: string }>(`${envoy.adminUrl}/memory`)).allocated);
}

async function until(done: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 120_000;
  while (!(await done())) {
    if (performance.now() > deadline) throw new Error("Envoy has no listener after 120 s");
    await sleep(20);
  }
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].filter((one) => !Number.isNaN(one)).sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

const MB = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;

/** Resolves with 1 when a goal is missed; takes about a minute. */
export async function run(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      services: { type: "string", default: "100000" },
      names: { type: "string", default: "500" },
      refusals: { type: "string", default: "2000" },
    },
  });
  const many = { services: Number(values.services), names: Number(values.names), refusals: Number(values.refusals) };
  const rows = [await measureGateway({ ...many, services: FEW, names: FEW }), await measureGateway(many)];
  const out = (line: string) => process.stdout.write(`${line}\n`);
  out("| exported services | Envoy's memory | cold p50 | cold p99 | cold max | warm p50 | memory after all connections |");
  out("|---|---|---|---|---|---|---|");
  for (const { services, before, after, cold, warm } of rows) {
    const ms = [percentile(cold, 0.5), percentile(cold, 0.99), Math.max(...cold), percentile(warm, 0.5)];
    out(`| ${services} | ${MB(before)} | ${ms.map((one) => `${one.toFixed(1)} ms`).join(" | ")} | ${MB(after)} |`);
  }
  out("");
  out("| names that lead nowhere | connections | served | closed after (median) | messages of the bridge |");
  out("|---|---|---|---|---|");
  for (const { what, connections, served, medianMs, messages } of rows[1]?.refused ?? [])
    out(`| ${what} | ${connections} | ${served} | ${medianMs.toFixed(1)} ms | ${messages} |`);
  const [few, all] = rows;
  const flat = few !== undefined && all !== undefined && all.before - few.before <= GOAL.memoryMb * 1e6;
  const quick = rows.every(({ cold }) => percentile(cold, 0.99) < GOAL.coldMs);
  const closed = rows.every(({ refused }) => refused.every(({ served }) => served === 0));
  out(`\nmemory flat: ${flat}; cold below ${GOAL.coldMs} ms (p99): ${quick}; nothing unknown served: ${closed}`);
  return flat && quick && closed ? 0 : 1;
}
