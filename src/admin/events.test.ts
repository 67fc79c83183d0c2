import assert from "node:assert/strict";
import { test } from "node:test";
import { fakeClock } from "../kernel/fake-clock.ts";
import { createEventLog, type EventLog } from "./events.ts";

const batchesOf = (log: EventLog, afterId: number, signal: AbortSignal) => log.follow(afterId, signal)[Symbol.asyncIterator]();

function filled(count: number): EventLog {
  const log = createEventLog(fakeClock(1000));
  for (let n = 1; n <= count; n++) log.add("config", `event ${n}`, { n });
  return log;
}

test("a reader gets what is kept after its id, then what comes", async () => {
  const log = filled(3);
  const ending = new AbortController();
  const batches = batchesOf(log, 1, ending.signal);
  const first = (await batches.next()).value;
  assert.deepEqual(
    first?.events.map(({ id }: { id: number }) => id),
    [2, 3],
  );
  assert.equal(first?.missed, 0);
  assert.equal(first?.events[0]?.at, 1000);
  const next = batches.next();
  log.add("proxy", "event 4", {});
  assert.deepEqual((await next).value?.events[0], { id: 4, at: 1000, type: "proxy", message: "event 4", fields: {} });
  const last = batches.next();
  ending.abort();
  assert.equal((await last).done, true);
});

test("a reader that is too slow is told how many events it missed, and memory stays bounded", async () => {
  const log = filled(1);
  const batches = batchesOf(log, 0, new AbortController().signal);
  await batches.next();
  for (let n = 0; n < 10_000; n++) log.add("catalog", "change", {});
  const { events, missed } = (await batches.next()).value ?? { events: [], missed: 0 };
  assert.ok(events.length >= 1000 && events.length <= 2000, `${events.length} events`);
  assert.equal(missed + events.length, 10_000);
  assert.equal(events.at(-1)?.id, 10_001);
});

test("a new reader has missed nothing; one that was away too long has; one from before a restart starts anew", async () => {
  const log = filled(5000);
  const take = async (afterId: number) => (await batchesOf(log, afterId, new AbortController().signal).next()).value;
  const fresh = await take(0);
  assert.equal(fresh?.missed, 0);
  assert.ok((fresh?.events.length ?? 0) >= 1000);
  const away = await take(10);
  assert.equal((away?.missed ?? 0) + (away?.events.length ?? 0), 4990);
  assert.deepEqual(await take(1_000_000), fresh);
});

test("a reader whose signal has aborted gets nothing", async () => {
  assert.equal((await batchesOf(filled(3), 0, AbortSignal.abort()).next()).done, true);
});
