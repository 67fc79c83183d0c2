import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { MeshbridgeError } from "../../../src/kernel/errors.ts";
import { propertyRuns } from "../../../src/kernel/property-runs.ts";
import { SessionExpired } from "../connection.ts";
import { frame } from "./frames.ts";
import { juteWriter } from "./jute.ts";
import { OP } from "./records.ts";
import {
  answersAll,
  first,
  HTTP,
  isError,
  type SeenRequest,
  type StubScript,
  type StubSocket,
  stubServer,
  turns,
  withStat,
  writeStat,
} from "./stub-server.ts";

/** The session's timeout is 9 s. */
const READ_DEADLINE_MS = 6000;

test("answers are given to the requests in their order, and watch events come before the answers that follow", async () => {
  const waiting: SeenRequest[] = [];
  const { connect, sockets, events } = stubServer({ answer: (request) => void waiting.push(request) });
  const connection = await connect();
  const order: string[] = [];
  const told = ["/a", "/b"].map((path, index) =>
    connection.exists(path, true).then((stat) => order.push(`${path} ${index} ${stat?.czxid} after ${events.length} events`)),
  );
  await turns();
  const socket = first(sockets);
  const [a, b] = waiting;
  assert.ok(a && b);
  socket.event(1, "/a");
  socket.reply(a.xid, -101);
  withStat(socket, b);
  await Promise.all(told);
  assert.deepEqual(order, ["/a 0 undefined after 1 events", "/b 1 10 after 1 events"]);
  assert.deepEqual(events, [{ type: "created", path: "/a" }]);
  connection.abandon();
});

test("each operation sends its request below the chroot, and gives what the answer says", async () => {
  const asked: string[] = [];
  const script: StubScript = {
    answer: ({ xid, op, body }, socket) => {
      asked.push(op === OP.closeSession ? "close" : `${op} ${body.ustring()}`);
      socket.reply(xid, 0, (to) => {
        if (op === OP.getChildren2) to.vector(["x", "__proto__"], (writer, name) => writer.ustring(name));
        if (op === OP.getData) to.buffer(Buffer.from("hi"));
        if (op !== OP.create && op !== OP.delete && op !== OP.addWatch) writeStat(to, 10n);
      });
    },
  };
  const { connect, sockets, events, warnings } = stubServer(script, { chroot: "/root/" });
  const connection = await connect();
  const stat = { czxid: 10n, mzxid: 11n, pzxid: 12n, version: 3, cversion: 4, ephemeralOwner: 0n, numChildren: 2 };
  assert.deepEqual(await connection.exists("/"), stat);
  assert.deepEqual(await connection.getChildren("/a"), { children: ["x", "__proto__"], stat });
  assert.deepEqual(await connection.getData("/a"), { data: Buffer.from("hi"), stat });
  await connection.create("/a/b", Buffer.from("x"), { ephemeral: true });
  await connection.setData("/a/b", Buffer.from("y"));
  assert.equal(await connection.remove("/a/b"), true);
  assert.equal(await connection.watchRecursively("/a"), true);
  for (const path of ["/root/a", "/root", "/rooted", "/"]) first(sockets).event(3, path);
  await connection.close();
  assert.deepEqual(asked, [
    "3 /root",
    "12 /root/a",
    "4 /root/a",
    "1 /root/a/b",
    "5 /root/a/b",
    "2 /root/a/b",
    "106 /root/a",
    "close",
  ]);
  assert.deepEqual(
    events.map(({ path }) => path),
    ["/a", "/"],
  );
  assert.equal(warnings.length, 1);
});

test("an answer with an error is the failure of that request alone", async () => {
  let code = 0;
  const { connect } = stubServer({ answer: ({ xid }, socket) => socket.reply(xid, code, (to) => void writeStat(to, 1n)) });
  const connection = await connect();
  code = -101;
  assert.equal(await connection.getData("/a"), undefined);
  assert.equal(await connection.getChildren("/a"), undefined);
  assert.equal(await connection.remove("/a"), false);
  await assert.rejects(connection.setData("/a", Buffer.alloc(1)), isError("MB_REGISTRY_REFUSED", /NoNode for \/a$/));
  code = -102;
  await assert.rejects(connection.getData("/a"), isError("MB_REGISTRY_REFUSED", /NoAuth for \/a$/));
  code = -9999;
  await assert.rejects(connection.exists("/a"), isError("MB_REGISTRY_REFUSED", /error -9999 for \/a$/));
  await assert.rejects(connection.create("/a", Buffer.alloc(5_000_000)), /the limit is 4194304/);
  code = 0;
  assert.equal((await connection.exists("/a"))?.czxid, 1n);
  connection.abandon();
});

