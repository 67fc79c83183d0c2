/** `npm run simulate -- --seeds 2000`: many histories on all cores; a seed that fails is printed with how to replay it. */
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { type History, playHistory } from "./history.ts";

interface Share {
  readonly from: number;
  readonly seeds: number;
  readonly step: number;
}

/** Failures shown in full; the rest is counted. */
const MAX_SHOWN = 5;

async function work({ from, seeds, step }: Share): Promise<readonly History[]> {
  const failed: History[] = [];
  for (let seed = from; seed < from + seeds; seed += step) {
    const history = await playHistory(seed);
    if (history.breaches.length > 0) failed.push(history);
  }
  return failed;
}

function inThread(share: Share): Promise<readonly History[]> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL(import.meta.url), { workerData: share });
    worker.once("message", resolve);
    worker.once("error", reject);
  });
}

function show({ seed, steps, breaches }: History, all: boolean): void {
  if (all) process.stdout.write(`${steps.join("\n")}\n`);
  for (const breach of breaches.slice(0, 10)) process.stdout.write(`seed ${seed}: ${breach}\n`);
  if (breaches.length > 0) process.stdout.write(`replay: npm run simulate -- --seed ${seed}\n`);
}

async function main(): Promise<number> {
  const text = { type: "string" } as const;
  const { values } = parseArgs({ options: { seeds: text, seed: text, from: text } });
  if (values.seed !== undefined) {
    const history = await playHistory(Number(values.seed));
    show(history, true);
    process.stdout.write(history.breaches.length === 0 ? "it holds\n" : "it fails\n");
    return history.breaches.length === 0 ? 0 : 1;
  }
  const seeds = Number(values.seeds ?? 2000);
  const from = Number(values.from ?? 1);
  const threads = Math.min(seeds, availableParallelism());
  const started = performance.now();
  const shares = Array.from({ length: threads }, (_, index) => ({ from: from + index, seeds: seeds - index, step: threads }));
  const failed = (await Promise.all(shares.map(inThread))).flat().sort((a, b) => a.seed - b.seed);
  for (const history of failed.slice(0, MAX_SHOWN)) show(history, false);
  const seconds = (performance.now() - started) / 1000;
  process.stdout.write(
    `${seeds} histories in ${seconds.toFixed(1)} s (${(seeds / seconds).toFixed(0)}/s): ${seeds - failed.length} hold, ${failed.length} fail\n`,
  );
  return failed.length === 0 ? 0 : 1;
}

if (isMainThread) process.exitCode = await main();
else parentPort?.postMessage(await work(workerData as Share));
