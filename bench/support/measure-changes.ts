/** One row of the first table: a number of streams, a number of changes, one after the other. */
import { setTimeout as sleep } from "node:timers/promises";
import { bootstrapOf, createWorkspace, startBridge, type Workspace } from "../../test/support/bridge.ts";
import { startConsul } from "../../test/support/consul.ts";
import type { BootstrapNode } from "./ads-stream.ts";
import { mean, percentile } from "./figures.ts";
import { type Generator, startGenerator } from "./generator-client.ts";
import { type ChangeInput, consulInput, fileInput, GATEWAYS } from "./inputs.ts";
import { cpuMicros } from "./usage.ts";

export interface ChangeResult {
  readonly registry: string;
  readonly streams: number;
  readonly changes: number;
  /** From just before the change was handed to the registry until a stream's ACK was written: over all streams and changes. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** CPU of the bridge from the change to the last ACK, by (changes × streams): with few streams mostly the registry's side. */
  readonly cpuMicrosPerPush: number;
  /** Of the response message with gRPC's prefix. */
  readonly bytesPerPush: number;
  /** How long the registry itself took to take the change: inside the times above. */
  readonly inputP50Ms: number;
  /** Responses that no change asked for. Anything above 0 makes the run void. */
  readonly strays: number;
  /** Highest share of a core the generator used in a round: above 0.85 the row says little about the bridge. */
  readonly generatorBusy: number;
}

const WITHIN_MS = 60_000;
/** Changes before the measured ones: code is compiled and connections are warm by then. */
const WARM_UP = 5;

export async function measureChanges(options: {
  readonly registry: "file" | "consul";
  readonly streams: number;
  readonly changes: number;
}): Promise<ChangeResult> {
  await using scope = new AsyncDisposableStack();
  const workspace = await createWorkspace(scope);
  const input = options.registry === "file" ? fileInput(workspace) : consulInput(await startConsul({}, scope));
  await input.setWeight(1);
  await workspace.configure({ registries: [input.registry], gateways: GATEWAYS });
  const bridge = await startBridge(workspace, scope);
  const generator = await startGenerator(scope, WITHIN_MS);
  const node = await nodeOf(workspace, ["--role", "gateway", "--name", "edge"]);
  await generator.open({ host: "127.0.0.1", port: workspace.xdsPort }, { streams: options.streams, node, quietMs: 500 });
  for (let i = 0; i < WARM_UP; i++) await changeOnce({ generator, input, weight: 2 + i, pid: bridge.program.pid });
  const changes: Change[] = [];
  for (let i = 0; i < options.changes; i++)
    changes.push(await changeOnce({ generator, input, weight: 100 + i, pid: bridge.program.pid }));
  await bridge.stop();
  return summary(options, changes);
}

/** The node that the printed bootstrap of a client gives. */
export async function nodeOf(workspace: Workspace, args: readonly string[]): Promise<BootstrapNode> {
  return (JSON.parse(await bootstrapOf(workspace, args)) as { node: BootstrapNode }).node;
}

interface Change {
  readonly latenciesMs: readonly number[];
  readonly inputMs: number;
  readonly cpuMicros: number;
  readonly bytes: number;
  readonly strays: number;
  readonly busy: number;
}

async function changeOnce(step: { generator: Generator; input: ChangeInput; weight: number; pid: number }): Promise<Change> {
  const { generator, input, weight, pid } = step;
  await sleep(input.pauseMs);
  const { round } = await generator.expect(weight);
  const cpuBefore = await cpuMicros(pid);
  const changedAt = process.hrtime.bigint();
  await input.setWeight(weight);
  const takenAt = process.hrtime.bigint();
  const { ackedAt, bytes, strays, busy } = await round;
  const used = (await cpuMicros(pid)) - cpuBefore;
  const latenciesMs = ackedAt.map((at) => Number(BigInt(at) - changedAt) / 1e6);
  return { latenciesMs, inputMs: Number(takenAt - changedAt) / 1e6, cpuMicros: used, bytes, strays, busy };
}

function summary({ registry, streams }: { registry: string; streams: number }, changes: readonly Change[]): ChangeResult {
  const latencies = changes.flatMap(({ latenciesMs }) => latenciesMs);
  return {
    registry,
    streams,
    changes: changes.length,
    p50Ms: percentile(latencies, 0.5),
    p99Ms: percentile(latencies, 0.99),
    maxMs: percentile(latencies, 1),
    cpuMicrosPerPush: mean(changes.map((change) => change.cpuMicros)) / streams,
    bytesPerPush: mean(changes.map(({ bytes }) => bytes)) / streams,
    inputP50Ms: percentile(
      changes.map(({ inputMs }) => inputMs),
      0.5,
    ),
    strays: changes.reduce((sum, change) => sum + change.strays, 0),
    generatorBusy: Math.max(...changes.map(({ busy }) => busy)),
  };
}
