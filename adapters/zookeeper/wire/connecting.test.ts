import assert from "node:assert/strict";
import { test } from "node:test";
import { Secret } from "../../../src/kernel/secret.ts";
import { SessionExpired } from "../connection.ts";
import { frame } from "./frames.ts";
import { OP } from "./records.ts";
import {
  answersAll,
  first,
  greetingFrame,
  HTTP,
  isError,
  type StubScript,
  type StubSocket,
  stubServer,
  turns,
} from "./stub-server.ts";

const SOCKET_MS = 2500;
const SESSION_MS = 2000;

test("a new session is asked for, and what the server granted is told", async () => {
  const { connect, sockets } = stubServer({ greeting: { sessionId: -2n, timeoutMs: 4000 } });
  const connection = await connect();
  assert.deepEqual(first(sockets).asked, { lastZxidSeen: 0n, timeoutMs: 9000, sessionId: 0n });
  assert.equal(connection.session.id, "fffffffffffffffe");
  assert.equal(connection.session.timeoutMs, 4000);
  assert.equal(connection.session.password.length, 16);
  assert.equal(connection.resumed, false);
  connection.abandon();
});

test("a session is resumed with all that it has seen", async () => {
  const { connect, sockets } = stubServer(answersAll);
  const before = await connect();
  await before.exists("/a");
  before.abandon();
  assert.equal((await before.ended).expired, false);
  const after = await connect({ session: before.session });
  assert.deepEqual(sockets[1]?.asked, { lastZxidSeen: 100n, timeoutMs: 9000, sessionId: 0x1a2bn });
  assert.equal(after.resumed, true);
  assert.equal(after.session.id, before.session.id);
  after.abandon();
});

test("a session that the server no longer knows is told as expired, a new one is not", async () => {
  const none = { sessionId: 0n, timeoutMs: 0 };
  const session = { id: "1a2b", password: new Uint8Array(16), timeoutMs: 9000 };
  await assert.rejects(stubServer({ greeting: none }).connect({ session }), SessionExpired);
  await assert.rejects(stubServer({ greeting: none }).connect(), isError("MB_REGISTRY_BAD_REPLY", /new session/));
});

test("a session of which nothing was heard for four thirds of its timeout is not asked for", async () => {
  const { connect, clock, sockets } = stubServer();
  const { session, abandon, ended } = await connect();
  abandon();
  await ended;
  await clock.advance(12_001);
  await assert.rejects(connect({ session }), SessionExpired);
  assert.equal(sockets.length, 1);
});

const UNUSABLE: readonly (readonly [string, Buffer, RegExp])[] = [
  ["garbage", HTTP, /a frame of 1213486160 bytes; the limit is 4194304/],
  ["a frame that is too short", frame(Buffer.alloc(5)), /4 bytes expected, 1 left/],
  ["a negative length", Buffer.from([0xff, 0xff, 0xff, 0xff]), /a frame of -1 bytes/],
];
for (const [name, greeting, reason] of UNUSABLE)
  test(`${name} instead of a session is told as a bad reply, and the socket is closed`, async () => {
    const { connect, sockets } = stubServer({ greeting });
    await assert.rejects(connect(), isError("MB_REGISTRY_BAD_REPLY", reason));
    await turns();
    assert.ok(first(sockets).stream.readableEnded || first(sockets).stream.destroyed);
  });

test("a server that accepts the connection and gives no session is given up", async () => {
  const { connect, clock } = stubServer({ greeting: "silent" });
  const refused = assert.rejects(connect(), isError("MB_REGISTRY_UNREACHABLE", /zk:2181: no session within 2000 ms/));
  await clock.advance(SESSION_MS);
  await refused;
  assert.equal(clock.sleeping, 0);
});

test("half a session is none", async () => {
  const { connect, clock } = stubServer({ greeting: greetingFrame({ sessionId: 1n, timeoutMs: 1 }).subarray(0, 20) });
  const refused = assert.rejects(connect(), isError("MB_REGISTRY_UNREACHABLE", /no session within/));
  await clock.advance(SESSION_MS);
  await refused;
});

test("a connection that does not come about is given up, and closed when it does after all", async () => {
  const late = Promise.withResolvers<StubSocket["stream"]>();
  const { connect, clock } = stubServer({}, { openSocket: () => late.promise });
  const refused = assert.rejects(connect(), isError("MB_REGISTRY_UNREACHABLE", /no connection within 2500 ms/));
  await clock.advance(SOCKET_MS);
  await refused;
  const { Duplex } = await import("node:stream");
  const stream = new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() });
  late.resolve(stream);
  await turns();
  assert.equal(stream.destroyed, true);
});

test("connecting rejects with the signal's reason, and leaves nothing behind", async () => {
  const { connect, clock, sockets } = stubServer({ greeting: "silent" });
  const controller = new AbortController();
  const reason = new Error("enough");
  const refused = assert.rejects(connect({ signal: controller.signal }), reason);
  await turns();
  controller.abort(reason);
  await refused;
  await turns();
  assert.equal(clock.sleeping, 0);
  assert.ok(first(sockets).stream.readableEnded);
});

test("credentials go out before anything else, and their acceptance is waited for", async () => {
  const auth = ["digest", "x509"].map((scheme) => ({ scheme, credentials: new Secret(`${scheme}:secret`) }));
  const seen: string[] = [];
  const script: StubScript = {
    answer: ({ xid, op, body }, socket) => {
      if (op === OP.auth) seen.push(`${body.int()} ${body.ustring()} ${body.buffer()}`);
      socket.reply(xid);
    },
  };
  const { connect } = stubServer(script, { auth });
  const connection = await connect();
  assert.deepEqual(seen, ["0 digest digest:secret", "0 x509 x509:secret"]);
  connection.abandon();
});

test("refused credentials are told as a refusal, without the secret", async () => {
  const auth = [{ scheme: "digest", credentials: new Secret("me:topsecret") }];
  const { connect } = stubServer({ answer: ({ xid }, socket) => socket.reply(xid, -115) }, { auth });
  await assert.rejects(connect(), (error: Error) => {
    assert.doesNotMatch(`${error.stack}${JSON.stringify(error)}`, /topsecret/);
    return isError("MB_REGISTRY_REFUSED", /AuthFailed for the credentials/)(error);
  });
});
