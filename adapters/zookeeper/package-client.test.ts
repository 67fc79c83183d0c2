/** The package over real sockets of the loopback address, whose far end does what a hostile or broken server does. */
import assert from "node:assert/strict";
import { createServer } from "node:net";
import { test } from "node:test";
import { fakeClock } from "../../src/kernel/fake-clock.ts";
import { type Log, silentLog } from "../../src/kernel/log.ts";
import { Secret } from "../../src/kernel/secret.ts";
import { type Connection, SessionExpired, type TransportOptions, type WatchEvent } from "./connection.ts";
import { createPackageConnect } from "./package-client.ts";
import { OP } from "./wire/records.ts";
import { type StubScript, type StubSocket, serve, writeStat } from "./wire/stub-server.ts";

/** Answers the request that the client proves its connection with, and then goes by the script. */
async function setUp(scope: AsyncDisposableStack, script: StubScript = {}, options: Partial<TransportOptions> = {}) {
  const sockets: StubSocket[] = [];
  let proven = false;
  const answer: StubScript["answer"] = (request, socket) => {
    if (proven || request.op !== OP.exists) return script.answer?.(request, socket);
    proven = true;
    socket.reply(request.xid, 0, (to) => void writeStat(to, 1n));
  };
  const server = createServer((stream) => void sockets.push(serve(stream, { ...script, answer })));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null);
  const clock = fakeClock();
  const events: WatchEvent[] = [];
  const warnings: object[] = [];
  const log: Log = { ...silentLog, warn: (fields) => void warnings.push(fields) };
  const connect = createPackageConnect({ registry: "zk", sessionTimeoutMs: 9000, auth: [], clock, log, ...options });
  const onWatch = (event: WatchEvent) => void events.push(event);
  const { signal } = new AbortController();
  scope.defer(() => {
    for (const { stream } of sockets) stream.destroy();
    server.close();
  });
  return {
    clock,
    sockets,
    events,
    warnings,
    server,
    connect: (): Promise<Connection> => connect({ host: "127.0.0.1", port: address.port, session: undefined, onWatch, signal }),
  };
}

