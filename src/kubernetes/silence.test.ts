import assert from "node:assert/strict";
import { test } from "node:test";
import { fakeClock } from "../kernel/fake-clock.ts";
import { SILENT, withSilence } from "./silence.ts";

test("tells silence as often as it lasts, and every line", async () => {
  const clock = fakeClock();
  const stop = new AbortController();
  const lines = withSilence(slow(clock, stop.signal), { clock, silenceMs: 30, stop });
  const seen: unknown[] = [];
  const run = (async () => {
    for await (const line of lines) seen.push(line);
  })();
  await clock.advance(300);
  await run;
  assert.deepEqual(seen, [SILENT, SILENT, SILENT, "a", "b"]);
});

test("can be left in the midst of a silence: the source is stopped, so that its pending line is not waited for", async () => {
  const clock = fakeClock();
  const stop = new AbortController();
  const run = (async () => {
    for await (const line of withSilence(slow(clock, stop.signal), { clock, silenceMs: 30, stop })) return line;
    return undefined;
  })();
  await clock.advance(30);
  const ended = await Promise.race([run, new Promise((resolve) => setTimeout(resolve, 2000, "still waiting"))]);
  assert.equal(ended, SILENT);
  assert.equal(stop.signal.aborted, true);
});

async function* slow(clock: ReturnType<typeof fakeClock>, signal: AbortSignal): AsyncGenerator<string> {
  await clock.sleep(100, signal);
  yield "a";
  yield "b";
}
