/** The xDS port under load and under attack: what holds, and that the others do not notice. All on loopback, bounded. */
import assert from "node:assert/strict";
import { connect, type Socket } from "node:net";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Metadata, status } from "@grpc/grpc-js";
import type { CatalogService } from "../../src/catalog/types.ts";
import { type Clock, systemClock } from "../../src/kernel/clock.ts";
import { DEFAULT_GATE_LIMITS } from "../../src/xds/server/gate.ts";
import { eventually } from "../support/eventually.ts";
import { startFaultProxy } from "../support/fault-proxy.ts";
import { connectXds, openDeaf, openXds, type XdsClient } from "../support/xds-client.ts";
import { serviceAt, startXdsRig, type XdsRig } from "../support/xds-rig.ts";

/** Version `n` of `count` services. */
const services = (count: number, n: number): readonly CatalogService[] =>
  Array.from({ length: count }, (_, index) => serviceAt(`s${index}`, { address: "10.0.0.1", port: 1000 + n }, { n: String(n) }));
const sidecarClusters = (count: number) => Array.from({ length: count }, (_, index) => `default/s${index}/http`);

/** Changes the clusters' content: their policy. */
const policy = (n: number) => `services: [ { match: "default/*", connectTimeout: ${1000 + n}ms } ]\n`;

async function holdsNewest(client: XdsClient, rig: XdsRig, count: number): Promise<void> {
  await using scope = new AsyncDisposableStack();
  const newest = openXds(connectXds(rig.port, scope), { id: "judge" });
  await eventually("the judge has everything", () => assert.equal(newest.held.size, count));
  await eventually("so has the client", () =>
    assert.deepEqual(new Map([...client.held].sort()), new Map([...newest.held].sort())),
  );
  newest.call.cancel();
}

/** A raw connection that is only there. */
function silent(port: number, localAddress: string, said: string | Buffer = ""): { readonly socket: Socket; closed: boolean } {
  const socket = connect({ port, host: "127.0.0.1", localAddress });
  const state = { socket, closed: false };
  // Whoever is refused may be reset: that is what is looked for.
  socket.on("error", () => socket.destroy());
  socket.on("close", () => {
    state.closed = true;
  });
  // Whoever does not read does not hear that it is closed.
  socket.resume();
  if (said.length > 0) socket.write(said);
  return state;
}

test("S3: silent, half-spoken, garbage and oversized connections are bounded and closed; a client beside them is served", async (t) => {
  await using scope = new AsyncDisposableStack();
  const limits = { ...DEFAULT_GATE_LIMITS, connections: 400, connectionsPerAddress: 150, prefaceMs: 800 };
  const rig = await startXdsRig("{}", scope, { limits });
  rig.set(...services(20, 0));
  const good = openXds(connectXds(rig.port, scope), { id: "good" });
  await eventually("the good client has everything", () => assert.equal(good.held.size, 20));

  const attackers = [
    ...Array.from({ length: 250 }, () => silent(rig.port, "127.0.0.2")),
    ...Array.from({ length: 100 }, () => silent(rig.port, "127.0.0.3", "PRI * HTTP/2")),
    ...Array.from({ length: 100 }, () => silent(rig.port, "127.0.0.4", Buffer.alloc(2000, 0xff))),
  ];
  scope.defer(() => {
    for (const { socket } of attackers) socket.destroy();
  });
  const metadata = new Metadata();
  for (let n = 0; n < 50; n++) metadata.set(`x-${n}`, "y".repeat(1000));
  const large = Array.from({ length: 20 }, (_, n) => openXds(connectXds(rig.port, scope), { id: `large-${n}`, metadata }));
  const waits: number[] = [];
  for (let change = 1; change <= 10; change++) {
    const before = good.responses;
    const startedAt = performance.now();
    rig.configure(policy(change));
    await eventually("the good client hears of it", () => assert.ok(good.responses > before), { everyMs: 2 });
    waits.push(performance.now() - startedAt);
    await sleep(50);
  }
  const worst = Math.max(...waits);
  t.diagnostic(`change to client under attack: worst ${Math.round(worst)} ms of ${waits.length}`);
  assert.ok(worst < 2000, `${Math.round(worst)} ms`);
  await eventually("all attackers are closed", () =>
    assert.deepEqual(
      attackers.filter(({ closed }) => !closed).map(({ socket }) => socket.localAddress),
      [],
    ),
  );
  for (const one of large) {
    await eventually("oversized metadata is refused", () => assert.notEqual(one.ended, undefined));
    assert.equal(one.ended === "regularly" ? undefined : one.ended?.code, status.RESOURCE_EXHAUSTED);
  }
  assert.equal(good.ended, undefined);
  await holdsNewest(good, rig, 20);
});

test("I4: 600 streams of 30 connections at once, none refused, each has everything; changes meanwhile arrive", async (t) => {
  await using scope = new AsyncDisposableStack();
  const rig = await startXdsRig("{}", scope);
  rig.set(...services(50, 0));
  const startedAt = performance.now();
  const clients = Array.from({ length: 30 }, () => connectXds(rig.port, scope)).flatMap((connection, c) =>
    Array.from({ length: 20 }, (_, n) => openXds(connection, { id: `n-${c}-${n}` })),
  );
  rig.configure(policy(1));
  await eventually("all have everything", () => assert.ok(clients.every(({ held }) => held.size === 50)), { withinMs: 20_000 });
  t.diagnostic(`${clients.length} streams configured in ${Math.round(performance.now() - startedAt)} ms`);
  rig.configure(policy(2));
  const [first] = clients;
  assert.ok(first !== undefined);
  await holdsNewest(first, rig, 50);
  await eventually("all hold the newest", () => {
    for (const { held } of clients) assert.deepEqual([...held].sort(), [...first.held].sort());
  });
  assert.ok(clients.every(({ ended }) => ended === undefined));
});