const UNUSABLE: readonly (readonly [string, Buffer, RegExp])[] = [
  ["garbage", Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n"), /MB_REGISTRY_BAD_REPLY.*the limit is 4194304/],
  ["a frame that is too short", Buffer.from([0, 0, 0, 2, 1, 2]), /MB_REGISTRY_UNREACHABLE/],
];
for (const [name, greeting, message] of UNUSABLE)
  test(`${name} instead of a session is told, and kills nothing`, async () => {
    await using scope = new AsyncDisposableStack();
    const { connect } = await setUp(scope, { greeting });
    await assert.rejects(connect(), message);
  });

test("a server that accepts the connection and gives no session is given up", async () => {
  await using scope = new AsyncDisposableStack();
  const { connect, clock, sockets } = await setUp(scope, { greeting: "silent" });
  const refused = assert.rejects(connect(), /MB_REGISTRY_UNREACHABLE.*no session within 4500 ms/);
  while (sockets.length === 0) await new Promise((resolve) => setImmediate(resolve));
  await clock.advance(4500);
  await refused;
});

test("a server that is silent is noticed, and whoever waits is told", async () => {
  await using scope = new AsyncDisposableStack();
  const { connect, clock } = await setUp(scope, { pings: false });
  const connection = await connect();
  const rejected = assert.rejects(connection.getData("/a"), /MB_REGISTRY_UNREACHABLE.*for 6000 ms/);
  await clock.advance(6000);
  await rejected;
  assert.equal((await connection.ended).expired, false);
  assert.equal(clock.sleeping, 0);
});

test("watch events of an unknown type are left out, and kill nothing", async () => {
  await using scope = new AsyncDisposableStack();
  const { connect, sockets, events, warnings } = await setUp(scope, {
    answer: ({ xid }, socket) => {
      for (const type of [99, -1, 4]) socket.event(type, "/a");
      socket.reply(xid, 0, (to) => void writeStat(to.buffer(Buffer.alloc(0)), 1n));
    },
  });
  const connection = await connect();
  assert.equal(sockets.length, 1);
  await connection.getData("/a", true);
  assert.deepEqual(events, [{ type: "children", path: "/a" }]);
  assert.deepEqual(warnings, [{ type: 99, path: "/a" }]);
  connection.abandon();
});

const ENDS: readonly (readonly [string, (socket: StubSocket, xid: number) => void, RegExp, boolean])[] = [
  ["an answer that is cut off", (socket, xid) => socket.reply(xid), /MB_REGISTRY_UNREACHABLE/, false],
  ["an error code that the package does not know", (socket, xid) => socket.reply(xid, -9999), /Unknown code/, false],
  ["an answer that nobody asked for", (socket, xid) => socket.reply(xid + 5), /MB_REGISTRY_UNREACHABLE/, false],
  ["a frame above the limit", (socket) => socket.raw(Buffer.from([0x7f, 0, 0, 0])), /MB_REGISTRY_BAD_REPLY/, false],
  ["the server's goodbye", (socket) => void socket.stream.end(), /MB_REGISTRY_UNREACHABLE/, false],
  ["an expired session", (socket, xid) => socket.reply(xid, -112), /expired/, true],
];
for (const [name, act, message, expired] of ENDS)
  test(`${name} ends the connection, and all requests with it`, async () => {
    await using scope = new AsyncDisposableStack();
    const { connect, clock, sockets } = await setUp(scope, { answer: ({ xid }, socket) => act(socket, xid) });
    const connection = await connect();
    const outcomes = await Promise.allSettled([connection.getData("/a"), connection.getData("/b")]);
    const end = await connection.ended;
    assert.match(end.error.message, message);
    assert.equal(end.expired, expired);
    assert.equal(end.error instanceof SessionExpired, expired);
    for (const outcome of outcomes) assert.equal(outcome.status === "rejected" && outcome.reason, end.error);
    await assert.rejects(connection.exists("/c"), end.error);
    await connection.close();
    assert.equal(clock.sleeping, 0);
    assert.equal(sockets.length, 1, "it must never reconnect by itself");
  });

test("closing waits no longer than a second for a server that does not answer", async () => {
  await using scope = new AsyncDisposableStack();
  const { connect, clock } = await setUp(scope);
  const connection = await connect();
  const closed = Promise.all([connection.close(), connection.close()]);
  await assert.rejects(connection.exists("/a"), /is being closed/);
  await clock.advance(1000);
  await closed;
  assert.equal(clock.sleeping, 0);
});

test("connecting stops when it is told to, also before there is a socket", async () => {
  await using scope = new AsyncDisposableStack();
  const { clock, server } = await setUp(scope);
  const controller = new AbortController();
  const connect = createPackageConnect({ registry: "zk", sessionTimeoutMs: 9000, auth: [], clock, log: silentLog });
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null);
  const request = { host: "127.0.0.1", port: address.port, session: undefined, onWatch: () => undefined };
  const refused = assert.rejects(connect({ ...request, signal: controller.signal }), { message: "enough" });
  controller.abort(new Error("enough"));
  await refused;
  assert.equal(clock.sleeping, 0);
});

test("refused credentials are told as a refusal, without the secret", async () => {
  await using scope = new AsyncDisposableStack();
  const auth = [{ scheme: "digest", credentials: new Secret("me:topsecret") }];
  const { connect } = await setUp(scope, { answer: ({ xid }, socket) => socket.reply(xid, -115) }, { auth });
  await assert.rejects(connect(), (error: Error) => {
    assert.match(error.message, /MB_REGISTRY_REFUSED.*AuthFailed/);
    assert.doesNotMatch(`${error.stack}${JSON.stringify(error)}`, /topsecret/);
    return true;
  });
});