const ENDS: readonly (readonly [string, (socket: StubSocket, xid: number) => void, string, RegExp])[] = [
  ["an answer that nobody asked for", (socket, xid) => socket.reply(xid + 5), "MB_REGISTRY_BAD_REPLY", /answer to request 6/],
  ["an answer that is cut off", (socket, xid) => socket.reply(xid), "MB_REGISTRY_BAD_REPLY", /8 bytes expected, 0 left/],
  ["garbage", (socket) => socket.raw(HTTP), "MB_REGISTRY_BAD_REPLY", /the limit is/],
  ["a frame above the limit", (socket) => socket.raw(Buffer.from([0, 0x40, 0, 1])), "MB_REGISTRY_BAD_REPLY", /4194305 bytes/],
  ["the server's goodbye", (socket) => socket.stream.end(), "MB_REGISTRY_UNREACHABLE", /the server closed the connection/],
  ["a session that has moved", (socket, xid) => socket.reply(xid, -118), "MB_REGISTRY_UNREACHABLE", /SessionMoved/],
];
for (const [name, act, code, reason] of ENDS)
  test(`${name} ends the connection, and all requests with it`, async () => {
    const { connect, clock } = stubServer({ answer: ({ xid, op }, socket) => op === OP.exists && act(socket, xid) });
    const connection = await connect();
    const requests = ["/a", "/b"].map((path) => connection.exists(path));
    const outcomes = await Promise.allSettled(requests);
    const { expired, error } = await connection.ended;
    assert.equal(expired, false);
    isError(code, reason)(error);
    for (const outcome of outcomes) assert.equal(outcome.status === "rejected" && outcome.reason, error);
    await assert.rejects(connection.getData("/c"), error);
    await connection.close();
    assert.equal(clock.sleeping, 0);
  });

test("an answer that the session has expired ends the connection and the session", async () => {
  const { connect } = stubServer({ answer: ({ xid }, socket) => socket.reply(xid, -112) });
  const connection = await connect();
  await assert.rejects(connection.exists("/a"), SessionExpired);
  assert.equal((await connection.ended).expired, true);
});

test("watch events of an unknown type are left out, and said once", async () => {
  const { connect, sockets, events, warnings } = stubServer(answersAll);
  const connection = await connect();
  for (const type of [-1, 7, 99, 4]) first(sockets).event(type, "/a");
  await connection.exists("/a");
  assert.deepEqual(events, [{ type: "children", path: "/a" }]);
  assert.deepEqual(warnings, [{ type: -1, path: "/a" }]);
  connection.abandon();
});

test("a receiver of watches that throws ends the connection, not the process", async () => {
  const { connect, sockets } = stubServer(answersAll);
  const onWatch = () => assert.fail("broken");
  const connection = await connect({ onWatch });
  first(sockets).event(1, "/a");
  isError("MB_INTERNAL", /broken/)((await connection.ended).error);
});

test("a server that answers pings keeps the connection for as long as it likes", async () => {
  const { connect, clock, sockets } = stubServer();
  const connection = await connect();
  await clock.advance(90_000);
  const pings = first(sockets).seen.filter(({ op }) => op === OP.ping);
  assert.ok(pings.length >= 29 && pings.length <= 30, `${pings.length} pings`);
  connection.abandon();
});

/** A stopped process: its kernel still accepts bytes, and nothing comes back. */
test("a silent server is noticed after two thirds of the session's timeout", async () => {
  const { connect, clock, sockets } = stubServer({ pings: false });
  const connection = await connect();
  const rejected = assert.rejects(connection.exists("/a"), isError("MB_REGISTRY_UNREACHABLE", /nothing came .* for 6000 ms/));
  await clock.advance(READ_DEADLINE_MS - 1);
  assert.equal(first(sockets).stream.readableEnded, false);
  await clock.advance(1);
  await rejected;
  assert.equal(first(sockets).stream.readableEnded, true);
});

test("half a frame does not count as an answer for ever", async () => {
  const { connect, clock, sockets } = stubServer({ pings: false });
  const connection = await connect();
  const rejected = assert.rejects(connection.exists("/a"), isError("MB_REGISTRY_UNREACHABLE", /was not answered for 6000 ms/));
  await turns();
  first(sockets).raw(Buffer.from([0, 0, 1, 0]));
  for (let second = 0; second < 6; second++) {
    first(sockets).raw(Buffer.alloc(1));
    await clock.advance(1000);
  }
  await rejected;
});

test("a server that answers pings but not a request is noticed", async () => {
  const { connect, clock } = stubServer();
  const connection = await connect();
  await clock.advance(4000);
  const rejected = assert.rejects(connection.exists("/a"), isError("MB_REGISTRY_UNREACHABLE", /was not answered for 6000 ms/));
  await clock.advance(READ_DEADLINE_MS);
  await rejected;
});

