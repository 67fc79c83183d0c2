import assert from "node:assert/strict";
import { once } from "node:events";
import type { Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { fakeClock } from "../../kernel/fake-clock.ts";
import { silentLog } from "../../kernel/log.ts";
import { createAdminApp } from "../app.ts";
import { createEventLog, type EventLog } from "../events.ts";
import { TEST_NOW, testState } from "../testing/state.ts";

/** An app on a port of its own, with an event log that knows how many read it. */
async function started(t: TestContext) {
  const log = createEventLog(fakeClock(TEST_NOW));
  const readers = { now: 0, gone: Promise.withResolvers<void>() };
  const events: EventLog = {
    add: log.add,
    async *follow(afterId, signal) {
      readers.now++;
      try {
        yield* log.follow(afterId, signal);
      } finally {
        readers.now--;
        readers.gone.resolve();
      }
    },
  };
  const app = await createAdminApp(testState({ events }), { log: silentLog });
  const sockets: Socket[] = [];
  const probes: (readonly unknown[])[] = [];
  app.server.on("connection", (socket) => {
    sockets.push(socket);
    t.mock.method(socket, "setKeepAlive", (...settings: readonly unknown[]) => probes.push(settings));
  });
  const address = await app.listen({ host: "127.0.0.1", port: 0 });
  t.after(() => app.close());
  return { app, url: `${address}/v1/events`, events, readers, sockets, probes };
}

/** Reads until the text holds `end`. */
async function readUntil(reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>, end: string): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  while (!text.includes(end)) {
    const { value, done } = await reader.read();
    if (done) throw new Error(`the stream ended after ${JSON.stringify(text)}`);
    text += decoder.decode(value, { stream: true });
  }
  return text;
}

async function follow(url: string, init: RequestInit = {}) {
  const response = await fetch(url, init);
  assert.equal(response.status, 200);
  assert.equal(response.headers.get("content-type"), "text/event-stream");
  assert.ok(response.body);
  return response.body.getReader();
}

test("events arrive as they happen, each with its id, and nobody who waits is cut off", async (t) => {
  const { url, events, sockets } = await started(t);
  events.add("registry", "registry zk is stale", { registry: "zk" });
  const reader = await follow(url);
  const first = await readUntil(reader, "stale");
  assert.match(first, /^: events follow\n\nid: 1\nevent: registry\ndata: /);
  assert.match(first, /data: \{"at":"2026-11-24T12:00:00\.000Z","message":"registry zk is stale","registry":"zk"\}\n\n/);
  events.add("proxy", "line one\nline two", { proxy: "edge\n\nid: 9" });
  const second = await readUntil(reader, "line two");
  assert.equal(second.split("\n").length, 5, "foreign line breaks must not end a field");
  assert.deepEqual(
    sockets.map(({ timeout }) => timeout),
    [0],
  );
  await reader.cancel();
});

test("Last-Event-ID continues where the reader was, and says what is lost", async (t) => {
  const { url, events } = await started(t);
  for (let n = 1; n <= 2500; n++) events.add("catalog", `change ${n}`, {});
  const near = await follow(url, { headers: { "last-event-id": "2498" } });
  const text = await readUntil(near, "change 2500");
  assert.match(text, /^: events follow\n\nid: 2499\n/);
  assert.doesNotMatch(text, /gap/);
  const far = await follow(url, { headers: { "last-event-id": "3" } });
  assert.match(await readUntil(far, "change 2500"), /^: events follow\n\nevent: gap\ndata: \{"missed":\d+\}\n\nid: /);
  const strange = await follow(url, { headers: { "last-event-id": "1e3" } });
  assert.doesNotMatch(await readUntil(strange, "change 2500"), /gap/);
  await Promise.all([near, far, strange].map((reader) => reader.cancel()));
});

test("a reader whose machine is gone is found out by the kernel, since no timeout ends who waits", async (t) => {
  const { url, probes } = await started(t);
  const reader = await follow(url);
  await readUntil(reader, "events follow");
  assert.deepEqual(probes, [[true, 30_000]]);
  await reader.cancel();
});

test("a reader that goes away is let go of", async (t) => {
  const { url, readers } = await started(t);
  const leaving = new AbortController();
  const reader = await follow(url, { signal: leaving.signal });
  await readUntil(reader, "events follow");
  assert.equal(readers.now, 1);
  leaving.abort();
  await readers.gone.promise;
  assert.equal(readers.now, 0);
});

test("closing the app ends the streams instead of waiting for them", async (t) => {
  const { app, url, readers, sockets } = await started(t);
  await readUntil(await follow(url), "events follow");
  const closed = once(sockets[0] ?? app.server, "close");
  await app.close();
  await closed;
  await readers.gone.promise;
  assert.equal(readers.now, 0);
});
