import assert from "node:assert/strict";
import { test } from "node:test";
import { fakeClock } from "../kernel/fake-clock.ts";
import { createLatest } from "../kernel/latest.ts";
import { silentLog } from "../kernel/log.ts";
import { fail } from "../model/errors.ts";
import type { FoundRecord, Owner, WantedRecord } from "./plan/record.ts";
import { asFound } from "./plan/testing-registry.ts";
import type { Registration } from "./registration.ts";
import { startTarget } from "./target.ts";
import type { Writer, WriterEvent } from "./writer.ts";

const OWNER: Owner = { cluster: "east", instance: "web-1", epoch: 1 };
const UNREACHABLE = fail("MB_REGISTRY_UNREACHABLE", { registry: "r", address: "a", reason: "down" });

function registration(id: string, more: Partial<Registration> = {}): Registration {
  return {
    ...{ id, service: "web", address: "10.0.0.1", port: 80, ports: {}, protocol: undefined, weight: 1, zone: undefined },
    ...{ region: undefined, tags: [], labels: {}, traffic: "in", origin: ["east"], startedAt: 0 },
    ...more,
  };
}

/** A registry in memory behind the contract, with a hand on its events, failures and what its readers see. */
function setUp() {
  const clock = fakeClock();
  const stop = new AbortController();
  const records = new Map<string, FoundRecord>();
  const calls: string[] = [];
  const events = createLatest<WriterEvent>();
  const world = { failing: new Set<string>(), visible: true, looks: 0, answered: Promise.resolve() };
  const may = (call: string) => {
    if (world.failing.has(call)) throw UNREACHABLE;
    calls.push(call);
  };
  const writer: Writer = {
    render: (registrations): readonly WantedRecord[] =>
      registrations.map(({ id, service, traffic, weight, origin }) => ({
        ...{ key: id, service, traffic, origin, content: `${weight} ${traffic}` },
      })),
    async observe() {
      world.looks++;
      await world.answered;
      return [...records.values()];
    },
    async put({ record }) {
      may(`put ${record.key}`);
      records.set(record.key, asFound(record, OWNER));
    },
    async takeOut({ key }) {
      may(`out ${key}`);
    },
    async remove({ key }) {
      may(`remove ${key}`);
      records.delete(key);
    },
    confirm: async () => world.visible,
    survey: async () => assert.fail("nothing is surveyed"),
    purge: async () => assert.fail("nothing is purged"),
    async *events(signal) {
      signal.addEventListener("abort", () => events.close());
      yield* events;
    },
  };
  const options = { name: "r", writer, owner: OWNER, clock, random: () => 0.5, log: silentLog, signal: stop.signal };
  const target = startTarget({ ...options, onChange: () => undefined });
  const end = async () => {
    stop.abort();
    await target.ended;
  };
  return { clock, records, calls, events, world, target, end };
}

test("nothing is done before the registry can be written to and something is wished", async () => {
  const { clock, calls, events, target, end } = setUp();
  target.wish({ synced: true, registrations: [registration("a")] });
  await clock.advance(1000);
  assert.deepEqual(calls, []);
  events.push({ type: "open" });
  await clock.advance(0);
  assert.deepEqual(calls, ["put a"]);
  assert.equal(target.state.settled, true);
  assert.equal(target.state.records[0]?.state, "confirmed");
  await end();
});

test("settled only when the registry's readers see it", async () => {
  const { clock, events, world, target, end } = setUp();
  world.visible = false;
  events.push({ type: "open" });
  target.wish({ synced: true, registrations: [registration("a")] });
  await clock.advance(500);
  assert.deepEqual([target.state.settled, target.state.records[0]?.state], [false, "written"]);
  world.visible = true;
  await clock.advance(1000);
  assert.deepEqual([target.state.settled, target.state.records[0]?.state], [true, "confirmed"]);
  await end();
});

test("what replaces fails: what it replaces stays; tried again it goes through", async () => {
  const { clock, records, calls, events, world, target, end } = setUp();
  events.push({ type: "open" });
  target.wish({ synced: true, registrations: [registration("old")] });
  await clock.advance(0);
  world.failing.add("put new");
  target.wish({ synced: true, registrations: [registration("new")] });
  await clock.advance(3000);
  assert.ok(records.has("old"));
  assert.equal(target.state.records[0]?.state, "failed");
  assert.equal(target.state.error?.code, "MB_REGISTRY_UNREACHABLE");
  world.failing.clear();
  await clock.advance(6000);
  assert.deepEqual(calls, ["put old", "put new", "out old", "remove old"]);
  assert.deepEqual([target.state.settled, target.state.error], [true, undefined]);
  await end();
});

test("wished away and wished for again while the registry answers: it stays", async () => {
  const { clock, calls, events, world, target, end } = setUp();
  events.push({ type: "open" });
  target.wish({ synced: true, registrations: [registration("a")] });
  await clock.advance(0);
  const answered = Promise.withResolvers<void>();
  world.answered = answered.promise;
  target.wish({ synced: true, registrations: [] });
  await clock.advance(0);
  target.wish({ synced: true, registrations: [registration("a")] });
  answered.resolve();
  await clock.advance(0);
  assert.deepEqual(calls, ["put a"]);
  assert.equal(target.state.settled, true);
  await end();
});

test("a record that vanished comes back: told of at once, untold within a minute", async () => {
  const { clock, records, calls, events, target, end } = setUp();
  events.push({ type: "open" });
  target.wish({ synced: true, registrations: [registration("a")] });
  await clock.advance(0);
  records.clear();
  events.push({ type: "changed" });
  await clock.advance(0);
  assert.ok(records.has("a"));
  records.clear();
  await clock.advance(60_000);
  assert.ok(records.has("a"));
  assert.deepEqual(calls, ["put a", "put a", "put a"]);
  await end();
});

test("while the registry is lost nothing is tried; after it everything is looked at", async () => {
  const { clock, records, events, world, target, end } = setUp();
  events.push({ type: "open" });
  target.wish({ synced: true, registrations: [registration("a")] });
  await clock.advance(0);
  events.push({ type: "lost", error: UNREACHABLE, retryInMs: 100 });
  await clock.advance(0);
  const { looks } = world;
  await clock.advance(200_000);
  assert.equal(world.looks, looks);
  assert.deepEqual([target.state.connected, target.state.settled], [false, false]);
  records.clear();
  events.push({ type: "open" });
  await clock.advance(0);
  assert.ok(records.has("a"));
  assert.equal(target.state.settled, true);
  await end();
});

test("idle: one look a minute at the most often twice", async () => {
  const { clock, events, world, target, end } = setUp();
  events.push({ type: "open" });
  target.wish({ synced: true, registrations: [registration("a")] });
  await clock.advance(0);
  const before = world.looks;
  await clock.advance(3_600_000);
  assert.ok(world.looks - before >= 60 && world.looks - before <= 120, `${world.looks - before} looks in an hour`);
  await end();
});