/** Time passes ten times as fast: 3 s instead of 30. */
const fast: Clock = {
  ...systemClock,
  monotonic: () => systemClock.monotonic() * 10,
  sleep: (ms, signal) => systemClock.sleep(ms / 10, signal),
};

test("I2: a client that does not read gets one response of a type and is closed in time; the others hear every change", async () => {
  await using scope = new AsyncDisposableStack();
  const limits = { ...DEFAULT_GATE_LIMITS, prefaceMs: 100_000 };
  const rig = await startXdsRig("{}", scope, { clock: fast, limits });
  rig.set(...services(3000, 0));
  openDeaf(rig.port, "deaf", scope);
  const good = openXds(connectXds(rig.port, scope), { id: "good" });
  await eventually("the good client has everything", () => assert.equal(good.held.size, 3000), { withinMs: 20_000 });
  const startedAt = performance.now();
  for (let change = 1; performance.now() - startedAt < 2000; change++) {
    const before = good.responses;
    rig.set(...services(3000 + change, 0));
    await eventually("the good client hears of it", () => assert.ok(good.responses > before));
  }
  const stream = rig.judge.records.find((record) => record.kind === "open" && record.node === "deaf")?.stream;
  const answers = new Map<number, number>();
  for (const { kind, at, stream: of } of rig.judge.records)
    if (kind === "response" && of === stream) answers.set(at, (answers.get(at) ?? 0) + 1);
  assert.ok(answers.size <= 1, "the parts of one answer, and nothing behind it");
  const isClosed = () => rig.judge.records.some(({ kind, stream: of }) => kind === "close" && of === stream);
  await eventually("the deaf one is let go", () => assert.ok(isClosed()));
  assert.equal(good.ended, undefined);
});

test("I2: a client on a slow line gets everything, however long it takes", async () => {
  await using scope = new AsyncDisposableStack();
  const limits = { ...DEFAULT_GATE_LIMITS, prefaceMs: 100_000 };
  const rig = await startXdsRig("{}", scope, { clock: fast, limits });
  rig.set(...services(3000, 0));
  const line = await startFaultProxy(rig.port, scope);
  await line.set({ kind: "slow", bytesPerSecond: 150_000 });
  const startedAt = performance.now();
  const client = openXds(connectXds(line.port, scope), { id: "slow" });
  await eventually("it has everything", () => assert.equal(client.held.size, 3000), { withinMs: 30_000 });
  assert.equal(client.ended, undefined);
  assert.ok(performance.now() - startedAt > 5000, "longer than a client may stand still");
});

test("I6: a peer that no longer answers pings is closed; I5: streams move on, and no update is lost on the way", async () => {
  await using scope = new AsyncDisposableStack();
  const channel = {
    "grpc.keepalive_time_ms": 300,
    "grpc.keepalive_timeout_ms": 300,
    "grpc.max_connection_age_ms": 400,
    "grpc.max_connection_age_grace_ms": 200,
  };
  const rig = await startXdsRig("{}", scope, { channel });
  rig.set(...services(20, 0));
  // A connection preface and empty settings, and then never a word again, not even to a ping.
  const mute = silent(rig.port, "127.0.0.1", Buffer.concat([Buffer.from(PREFACE), EMPTY_SETTINGS]));
  await eventually("the mute one is closed", () => assert.equal(mute.closed, true));
  const held = Array.from({ length: 20 }, (): ReadonlyMap<string, string> => new Map());
  const moves = Array.from({ length: 20 }, () => 0);
  const over = new AbortController();
  const live = held.map(async (_, n) => {
    while (!over.signal.aborted) {
      const client = openXds(connectXds(rig.port, scope), { id: `m-${n}`, initial: held[n] ?? new Map() });
      moves[n] = (moves[n] ?? 0) + 1;
      while (client.ended === undefined && !over.signal.aborted) await sleep(5);
      held[n] = client.held;
      client.call.cancel();
    }
  });
  for (let change = 1; change <= 30; change++) {
    rig.configure(policy(change));
    await sleep(80);
  }
  await sleep(800);
  over.abort();
  await Promise.all(live);
  assert.ok(Math.min(...moves) >= 3, `moved ${moves.join()} times`);
  const judge = openXds(connectXds(rig.port, scope), { id: "judge" });
  await eventually("the judge has everything", () => assert.equal(judge.held.size, 20));
  for (const one of held) assert.deepEqual([...one].sort(), [...judge.held].sort());
});

const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const EMPTY_SETTINGS = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);

test("I7, D2: a request of 3 MB, beyond any window, is read; of 50,000 versions that it holds the difference is sent", async (t) => {
  await using scope = new AsyncDisposableStack();
  const rig = await startXdsRig("{}", scope);
  rig.set(...services(10, 0));
  const initial = new Map(
    Array.from({ length: 50_000 }, (_, n) => [`default/service-with-a-long-name-${n}/http`, "0123456789abcdef"]),
  );
  const startedAt = performance.now();
  const client = openXds(connectXds(rig.port, scope), { id: "large", initial });
  await eventually("only what there is", () => assert.equal(client.held.size, 10), { withinMs: 20_000 });
  assert.deepEqual([...client.held.keys()].sort(), sidecarClusters(10).sort());
  t.diagnostic(`answered in ${Math.round(performance.now() - startedAt)} ms`);
});
