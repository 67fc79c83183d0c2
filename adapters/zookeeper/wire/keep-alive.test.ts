import assert from "node:assert/strict";
import { test } from "node:test";
import { fakeClock } from "../../../src/kernel/fake-clock.ts";
import { boundedTimeout, keepAlive } from "./keep-alive.ts";

/** A clock whose sleepers can wake later than they asked for, as in a process that was held up. */
function setUp(waitingSince: () => number | undefined = () => undefined) {
  const clock = fakeClock();
  const over = new AbortController();
  const state = { heardAt: 0, pings: [] as number[], late: 0 };
  let shift = 0;
  const lateClock = {
    ...clock,
    monotonic: () => clock.monotonic() + shift,
    sleep: (ms: number, signal?: AbortSignal) =>
      clock.sleep(ms, signal).then(() => {
        shift += state.late;
        state.late = 0;
      }),
  };
  const silence = keepAlive({
    clock: lateClock,
    timeoutMs: 9000,
    heardAt: () => state.heardAt,
    waitingSince,
    ping: () => void state.pings.push(lateClock.monotonic()),
    signal: over.signal,
  });
  return { clock, lateClock, over, state, silence };
}

test("pings go out every third of the timeout; silence of two thirds is the end", async () => {
  const { clock, state, silence } = setUp();
  await clock.advance(6000);
  assert.equal((await silence)?.message, "nothing came from the server for 6000 ms");
  assert.deepEqual(state.pings, [3000, 6000]);
});

test("it ends without a word when the connection does", async () => {
  const { clock, over, silence } = setUp();
  await clock.advance(1000);
  over.abort(new Error("closed"));
  assert.equal(await silence, undefined);
  assert.equal(clock.sleeping, 0);
});

test("a process that was held up takes in first what came in the meantime", async () => {
  const { clock, lateClock, state, over, silence } = setUp();
  state.late = 60_000;
  await clock.advance(3000);
  state.heardAt = lateClock.monotonic(); // It lay in the kernel's buffer.
  await clock.advance(5000);
  assert.deepEqual(state.pings, [63_000, 66_000]);
  over.abort(new Error("closed"));
  assert.equal(await silence, undefined);
});

test("a process that was held up still notices a server that is silent", async () => {
  const { clock, state, silence } = setUp();
  state.late = 60_000;
  await clock.advance(6000);
  assert.match((await silence)?.message ?? "", /nothing came/);
});

test("a request that waits for two thirds of the timeout is the end, though the server is heard", async () => {
  const { clock, state, silence } = setUp(() => 1000);
  for (let turn = 0; turn < 7; turn++) {
    state.heardAt = clock.monotonic();
    await clock.advance(1000);
  }
  assert.equal((await silence)?.message, "a request was not answered for 6000 ms");
});

for (const [granted, kept] of [
  [1, 100],
  [30_000, 30_000],
  [2 ** 31 - 1, 120_000],
] as const)
  test(`of ${granted} ms granted ${kept} are kept`, () => assert.equal(boundedTimeout(granted), kept));
