import assert from "node:assert/strict";
import { test } from "node:test";
import { createDeadlines } from "./deadlines.ts";
import { fakeClock } from "./fake-clock.ts";

function rig() {
  const clock = fakeClock();
  const over: string[] = [];
  return { clock, over, deadlines: createDeadlines<string>(100, clock, (key) => over.push(`${key} ${clock.monotonic()}`)) };
}

test("each is over after its own wait, by one timer", async () => {
  const { clock, over, deadlines } = rig();
  deadlines.start("a");
  await clock.advance(30);
  deadlines.start("b");
  deadlines.start("c");
  assert.equal(clock.sleeping, 1);
  await clock.advance(69);
  assert.deepEqual(over, []);
  await clock.advance(200);
  assert.deepEqual(over, ["a 100", "b 130", "c 130"]);
  assert.equal(clock.sleeping, 0);
});

test("one that is stopped is never over; with the last one the timer goes", async () => {
  const { clock, over, deadlines } = rig();
  deadlines.start("a");
  deadlines.start("b");
  deadlines.stop("a");
  deadlines.stop("of nobody");
  assert.equal(clock.sleeping, 1);
  deadlines.stop("b");
  await clock.advance(0);
  assert.equal(clock.sleeping, 0);
  deadlines.start("c");
  await clock.advance(1000);
  assert.deepEqual(over, ["c 100"]);
});

test("one that is started again waits anew", async () => {
  const { clock, over, deadlines } = rig();
  deadlines.start("a");
  await clock.advance(60);
  deadlines.start("a");
  await clock.advance(60);
  assert.deepEqual(over, []);
  await clock.advance(40);
  assert.deepEqual(over, ["a 160"]);
});

test("what is over may start and stop others", async () => {
  const clock = fakeClock();
  const over: string[] = [];
  const deadlines = createDeadlines<string>(100, clock, (key) => {
    over.push(`${key} ${clock.monotonic()}`);
    if (key !== "a") return;
    deadlines.stop("b");
    deadlines.start("c");
  });
  deadlines.start("a");
  deadlines.start("b");
  await clock.advance(500);
  assert.deepEqual(over, ["a 100", "c 200"]);
  assert.equal(clock.sleeping, 0);
});
