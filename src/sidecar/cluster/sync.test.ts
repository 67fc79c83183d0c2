import assert from "node:assert/strict";
import { test } from "node:test";
import { fakeClock } from "../../kernel/fake-clock.ts";
import { createLatest } from "../../kernel/latest.ts";
import { silentLog } from "../../kernel/log.ts";
import type { Group } from "../../model/group.ts";
import { contractGroup } from "../../registry/testing.ts";
import type { Target, Wish } from "../target.ts";
import type { ElectionEvent } from "./election.ts";
import { startClusterSync } from "./sync.ts";

function setUp() {
  const clock = fakeClock();
  const stop = new AbortController();
  const elections = createLatest<ElectionEvent>();
  const log: string[] = [];
  const wishes: Wish[] = [];
  const source = { name: "k8s", complete: true, list: [] as Group[], groups: () => source.list };
  const openTargets = (epoch: number, signal: AbortSignal): ReadonlyMap<string, Target> => {
    log.push(`open ${epoch}`);
    const ended = new Promise<void>((resolve) => {
      signal.addEventListener("abort", () => {
        log.push(`end ${epoch}`);
        resolve();
      });
    });
    const state = { name: "consul", connected: true, settled: true, complete: true, records: [], error: undefined };
    const target: Target = {
      state: { ...state, counts: { put: 0, "take-out": 0, remove: 0, failed: 0 } },
      wish: (wish) => wishes.push(wish),
      hold: () => log.push(`hold ${epoch}`),
      ended,
    };
    return new Map([["consul", target]]);
  };
  const sync = startClusterSync({
    sources: [source],
    mirrors: [{ from: "k8s", to: ["consul"], rule: { services: ["*/*"], name: "{name}", port: undefined, imports: "skip" } }],
    election: {
      async *events(signal) {
        signal.addEventListener("abort", () => elections.close());
        yield* elections;
      },
    },
    ...{
      owner: { cluster: "east", instance: "sync/sync" },
      openTargets,
      handoverMs: 5000,
      clock,
      random: () => 0.5,
      log: silentLog,
    },
    signal: stop.signal,
  });
  return { clock, stop, elections, log, wishes, source, sync };
}

const web = (...last: readonly number[]) =>
  contractGroup(
    "web",
    last.map((each) => ({ address: `10.0.0.${each}`, port: 80 })),
    { registry: "k8s", scope: "web", cluster: "c" },
  );

test("who is not elected opens nothing; who is mirrors what there is, and what changes", async () => {
  const { clock, stop, elections, log, wishes, source, sync } = setUp();
  source.list = [web(1)];
  sync.sourceChanged();
  await clock.advance(1000);
  assert.deepEqual([log, wishes], [[], []]);
  elections.push({ type: "leading", epoch: 3 });
  await clock.advance(0);
  assert.deepEqual(
    wishes.map(({ registrations }) => registrations.map(({ id }) => id)),
    [["10.0.0.1-80"]],
  );
  source.list = [web(1, 2)];
  source.complete = false;
  sync.sourceChanged();
  sync.sourceChanged();
  await clock.advance(200);
  assert.deepEqual(
    wishes.slice(1).map(({ synced, registrations }) => [synced, registrations.length]),
    [[false, 2]],
  );
  stop.abort();
  await sync.ended;
});

test("who is not elected any more writes nothing from then on, and lets go of its leases later", async () => {
  const { clock, stop, elections, log, wishes, sync } = setUp();
  elections.push({ type: "leading", epoch: 3 });
  await clock.advance(0);
  elections.push({ type: "following" });
  await clock.advance(4999);
  assert.deepEqual([log, sync.epoch, wishes.length], [["open 3", "hold 3"], undefined, 1]);
  sync.sourceChanged();
  elections.push({ type: "leading", epoch: 5 });
  await clock.advance(1000);
  assert.deepEqual(log, ["open 3", "hold 3", "open 5", "end 3"]);
  assert.equal(sync.epoch, 5);
  stop.abort();
  await sync.ended;
});

test("who leaves gives up office first, and resolves when its leases are let go", async () => {
  const { clock, elections, log, sync } = setUp();
  elections.push({ type: "leading", epoch: 1 });
  await clock.advance(0);
  let left = false;
  const leaving = sync.leave().then(() => {
    left = true;
  });
  await clock.advance(4000);
  assert.deepEqual([log, left, sync.epoch], [["open 1", "hold 1"], false, undefined]);
  await clock.advance(1000);
  await leaving;
  assert.deepEqual(log, ["open 1", "hold 1", "end 1"]);
});
