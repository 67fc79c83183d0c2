import assert from "node:assert/strict";
import { test } from "node:test";
import { fakeClock } from "../../src/kernel/fake-clock.ts";
import { silentLog } from "../../src/kernel/log.ts";
import { fail } from "../../src/model/errors.ts";
import type { WriterEvent } from "../../src/sidecar/writer.ts";
import type { CatalogApi, CatalogRow, NodeSession, Operation } from "./writer-catalog-api.ts";
import { createCatalogLease } from "./writer-catalog-lease.ts";

const OWNER = { cluster: "east", instance: "me", epoch: 1 };

function row(instance: string): CatalogRow {
  const record = { key: instance, service: "web", traffic: "in" as const, content: "", owner: { ...OWNER, instance } };
  return { record, modifyIndex: 1, check: { status: "passing", output: "", modifyIndex: 1 } };
}

function setUp() {
  const [clock, stop] = [fakeClock(), new AbortController()];
  const sessions: NodeSession[] = [];
  const onRows = (): void => undefined;
  const world = { rows: [] as CatalogRow[], onRows, alive: true, applied: [] as Operation[], opened: 0 };
  const forever = (signal: AbortSignal) =>
    new Promise<undefined>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason), { once: true }));
  const api: CatalogApi = {
    async rows() {
      world.onRows();
      return world.rows;
    },
    apply: async (operations) => void world.applied.push(...operations),
    visible: async () => true,
    sessions: async () => [...sessions],
    async openSession(name) {
      const id = `s${++world.opened}`;
      sessions.push({ id, name, createIndex: world.opened });
      return id;
    },
    async renew() {
      if (!world.alive) throw fail("MB_REGISTRY_UNREACHABLE", { registry: "r", address: "a", reason: "down" });
      return true;
    },
    sessionIndex: async (_, index, signal) => (index === undefined ? "1" : await forever(signal)),
    async destroySession(id) {
      sessions.splice(
        sessions.findIndex((one) => one.id === id),
        1,
      );
    },
  };
  const options = {
    clock,
    random: () => 0.5,
    owner: OWNER,
    node: "n",
    ttlMs: 12_000,
    deregisterMs: 60_000,
    log: silentLog,
    name: "consul",
  };
  const lease = createCatalogLease(api, options);
  const events: WriterEvent["type"][] = [];
  const over = (async () => {
    for await (const event of lease.events(stop.signal)) events.push(event.type);
  })();
  const end = async () => {
    stop.abort();
    await over;
  };
  return { clock, sessions, world, lease, events, end };
}

test("a session is held while it is iterated, and given up at the end", async () => {
  const { clock, sessions, lease, events, end } = setUp();
  await clock.advance(0);
  assert.deepEqual([lease.session, events, sessions.length], ["s1", ["open"], 1]);
  await end();
  assert.deepEqual([lease.session, sessions.length], [undefined, 0]);
});

test("a registry that cannot be reached: lost, and another session when it can", async () => {
  const { clock, world, lease, events, end } = setUp();
  await clock.advance(0);
  world.alive = false;
  await clock.advance(4000);
  assert.equal(events[1], "lost");
  world.alive = true;
  await clock.advance(2000);
  assert.equal(events.at(-1), "open");
  assert.deepEqual([lease.session, world.opened], ["s1", 1], "the session that outlived it");
  await end();
});

test("the oldest sweeps who has no session; who came while it looked is not swept", async () => {
  const { clock, sessions, world, end } = setUp();
  await clock.advance(0);
  world.rows = [row("dead"), row("late")];
  world.onRows = () => {
    if (!sessions.some(({ name }) => name === "east/late")) sessions.push({ id: "late", name: "east/late", createIndex: 99 });
  };
  await clock.advance(25_000);
  assert.deepEqual(
    world.applied.map((operation) => JSON.stringify(operation).includes('"ServiceID":"dead"')),
    [true],
  );
  await end();
});

test("who is not the oldest sweeps nothing", async () => {
  const { clock, sessions, world, end } = setUp();
  sessions.push({ id: "older", name: "east/older", createIndex: 0 });
  world.rows = [row("dead")];
  await clock.advance(60_000);
  assert.deepEqual(world.applied, []);
  await end();
});