test("requests beyond the limit wait for the answers of those before them", async () => {
  const waiting: SeenRequest[] = [];
  const { connect, sockets } = stubServer({ answer: (request) => void waiting.push(request) }, { maxInFlight: 3 });
  const connection = await connect();
  const done: number[] = [];
  const requests = Array.from({ length: 10 }, (_, index) => connection.exists(`/${index}`).then(() => done.push(index)));
  for (let answered = 0; answered < 10; answered++) {
    await turns();
    assert.equal(waiting.length, Math.min(answered + 3, 10));
    const next = waiting[answered];
    assert.ok(next);
    withStat(first(sockets), next);
  }
  await Promise.all(requests);
  assert.deepEqual(done, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  connection.abandon();
});

test("a server that does not know recursive watches says so, and is not asked again", async () => {
  const asked: number[] = [];
  const script: StubScript = {
    answer: ({ xid, op }, socket) => {
      asked.push(op);
      socket.reply(xid, -6);
      socket.stream.end(); // As servers before 3.6 do.
    },
  };
  const { connect } = stubServer(script);
  const before = await connect();
  assert.equal(await before.watchRecursively("/a"), false);
  await before.ended;
  const after = await connect();
  assert.equal(await after.watchRecursively("/a"), false);
  assert.deepEqual(asked, [OP.addWatch]);
  after.abandon();
});

test("a server that closes the connection instead of adding a watch is asked twice at most", async () => {
  let asked = 0;
  const script: StubScript = {
    answer: (_, socket) => {
      asked++;
      socket.stream.end();
    },
  };
  const { connect } = stubServer(script);
  for (let turn = 0; turn < 4; turn++) {
    const connection = await connect();
    assert.equal(await connection.watchRecursively("/a"), false);
    connection.abandon();
  }
  assert.equal(asked, 2);
});

test("a watch that may not be set is refused", async () => {
  const { connect } = stubServer({ answer: ({ xid }, socket) => socket.reply(xid, -102) });
  const connection = await connect();
  await assert.rejects(connection.watchRecursively("/a"), isError("MB_REGISTRY_REFUSED", /NoAuth/));
  connection.abandon();
});

test("closing says goodbye, and waits no longer than a second for the answer", async () => {
  const { connect, clock, sockets } = stubServer();
  const connection = await connect();
  const closed = Promise.all([connection.close(), connection.close()]);
  await assert.rejects(connection.exists("/a"), /is being closed/);
  await turns();
  assert.deepEqual(
    first(sockets).seen.map(({ op }) => op),
    [OP.closeSession],
  );
  await clock.advance(1000);
  await closed;
  isError("MB_REGISTRY_UNREACHABLE", /the connection was closed/)((await connection.ended).error);
  assert.equal(clock.sleeping, 0);
});

test("whatever bytes come at whatever moment, the connection ends or goes on, and nothing escapes", async () => {
  const chunks = fc.array(fc.uint8Array({ minLength: 1, maxLength: 40 }), { maxLength: 6 });
  const framed = chunks.map((list) => list.map((bytes) => frame(bytes)));
  const property = fc.asyncProperty(fc.oneof(chunks, framed), fc.boolean(), async (bytes, greeted) => {
    const { connect, clock, sockets } = stubServer(greeted ? { pings: false } : { greeting: "silent" });
    const connected = connect().then(
      async (connection) => {
        const outcome = await Promise.allSettled([connection.exists("/a"), connection.watchRecursively("/b")]);
        connection.abandon();
        return outcome;
      },
      (error: unknown) => assert.ok(error instanceof MeshbridgeError),
    );
    await turns();
    for (const chunk of bytes) first(sockets).raw(chunk);
    await clock.advance(20_000);
    await connected;
    assert.equal(clock.sleeping, 0);
  });
  await fc.assert(property, { numRuns: propertyRuns(100) });
});

test("a large answer in small pieces is read whole", async () => {
  const names = Array.from({ length: 20_000 }, (_, index) => `provider-${index}`);
  const script: StubScript = {
    answer: ({ xid }, socket) => {
      const writer = juteWriter().int(xid).long(1n).int(0);
      writeStat(
        writer.vector(names, (to, name) => to.ustring(name)),
        1n,
      );
      const bytes = frame(writer.bytes());
      for (let at = 0; at < bytes.length; at += 999) socket.raw(bytes.subarray(at, at + 999));
    },
  };
  const connection = await stubServer(script).connect();
  assert.deepEqual((await connection.getChildren("/a"))?.children, names);
  connection.abandon();
});
