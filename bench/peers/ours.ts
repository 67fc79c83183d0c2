/**
 * The bridge's catalog, views and xDS server in a process of their own, fed in-process by JSON lines: the server alone,
 * without a registry. Everything from the catalog on is what `serve` runs, compiled as it is there. `--public` keeps to
 * grpc-js's public interface; `--bare` and `--framed` serve the same resources without the xDS server.
 */

import { createInterface } from "node:readline";
import { setImmediate } from "node:timers/promises";
import { createCatalogStore } from "../../src/catalog/store.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { silentLog } from "../../src/kernel/log.ts";
import type { Group } from "../../src/model/group.ts";
import { UNKNOWN_LOCALITY } from "../../src/model/locality.ts";
import { type ServiceKey, serviceId } from "../../src/model/service.ts";
import type { TrafficPolicy } from "../../src/routing/policy.ts";
import { DEFAULT_POLICY } from "../../src/routing/policy.ts";
import { FLAT } from "../../src/routing/topology.ts";
import { createProxies } from "../../src/xds/proxies.ts";
import { createXdsServer } from "../../src/xds/server/server.ts";
import { createViews } from "../../src/xds/views.ts";
import { listenBare, listenFramed } from "./bare.ts";
import { addressOf, DEFAULT_TIMEOUT_MS, type FleetState, newFleet, PORT, serviceName, weightOf } from "./fleet.ts";

const DEFAULTS = { cluster: "c1", network: "default", namespace: "default" };
const SOURCE = { registry: "bench", scope: "" };

interface Command {
  readonly cmd: "load" | "flip" | "cluster" | "steady";
  readonly services: number;
  readonly instances: number;
  readonly service: number;
  readonly weight: number;
  readonly timeoutMs: number;
  readonly rate: number;
  readonly seconds: number;
  readonly sinceNs: string;
}

/** Of clusters that no change was made to; the same for every server, whatever the bridge's own default is. */
const POLICY = { ...DEFAULT_POLICY, connectTimeoutMs: DEFAULT_TIMEOUT_MS };

let fleet: FleetState = newFleet({ services: 0, instances: 0 });
const timeouts = new Map<string, number>();

/** As a reloaded configuration would give it: another object each time. */
function traffic(): TrafficPolicy {
  const policies = new Map([...timeouts].map(([id, connectTimeoutMs]) => [id, { ...POLICY, connectTimeoutMs }]));
  return {
    domain: "mesh.local",
    gateways: [],
    sidecar: { outbound: { address: "127.0.0.1", port: 15001 } },
    networks: [],
    exports: undefined,
    mtls: undefined,
    topology: FLAT,
    policyOf: (service) => policies.get(serviceId(service)) ?? POLICY,
  };
}

const catalog = createCatalogStore({ registries: ["bench"], ruleOf: () => DEFAULT_POLICY.merge });
const views = createViews({ traffic: traffic(), clock: systemClock, log: silentLog });
const server = createXdsServer({
  views,
  proxies: createProxies(systemClock, () => undefined),
  defaults: DEFAULTS,
  epoch: "bench",
  direct: !process.argv.includes("--public"),
  clock: systemClock,
  log: silentLog,
  metrics: {
    stream: () => undefined,
    response: () => undefined,
    nack: () => undefined,
    refused: () => undefined,
    secretsDenied: () => undefined,
  },
});

function groupOf(service: number): Group {
  const key: ServiceKey = { namespace: "default", name: serviceName(service) };
  return {
    source: { ...SOURCE, scope: serviceName(service) },
    service: key,
    ports: [{ name: "http", port: 80, protocol: "HTTP", inferred: false }],
    labels: {},
    instances: Array.from({ length: fleet.instances }, (_, instance) => ({
      id: `i-${instance}`,
      address: addressOf(service * fleet.instances + instance),
      ports: { http: PORT },
      locality: UNKNOWN_LOCALITY,
      cluster: DEFAULTS.cluster,
      network: DEFAULTS.network,
      health: "healthy",
      weight: weightOf(fleet, service, instance),
      labels: {},
    })),
  };
}

function publish(services: readonly number[]): void {
  catalog.apply(new Map(services.map((service) => [`bench/${serviceName(service)}`, groupOf(service)])));
}

function since(ns: string): number {
  return Number((process.hrtime.bigint() - BigInt(ns)) / 100_000n);
}

/** `rate` changes a second, one service after the other; each weight says when it was set, in 0.1 ms. */
async function steady({ rate, seconds, sinceNs }: Command): Promise<void> {
  const total = rate * seconds;
  const started = performance.now();
  for (let done = 0; done < total; ) {
    await systemClock.sleep(1);
    const due = Math.min(total, Math.floor(((performance.now() - started) / 1000) * rate));
    const changed: number[] = [];
    for (; done < due; done++) {
      const service = done % fleet.services;
      fleet.weights[service] = since(sinceNs);
      changed.push(service);
    }
    if (changed.length > 0) publish(changed);
  }
  say({ type: "steadied", weights: fleet.weights });
}

function run(command: Command): void {
  const started = performance.now();
  switch (command.cmd) {
    case "load": {
      fleet = newFleet(command);
      // A group at a time, as registries tell of them.
      for (const index of fleet.weights.keys()) publish([index]);
      catalog.setSync("complete");
      break;
    }
    case "flip":
      fleet.weights[command.service] = command.weight;
      publish([command.service]);
      break;
    case "cluster":
      timeouts.set(`default/${serviceName(command.service)}`, command.timeoutMs);
      views.setTraffic(traffic());
      break;
    case "steady":
      steady(command).catch((error: unknown) => say({ type: "failed", reason: String(error) }));
  }
  say({ type: "done", cmd: command.cmd, ms: performance.now() - started });
}

function say(message: object): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

const over = new AbortController();
const address = { kind: "tcp", host: "127.0.0.1", port: 0 } as const;
const listen = async () => {
  if (process.argv.includes("--bare")) return await listenBare(views, DEFAULTS);
  if (process.argv.includes("--framed")) return await listenFramed(views, DEFAULTS);
  return await server.listen({ address, tls: undefined, insecure: false }, over.signal);
};
const port = await listen();
createInterface({ input: process.stdin })
  .on("line", (line) => run(JSON.parse(line) as Command))
  .on("close", () => process.exit(0));
say({ type: "ready", port });
for await (const change of catalog.subscribe(over.signal)) {
  views.update(change);
  await setImmediate();
}
