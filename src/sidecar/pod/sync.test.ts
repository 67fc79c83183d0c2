import assert from "node:assert/strict";
import { test } from "node:test";
import { fakeClock } from "../../kernel/fake-clock.ts";
import { createLatest } from "../../kernel/latest.ts";
import { silentLog } from "../../kernel/log.ts";
import type { Readiness } from "../readiness/watch.ts";
import type { Registration } from "../registration.ts";
import type { Target, TargetState, Wish } from "../target.ts";
import { startPodSync } from "./sync.ts";

const READY: Readiness = { ready: true, known: true, reason: undefined };
const NOT_READY: Readiness = { ready: false, known: true, reason: "GET / answered 503" };
const UNKNOWN: Readiness = { ready: false, known: false, reason: "GET / answered 503" };
const DRAIN_MS = 1000;

/** A Pod of one service with one target that does all it is told at once; `wishes` is what it was told. */
function setUp() {
  const clock = fakeClock();
  const stop = new AbortController();
  const readiness = createLatest<Readiness>();
  const wishes: string[] = [];
  const state = { name: "r", connected: true, settled: true, complete: true, records: [], error: undefined } as const;
  const target: Target = {
    state: state as Partial<TargetState> as TargetState,
    wish({ synced, registrations }: Wish) {
      wishes.push(`${synced ? "synced" : "not synced"}: ${registrations.map(({ traffic }) => traffic).join() || "nothing"}`);
    },
    hold: () => undefined,
    ended: Promise.resolve(),
  };
  const register = (_: unknown, traffic: "in" | "out") => ({ id: "a", service: "web", traffic }) as Registration;
  const sync = startPodSync({
    ...{ services: [{ name: "web", port: 80 }], targets: new Map([["r", target]]), register, drainMs: DRAIN_MS },
    ...{ readiness, clock, log: silentLog, signal: stop.signal },
  });
  const told = async (...news: readonly Readiness[]) => {
    for (const next of news) {
      readiness.push(next);
      await clock.advance(0);
    }
  };
  const end = async () => {
    stop.abort();
    readiness.close();
    await sync.ended;
  };
  return { clock, sync, wishes, told, end };
}

test("restarted beside a ready workload: what is there is never wished away, not for a moment", async () => {
  const { wishes, told, end } = setUp();
  await told(UNKNOWN);
  assert.deepEqual(wishes, [], "one look says nothing");
  await told(READY);
  assert.deepEqual(wishes, ["synced: in"]);
  await end();
});

test("restarted beside a workload that is not ready: what an earlier process left goes", async () => {
  const { wishes, told, end } = setUp();
  await told(UNKNOWN, NOT_READY);
  assert.deepEqual(wishes, ["synced: nothing"]);
  await end();
});

test("not ready any more: taken out, then removed", async () => {
  const { clock, sync, wishes, told, end } = setUp();
  await told(READY, NOT_READY);
  await clock.advance(DRAIN_MS);
  assert.deepEqual(wishes, ["synced: in", "synced: out", "synced: nothing"]);
  assert.equal(sync.offer, "absent");
  await end();
});

test("told to drain before anything is known: nothing is left, and that is reported", async () => {
  const { clock, sync, wishes, told, end } = setUp();
  const drained = sync.drain();
  await clock.advance(0);
  assert.deepEqual(await drained, { complete: true, tookMs: 0 });
  await told(READY);
  assert.ok(wishes.length > 0 && wishes.every((wish) => wish === "synced: nothing"), wishes.join("; "));
  await end();
});
