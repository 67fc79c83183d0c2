import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import { createBackoff } from "./backoff.ts";
import { systemClock } from "./clock.ts";
import { MeshbridgeError, reasonOf } from "./errors.ts";
import { fakeClock } from "./fake-clock.ts";
import { createLatest } from "./latest.ts";
import { forEachLimited } from "./promises.ts";
import { Secret } from "./secret.ts";
import { createTokenBucket } from "./token-bucket.ts";

test("backoff doubles its cap up to the maximum, with full jitter, and starts over after a reset", () => {
  const backoff = createBackoff({ baseMs: 100, maxMs: 1000, random: () => 1 });
  assert.deepEqual(
    [1, 2, 3, 4, 5, 6].map(() => backoff.next()),
    [100, 200, 400, 800, 1000, 1000],
  );
  backoff.reset();
  assert.equal(backoff.next(), 100);
  assert.equal(createBackoff({ baseMs: 100, maxMs: 1000, random: () => 0 }).next(), 1);
});

test("latest: a slow reader gets the newest value, and the end after it", async () => {
  const latest = createLatest<number>();
  latest.push(1);
  latest.push(2);
  const read: number[] = [];
  const reading = (async () => {
    for await (const value of latest) {
      read.push(value);
      if (value === 2) {
        latest.push(3);
        latest.push(4);
        latest.close();
        latest.push(5);
      }
    }
  })();
  await reading;
  assert.deepEqual(read, [2, 4]);
});

test("the fake clock wakes sleepers in order and an abort rejects at once", async () => {
  const clock = fakeClock();
  const woken: string[] = [];
  const sleeps = [clock.sleep(20).then(() => woken.push("b")), clock.sleep(10).then(() => woken.push("a"))];
  await clock.advance(15);
  assert.deepEqual(woken, ["a"]);
  await clock.advance(5);
  await Promise.all(sleeps);
  assert.deepEqual(woken, ["a", "b"]);
  const ending = new AbortController();
  const sleeping = clock.sleep(10, ending.signal);
  ending.abort(new Error("over"));
  await assert.rejects(sleeping, /over/);
  assert.equal(clock.sleeping, 0);
});

test("the system clock's sleep ends with the signal's reason", async () => {
  const ending = new AbortController();
  const sleeping = systemClock.sleep(60_000, ending.signal);
  ending.abort(new Error("over"));
  await assert.rejects(sleeping, /over/);
  await assert.rejects(systemClock.sleep(1, AbortSignal.abort(new Error("before"))), /before/);
  await systemClock.sleep(1);
});

test("token bucket: a burst at once, then one each interval, in order", async () => {
  const clock = fakeClock();
  const bucket = createTokenBucket({ burst: 2, intervalMs: 100, clock });
  const taken: number[] = [];
  const signal = new AbortController().signal;
  const all = Promise.all([1, 2, 3, 4].map((n) => bucket.take(signal).then(() => taken.push(n))));
  await clock.advance(0);
  assert.deepEqual(taken, [1, 2]);
  await clock.advance(100);
  assert.deepEqual(taken, [1, 2, 3]);
  await clock.advance(100);
  await all;
  assert.deepEqual(taken, [1, 2, 3, 4]);
});

test("forEachLimited never runs more than the limit and stops at the first error", async () => {
  let running = 0;
  let most = 0;
  const done: number[] = [];
  await forEachLimited([1, 2, 3, 4, 5], 2, async (item) => {
    most = Math.max(most, ++running);
    await new Promise((resolve) => setImmediate(resolve));
    running--;
    done.push(item);
  });
  assert.equal(most, 2);
  assert.deepEqual(done, [1, 2, 3, 4, 5]);
  const started: number[] = [];
  const failing = forEachLimited([1, 2, 3, 4], 1, async (item) => {
    started.push(item);
    if (item === 2) throw new Error("two");
  });
  await assert.rejects(failing, /two/);
  assert.deepEqual(started, [1, 2]);
});

test("a secret shows itself only when asked to", () => {
  const secret = new Secret("hunter2");
  for (const shown of [
    `${secret}`,
    JSON.stringify({ secret }),
    inspect(secret),
    inspect({ secret }, { depth: 5, showHidden: true }),
  ]) {
    assert.doesNotMatch(shown, /hunter2/);
  }
  assert.equal(secret.reveal(), "hunter2");
});

test("an error has its code first, its details filled in, and its next step", () => {
  const spec = { message: "{what} broke at {where}", next: "mend {what}", status: 500, exitCode: 1 as const };
  const error = new MeshbridgeError("MB_TEST", spec, { what: "it", where: "there" });
  assert.equal(error.message, "MB_TEST: it broke at there");
  assert.equal(error.next, "mend it");
  assert.equal(reasonOf(new AggregateError([new Error("first")])), "first");
  assert.equal(reasonOf("text"), "text");
});
