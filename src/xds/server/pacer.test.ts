import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import type { Clock } from "../../kernel/clock.ts";
import { createPacer } from "./pacer.ts";

/** Time that stands still but for what is said to pass. */
function handClock() {
  let now = 1000;
  const sleepers: { readonly at: number; readonly wake: () => void }[] = [];
  const clock: Clock = {
    now: () => now,
    monotonic: () => now,
    sleep: (ms) => new Promise((resolve) => sleepers.push({ at: now + ms, wake: resolve })),
  };
  const pass = async (ms: number) => {
    now += ms;
    for (const { wake } of sleepers.filter(({ at }) => at <= now && at > now - ms)) wake();
    await setImmediate();
    await setImmediate();
  };
  return { clock, pass, spend: (ms: number) => (now += ms) };
}

test("the first change leaves at once; the next waits in proportion to what the round cost", async () => {
  const { clock, pass, spend } = handClock();
  const pacer = createPacer(clock);
  let flushed = 0;
  let cost = 1;
  const flush = () => {
    flushed++;
    spend(cost);
  };
  pacer.change(flush);
  pacer.change(flush);
  await pass(0);
  assert.equal(flushed, 1);
  pacer.change(flush);
  await pass(6);
  assert.equal(flushed, 1, "6 ms after the end of a round of 1 ms");
  cost = 5;
  await pass(1);
  assert.equal(flushed, 2);
  pacer.change(flush);
  await pass(19);
  assert.equal(flushed, 2, "19 ms after the end of a round of 5 ms");
  await pass(1);
  assert.equal(flushed, 3, "20 ms are the most between two rounds");
});

test("who asks is served at once, and not again for the change it was waiting for", async () => {
  const { clock, pass, spend } = handClock();
  const pacer = createPacer(clock);
  const log: string[] = [];
  const slow = () => {
    log.push("slow");
    spend(2);
  };
  const asks = () => log.push("asks");
  pacer.change(slow);
  await pass(0);
  pacer.change(slow);
  pacer.change(asks);
  pacer.request(asks);
  await pass(0);
  assert.deepEqual(log, ["slow", "asks"]);
  await pass(20);
  assert.deepEqual(log, ["slow", "asks", "slow"]);
});
