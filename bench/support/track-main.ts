/** A process that tracks what simulated API servers hold, and tells what it costs. Run with --expose-gc. */

import { createLiveEngine } from "../../deploy/engine/live.ts";
import { keyOf } from "../../deploy/plan/object-key.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { connectBench } from "./deploy-connect.ts";
import { benchDeployment, TRACKED } from "./deploy-data.ts";
import type { TrackOrder, TrackReply } from "./deploy-protocol.ts";

const WITHIN_MS = 180_000;

process.on("message", (order: TrackOrder) => {
  track(order).then(
    (reply) => process.send?.(reply, () => process.exit(0)),
    (error: unknown) => {
      throw error;
    },
  );
});
process.on("disconnect", () => process.exit(0));

async function track({ urls, objects, whole }: TrackOrder): Promise<TrackReply> {
  const { signal } = new AbortController();
  const clients = new Map(
    await Promise.all(urls.map(async (url, index) => [`sim-${index}`, await connectBench(`sim-${index}`, { url })] as const)),
  );
  const started = performance.now();
  const engine = createLiveEngine({ clients, clock: systemClock, withinMs: WITHIN_MS, signal, changed: () => undefined });
  // Another workload's look fills the caches just as well, without that a copy of every object is made for it.
  const wanted = whole ? [keyOf(benchDeployment("bench/other", "none", "1"))] : [];
  const { problems } = await engine.observe(
    { workload: "bench/other", keys: wanted, main: undefined, demand: undefined },
    signal,
  );
  if (problems[0] !== undefined) throw problems[0].error;
  const seconds = (performance.now() - started) / 1000;
  if (engine.tracked() !== objects) throw new Error(`${engine.tracked()} of ${objects} objects are tracked, of ${TRACKED}`);
  for (let round = 0; round < 3; round++) {
    globalThis.gc?.();
    await systemClock.sleep(200);
  }
  const { rss, heapUsed } = process.memoryUsage();
  return { seconds, tracked: engine.tracked(), rssMiB: rss / 2 ** 20, heapMiB: heapUsed / 2 ** 20 };
}
