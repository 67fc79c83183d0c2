/** The proxy of the fault tests does to a connection what it says. */
import assert from "node:assert/strict";
import { connect, createServer, type Socket } from "node:net";
import { test } from "node:test";
import { eventually, steadily } from "./eventually.ts";
import { type FaultProxy, startFaultProxy } from "./fault-proxy.ts";
import { freePort } from "./ports.ts";

/** An echo server behind a proxy, and one connection through it. */
async function startEcho(scope: AsyncDisposableStack) {
  const port = await freePort();
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.pipe(socket);
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  scope.defer(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return startFaultProxy(port, scope);
}

function open(proxy: FaultProxy, scope: AsyncDisposableStack) {
  const seen = { text: "", ended: false, error: "" };
  const socket = connect({ host: "127.0.0.1", port: proxy.port, allowHalfOpen: true });
  socket.on("data", (chunk: Buffer) => {
    seen.text += chunk.toString();
  });
  socket.on("end", () => {
    seen.ended = true;
  });
  socket.on("error", (error: NodeJS.ErrnoException) => {
    seen.error = error.code ?? error.message;
  });
  scope.defer(() => {
    socket.destroy();
  });
  const sees = (what: string, check: () => void) => eventually(what, check, { withinMs: 3000 });
  return { socket, seen, sees };
}

test("passes, holds everything back, and passes it on when it heals", async () => {
  await using scope = new AsyncDisposableStack();
  const proxy = await startEcho(scope);
  const { socket, seen, sees } = open(proxy, scope);
  socket.write("one");
  await sees("the echo comes", () => assert.equal(seen.text, "one"));
  await proxy.set({ kind: "black-hole" });
  socket.write("two");
  const later = open(proxy, scope);
  later.socket.write("late");
  await steadily("nothing passes", 200, () => assert.equal(seen.text + later.seen.text, "one"), 20);
  await proxy.set({ kind: "pass" });
  await sees("both come", () => assert.equal(seen.text + later.seen.text, "onetwolate"));
  assert.deepEqual(proxy.counts, { accepted: 2, open: 2, peak: 2, bytesUp: 10, bytesDown: 10 });
});

test("one way: what goes up arrives, and nothing comes back", async () => {
  await using scope = new AsyncDisposableStack();
  const proxy = await startEcho(scope);
  await proxy.set({ kind: "black-hole", direction: "down" });
  const { socket, seen, sees } = open(proxy, scope);
  socket.write("hello");
  await sees("it went up", () => assert.equal(proxy.counts.bytesUp, 5));
  await steadily("nothing comes back", 200, () => assert.equal(seen.text, ""), 20);
});

test("refuses, and takes connections again", async () => {
  await using scope = new AsyncDisposableStack();
  const proxy = await startEcho(scope);
  const before = open(proxy, scope);
  before.socket.write("x");
  await before.sees("it is connected", () => assert.equal(before.seen.text, "x"));
  await proxy.set({ kind: "refuse" });
  await before.sees("the old one is reset", () => assert.equal(before.seen.error, "ECONNRESET"));
  const during = open(proxy, scope);
  await during.sees("a new one is refused", () => assert.equal(during.seen.error, "ECONNREFUSED"));
  await proxy.set({ kind: "pass" });
  const after = open(proxy, scope);
  after.socket.write("y");
  await after.sees("it works again", () => assert.equal(after.seen.text, "y"));
});

test("resets in the middle of an answer", async () => {
  await using scope = new AsyncDisposableStack();
  const proxy = await startEcho(scope);
  await proxy.set({ kind: "reset", afterBytes: 4 });
  const { socket, seen, sees } = open(proxy, scope);
  socket.write("0123456789");
  await sees("it is reset", () => assert.equal(seen.error, "ECONNRESET"));
  assert.equal("0123".startsWith(seen.text), true);
});

test("is as slow as told", async () => {
  await using scope = new AsyncDisposableStack();
  const proxy = await startEcho(scope);
  await proxy.set({ kind: "slow", bytesPerSecond: 1000 });
  const { socket, seen, sees } = open(proxy, scope);
  const started = performance.now();
  socket.write("x".repeat(500));
  await sees("all has come", () => assert.equal(seen.text.length, 500));
  const took = performance.now() - started;
  assert.ok(took > 400 && took < 2000, `500 bytes at 1,000 bytes/s took ${Math.round(took)} ms`);
});

test("ends the registry's half only", async () => {
  await using scope = new AsyncDisposableStack();
  const proxy = await startEcho(scope);
  const { socket, seen, sees } = open(proxy, scope);
  socket.write("x");
  await sees("it is connected", () => assert.equal(seen.text, "x"));
  await proxy.set({ kind: "half-close" });
  await sees("the other side has ended", () => assert.equal(seen.ended, true));
  socket.write("still");
  await sees("what is sent still arrives", () => assert.equal(proxy.counts.bytesUp, 6));
  assert.equal(seen.error, "");
});
