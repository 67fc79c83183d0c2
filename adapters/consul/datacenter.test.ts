/** The loop's load and pace, on a clock that the test moves and a client that answers from memory. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type FakeClock, fakeClock } from "../../src/kernel/fake-clock.ts";
import { fail } from "../../src/model/errors.ts";
import { AUTHORITATIVE } from "../../src/model/evidence.ts";
import type { RegistryEvent } from "../../src/registry/adapter.ts";
import type { Answer, ConsulClient, Query } from "./client.ts";
import { watchPart } from "./datacenter.ts";
import { PULSE_PATH } from "./pulse.ts";
import { contextFor } from "./testing.ts";

const SERVICES = "/health/service/";
const CATALOG = "/catalog/services";
const CHECKS = "/health/state/any";
const NODES = "/catalog/nodes";

/** Consul in memory: queries block until their index is passed, or not at all in a storm. */
class Server {
  readonly bodies = new Map<string, unknown>();
  readonly asked: string[] = [];
  storm = false;
  refusal: Answer | undefined;
  /** Answers the pulse alone: what waits goes on waiting, as with an agent that is frozen. */
  silence: Answer | undefined;
  #index = new Map<string, number>();
  #wake = new Set<() => void>();

  constructor(names: readonly string[]) {
    this.bodies.set(CATALOG, Object.fromEntries(names.map((name) => [name, []])));
    this.bodies.set(CHECKS, []);
    this.bodies.set(NODES, [{ Node: "n1", Address: "10.0.0.1", Datacenter: "dc1" }]);
    for (const name of names) this.weigh(name, 1);
  }

  weigh(name: string, weight: number): void {
    const service = { ID: name, Service: name, Port: 80, Weights: { Passing: weight, Warning: 1 } };
    this.bodies.set(SERVICES + name, [{ Node: { Node: "n1", Address: "10.0.0.1" }, Service: service, Checks: [] }]);
  }

