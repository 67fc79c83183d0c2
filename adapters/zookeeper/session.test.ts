import assert from "node:assert/strict";
import { test } from "node:test";
import { type FakeClock, fakeClock } from "../../src/kernel/fake-clock.ts";
import type { Connect } from "./connection.ts";
import { type SessionEvent, sessions } from "./session.ts";
import { modelZooKeeper } from "./testing.ts";

const SERVERS = ["a", "b", "c"].map((host) => ({ host, port: 2181 }));

/** Follows the sessions; `seen` has one word for each event. */
function follow(connect: Connect, { clock = fakeClock(), servers = SERVERS.slice(0, 1) } = {}) {
  const stop = new AbortController();
  const seen: string[] = [];
  const events: SessionEvent[] = [];
  const ended = (async () => {
    const options = { name: "zk", servers, connect, onWatch: () => undefined, clock, random: () => 0.5, signal: stop.signal };
    for await (const event of sessions(options)) {
      events.push(event);
      if (event.type === "lost") seen.push(`lost ${event.retryInMs}`);
      else seen.push(`${event.newSession ? "new" : "resumed"} ${event.connection.session.id}`);
    }
  })().catch((error: unknown) => {
    if (!stop.signal.aborted) throw error;
  });
  const stopped = async () => {
    stop.abort(new Error("stop"));
    await ended;
  };
  return { clock, seen, events, stopped };
}

const settle = (clock: FakeClock) => clock.advance(0);

test("a lost connection is told at once, and the session is resumed after a pause", async () => {
  const model = modelZooKeeper();
  const { clock, seen, stopped } = follow(model.connect);
  await settle(clock);
  model.disconnect();
  await settle(clock);
  assert.deepEqual(seen, ["new 1", "lost 250"]);
  await clock.advance(250);
  assert.deepEqual(seen, ["new 1", "lost 250", "resumed 1"]);
  assert.equal(model.connections, 1);
  await stopped();
});

test("an expired session is followed by a new one, whether it expired on the connection or away from it", async () => {
  const model = modelZooKeeper();
  const { clock, seen, stopped } = follow(model.connect);
  await settle(clock);
  model.expire();
  await clock.advance(250);
  model.disconnect();
  model.expire();
  await clock.advance(500);
  assert.deepEqual(
    seen.filter((word) => !word.startsWith("lost")),
    ["new 1", "new 2", "new 3"],
  );
  await stopped();
});

test("pauses grow until the connection has proved its use", async () => {
  const model = modelZooKeeper();
  model.refuse = true;
  const { clock, seen, events, stopped } = follow(model.connect);
  await clock.advance(250 + 500 + 1000);
  assert.deepEqual(seen, ["lost 250", "lost 500", "lost 1000", "lost 2000"]);
  model.refuse = false;
  await clock.advance(2000);
  model.disconnect();
  await settle(clock);
  assert.equal(seen.at(-1), "lost 2500", "a connection alone proves nothing");
  await clock.advance(4000);
  const last = events.at(-1);
  if (last?.type === "connected") last.proven();
  model.disconnect();
  await settle(clock);
  assert.equal(seen.at(-1), "lost 250");
  await stopped();
});

test("a server that is down costs no pause while another one serves", async () => {
  const model = modelZooKeeper();
  const tried: string[] = [];
  const connect: Connect = (request) => {
    tried.push(request.host);
    return request.host === "b" ? model.connect(request) : Promise.reject(new Error("down"));
  };
  const { clock, seen, stopped } = follow(connect, { servers: SERVERS });
  await settle(clock);
  assert.deepEqual(seen, ["new 1"]);
  assert.equal(new Set(tried).size, tried.length);
  await stopped();
});

test("a server that never answers is given up, and what comes of it later is not kept", async () => {
  const model = modelZooKeeper();
  const late = Promise.withResolvers<void>();
  const connect: Connect = async (request) => {
    await late.promise;
    return model.connect({ ...request, signal: new AbortController().signal });
  };
  const { clock, seen, events, stopped } = follow(connect);
  await clock.advance(5000);
  const [lost] = events;
  assert.equal(lost?.type, "lost");
  if (lost?.type === "lost") assert.match(lost.error.message, /registry zk did not answer at a:2181: no session within 5000 ms/);
  await stopped();
  late.resolve();
  await settle(clock);
  assert.deepEqual([seen.length, model.connections], [1, 0]);
});

test("the abort ends the session at the server", async () => {
  const model = modelZooKeeper();
  const { clock, stopped } = follow(model.connect);
  await settle(clock);
  await stopped();
  assert.equal(model.connections, 0);
  await assert.rejects(
    model.connect({
      ...{ host: "a", port: 1, onWatch: () => undefined, signal: new AbortController().signal },
      session: { id: "1", password: new Uint8Array(), timeoutMs: 1 },
    }),
    { name: "SessionExpired" },
  );
});
