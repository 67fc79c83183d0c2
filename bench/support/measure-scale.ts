/** One row of the second table: a full registry, a bridge that starts, and the first client that asks for everything. */
import { setTimeout as sleep } from "node:timers/promises";
import { createWorkspace, startBridge } from "../../test/support/bridge.ts";
import { startConsul } from "../../test/support/consul.ts";
import { type FleetSize, fillConsul, writeFleetFiles } from "./fleet-data.ts";
import { startGenerator } from "./generator-client.ts";
import { nodeOf } from "./measure-changes.ts";
import { cpuMicros, memoryOf } from "./usage.ts";

export interface ScaleResult extends FleetSize {
  readonly registry: string;
  /** From the start of the process until `/readyz` answers 200. */
  readonly readyMs: number;
  /** CPU of the bridge up to then. */
  readonly cpuMicros: number;
  /** Some seconds after it was ready, before any client. */
  readonly rssMiB: number;
  /** The highest so far, the first client included. */
  readonly peakMiB: number;
  /** From the stream's start until a sidecar has acknowledged every cluster and every endpoint. */
  readonly firstClientMs: number;
  readonly firstClientBytes: number;
}

const WITHIN_MS = 300_000;
const SETTLE_MS = 5000;

export async function measureScale(options: FleetSize & { readonly registry: "file" | "consul" }): Promise<ScaleResult> {
  await using scope = new AsyncDisposableStack();
  const workspace = await createWorkspace(scope);
  await workspace.configure({ registries: [await fill(options, workspace, scope)] });
  const started = performance.now();
  const bridge = await startBridge(workspace, scope, { readyWithinMs: WITHIN_MS });
  const readyMs = performance.now() - started;
  const { pid } = bridge.program;
  const cpu = await cpuMicros(pid);
  const { instances } = (await bridge.get<{ items: { instances: number }[] }>("/v1/registries")).items[0] ?? { instances: 0 };
  if (instances !== options.services * options.instances) throw new Error(`the bridge knows ${instances} instances`);
  await sleep(SETTLE_MS);
  const { rssMiB } = await memoryOf(pid);
  const generator = await startGenerator(scope, WITHIN_MS);
  const node = await nodeOf(workspace, ["--role", "sidecar", "--name", "bench"]);
  const opened = process.hrtime.bigint();
  const settled = await generator.open({ host: "127.0.0.1", port: workspace.xdsPort }, { streams: 1, node, quietMs: 2000 });
  if (settled.endpoints !== instances) throw new Error(`the client was given ${settled.endpoints} endpoints of ${instances}`);
  const { services, registry } = options;
  return {
    registry,
    services,
    instances: options.instances,
    readyMs,
    cpuMicros: cpu,
    rssMiB,
    peakMiB: (await memoryOf(pid)).peakMiB,
    firstClientMs: Number(BigInt(settled.lastAt) - opened) / 1e6,
    firstClientBytes: settled.bytes,
  };
}

async function fill(
  options: FleetSize & { readonly registry: "file" | "consul" },
  workspace: Parameters<typeof writeFleetFiles>[0],
  scope: AsyncDisposableStack,
): Promise<object> {
  if (options.registry === "file") {
    await writeFleetFiles(workspace, options);
    return { kind: "file", name: "local", path: "./services/*.yaml" };
  }
  const consul = await startConsul({}, scope);
  await fillConsul(consul, options);
  return { kind: "consul", name: "consul", address: consul.url, datacenters: ["dc1"] };
}