  /** The index of a feed moves. */
  move(path: string): void {
    this.#index.set(path, this.#indexOf(path) + 1);
    for (const wake of this.#wake) wake();
    this.#wake.clear();
  }

  count(path: string): number {
    return this.asked.filter((other) => other.startsWith(path)).length;
  }

  async get(path: string, query: Query, { signal }: { readonly signal: AbortSignal }): Promise<Answer> {
    this.asked.push(path);
    if (this.refusal !== undefined) return this.refusal;
    if (path === PULSE_PATH && this.silence !== undefined) return this.silence;
    if (this.storm) this.move(path);
    while (query["index"] === String(this.#indexOf(path)))
      await new Promise<void>((resolve, reject) => {
        this.#wake.add(resolve);
        signal.addEventListener("abort", () => reject(signal.reason), { once: true });
      });
    const body = structuredClone(this.bodies.get(path) ?? []);
    return { reply: { body, index: String(this.#indexOf(path)), filteredByAcls: false, knownLeader: true, lastContactMs: 0 } };
  }

  #indexOf(path: string): number {
    return this.#index.get(path) ?? 100;
  }
}

interface Bench {
  readonly clock: FakeClock;
  readonly events: RegistryEvent[];
  weightSeen(name: string): number | undefined;
  stop(): Promise<void>;
}

/** Runs the loop over the server until `stop`. */
async function run(server: Server, consistency: "default" | "stale" = "default"): Promise<Bench> {
  const clock = fakeClock();
  const events: RegistryEvent[] = [];
  const stop = new AbortController();
  const client: ConsulClient = {
    names: { registry: "consul", address: "memory" },
    get: (path, query, limits) => server.get(path, query, limits),
  };
  const part = { datacenter: undefined, consulNamespace: undefined };
  const context = contextFor(stop.signal, { clock });
  const ended = (async () => {
    try {
      for await (const batch of watchPart({ part, config: { consistency }, client, context })) events.push(...batch);
    } catch (error) {
      if (!stop.signal.aborted) throw error;
    }
  })();
  await clock.advance(0);
  return {
    clock,
    events,
    weightSeen: (name) => {
      const event = events.findLast((other) => other.type === "group" && other.group.service.name === name);
      return event?.type === "group" ? event.group.instances[0]?.weight : undefined;
    },
    async stop() {
      stop.abort();
      await ended;
    },
  };
}

async function seconds(clock: FakeClock, count: number): Promise<void> {
  for (let second = 0; second < count; second++) await clock.advance(1000);
}

const named = (count: number) => Array.from({ length: count }, (_, at) => `s${at}`);

test("an index that moves with every reply costs about two requests a second, and at most fifty re-reads", async () => {
  const server = new Server(named(50));
  server.storm = true;
  const { clock, stop } = await run(server);
  await seconds(clock, 5);
  const before = server.asked.length;
  await seconds(clock, 120);
  const after = server.asked.slice(before);
  const asked = after.filter((path) => path !== PULSE_PATH);
  assert.ok(after.length - asked.length <= 27, "a pulse each five seconds at the most often");
  const reads = asked.filter((path) => path.startsWith(SERVICES)).length;
  assert.ok(asked.length - reads > 120 && asked.length - reads <= 120 * 2.25, `${asked.length - reads} requests of feeds`);
  // Rounds of 50 services are a second apart.
  assert.ok(reads > 0 && reads <= 50 * 121, `${reads} reads of services`);
  await stop();
});

test("a change is read without any wait, and only the service it concerns", async () => {
  const server = new Server(["web", "api"]);
  const { clock, events, weightSeen, stop } = await run(server);
  assert.deepEqual(events.at(-1), { type: "synced", evidence: AUTHORITATIVE });
  await seconds(clock, 10);
  assert.equal(server.count(SERVICES), 2);
  server.weigh("web", 7);
  server.bodies.set(CHECKS, [{ Node: "n1", CheckID: "c", Status: "passing", ServiceName: "web" }]);
  server.move(CHECKS);
  await clock.advance(0);
  assert.equal(weightSeen("web"), 7);
  assert.equal(server.count(`${SERVICES}web`), 2);
  assert.equal(server.count(`${SERVICES}api`), 1);
  await stop();
});

test("a change that shows nowhere is not lost beside one that shows in the same reply", async () => {
  const server = new Server(["web", "api"]);
  const { clock, weightSeen, stop } = await run(server);
  await seconds(clock, 10);
  server.weigh("api", 9);
  server.weigh("new", 3);
  server.bodies.set(CATALOG, { web: [], api: [], new: [] });
  server.move(CATALOG);
  await clock.advance(0);
  assert.deepEqual([weightSeen("new"), weightSeen("api")], [3, 9]);
  await stop();
});

test("a check or the address of a node leads to the services on it", async () => {
  const server = new Server(["web"]);
  const { clock, weightSeen, stop } = await run(server);
  for (const [path, body, weight] of [
    [CHECKS, [{ Node: "n1", CheckID: "serfHealth", Status: "critical" }], 2],
    [CHECKS, [{ Node: "n2", CheckID: "c", Status: "passing", ServiceName: "web" }], 3],
    [NODES, [{ Node: "n1", Address: "10.0.0.99", Datacenter: "dc1" }], 4],
  ] as const) {
    await seconds(clock, 10);
    server.weigh("web", weight);
    server.bodies.set(path, body);
    server.move(path);
    await clock.advance(0);
    assert.equal(weightSeen("web"), weight);
  }
  await stop();
});

test("many services are read 200 a second when nothing says which one changed, and the change is found", async () => {
  const server = new Server(named(900));
  const { clock, weightSeen, stop } = await run(server);
  await seconds(clock, 10);
  const before = server.count(SERVICES);
  server.weigh("s899", 7);
  server.move(CATALOG);
  for (const atMost of [200, 400, 600, 800, 900]) {
    await clock.advance(0);
    assert.equal(server.count(SERVICES) - before, atMost);
    await clock.advance(1000);
  }
  assert.equal(weightSeen("s899"), 7);
  await stop();
});

test("with stale reads, a change that could not be seen yet is looked for once more", async () => {
  const server = new Server(["web"]);
  const { clock, weightSeen, stop } = await run(server, "stale");
  await seconds(clock, 60);
  server.move(CATALOG);
  await clock.advance(0);
  server.weigh("web", 7);
  await seconds(clock, 2);
  assert.equal(weightSeen("web"), 7);
  const settled = server.count(SERVICES);
  await seconds(clock, 60);
  assert.equal(server.count(SERVICES), settled);
  await stop();
});

test("a frozen agent is noticed by the pulse, and everything is asked anew when it is back", async () => {
  const server = new Server(["web"]);
  const { clock, events, stop } = await run(server);
  await seconds(clock, 20);
  const quiet = server.count(CATALOG);
  const error = fail("MB_REGISTRY_UNREACHABLE", { registry: "consul", address: "memory", reason: "no answer in time" });
  server.silence = { error, retryAfterMs: undefined };
  const from = events.length;
  await seconds(clock, 6);
  assert.deepEqual(events.slice(from).map(({ type }) => type)[0], "degraded");
  assert.equal(server.count(CATALOG), quiet, "what waits is not asked twice");
  // Once to be answered at once, once to wait on.
  server.silence = undefined;
  const back = events.length;
  await seconds(clock, 6);
  assert.deepEqual(
    [CATALOG, CHECKS, NODES].map((path) => server.count(path)),
    [quiet + 2, quiet + 2, quiet + 2],
  );
  assert.deepEqual(events.slice(back).at(-1)?.type, "synced");
  await stop();
});

test("after a refusal nothing is asked before the time the server named", async () => {
  const server = new Server(["web"]);
  const error = fail("MB_REGISTRY_REFUSED", { registry: "consul", address: "memory", statusCode: 429, reason: "too many" });
  server.refusal = { error, retryAfterMs: 30_000 };
  const { clock, events, stop } = await run(server);
  assert.equal(server.asked.length, 3);
  await seconds(clock, 29);
  assert.equal(server.asked.length, 3);
  await seconds(clock, 2);
  assert.equal(server.asked.length, 6);
  assert.deepEqual(events, [
    { type: "degraded", error, retryInMs: 30_000 },
    { type: "degraded", error, retryInMs: 30_000 },
  ]);
  await stop();
});
