/** The ports, for real, on loopback. */
import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { test } from "node:test";
import { decode } from "dns-packet";
import { systemClock } from "../kernel/clock.ts";
import { silentLog } from "../kernel/log.ts";
import { type DropReason, listenDns } from "./server.ts";
import { answerText, dnsWorld, instanceOf, queryBytes, serviceOf } from "./testing.ts";

const LIMITS = { queriesPerSecond: 100, tcpConnections: 2, tcpPerSource: 2, tcpIdleMs: 300 };
const QUERY = queryBytes("web.shop.mesh.local", "A");

async function serve(scope: AsyncDisposableStack, host = "127.0.0.1") {
  const { responder } = dnsWorld({ services: [serviceOf("shop/web", [instanceOf("10.0.0.1")])] });
  const drops: DropReason[] = [];
  let connections = 0;
  const server = await listenDns({
    ...{ listen: { kind: "tcp", host, port: 0 }, limits: LIMITS, responder, clock: systemClock, log: silentLog },
    onDrop: (reason) => drops.push(reason),
    onConnections: (by) => {
      connections += by;
    },
  });
  scope.defer(() => server.close());
  const dial = async () => {
    const socket = connect(server.port, host);
    scope.defer(() => {
      socket.destroy();
    });
    await once(socket, "connect");
    return socket;
  };
  return { port: server.port, drops, dial, connections: () => connections };
}

function framed(bytes: Buffer): Buffer {
  const size = Buffer.alloc(2);
  size.writeUInt16BE(bytes.length);
  return Buffer.concat([size, bytes]);
}

/** So many answers, as text. */
async function answersOf(socket: Socket, count: number): Promise<string[]> {
  let all: Buffer = Buffer.alloc(0);
  const found: string[] = [];
  for await (const chunk of socket) {
    all = Buffer.concat([all, chunk]);
    while (all.length >= 2 && all.length >= 2 + all.readUInt16BE(0)) {
      found.push(answerText(decode(all.subarray(2, 2 + all.readUInt16BE(0)))));
      all = all.subarray(2 + all.readUInt16BE(0));
    }
    if (found.length >= count) break;
  }
  return found;
}

for (const host of ["127.0.0.1", "::1"])
  test(`UDP and TCP share one port on ${host}`, async () => {
    await using scope = new AsyncDisposableStack();
    const { port, dial } = await serve(scope, host);
    const udp = createSocket(host === "::1" ? "udp6" : "udp4");
    scope.defer(() => {
      udp.close();
    });
    udp.send(QUERY, port, host);
    const [reply] = (await once(udp, "message", { signal: AbortSignal.timeout(5000) })) as [Buffer];
    assert.equal(answerText(decode(reply)), "NOERROR: A 10.0.0.1");
    const tcp = await dial();
    tcp.write(framed(QUERY));
    assert.deepEqual(await answersOf(tcp, 1), ["NOERROR: A 10.0.0.1"]);
  });

test("TCP: several queries in one piece, and one in many", async () => {
  await using scope = new AsyncDisposableStack();
  const { dial } = await serve(scope);
  const tcp = await dial();
  tcp.setNoDelay(true);
  tcp.write(Buffer.concat([framed(QUERY), framed(QUERY)]));
  for (const byte of framed(QUERY)) tcp.write(Buffer.from([byte]));
  assert.equal((await answersOf(tcp, 3)).length, 3);
});

test("TCP: no more connections than the limit, and a slot is free again when one has gone", async () => {
  await using scope = new AsyncDisposableStack();
  const { dial, drops, connections } = await serve(scope);
  const first = await dial();
  await dial();
  const third = await dial();
  // Whoever does not read does not hear that it is closed.
  third.resume();
  await once(third, "close", { signal: AbortSignal.timeout(5000) });
  assert.deepEqual(drops, ["connections"]);
  first.destroy();
  while (connections() > 1) await new Promise((resolve) => setImmediate(resolve));
  const fourth = await dial();
  fourth.write(framed(QUERY));
  assert.equal((await answersOf(fourth, 1)).length, 1);
});

test("TCP: who sends a byte now and then, but no query, is cut off; so is who announces too much", async () => {
  await using scope = new AsyncDisposableStack();
  const { dial, drops } = await serve(scope);
  const slow = await dial();
  slow.on("error", () => undefined);
  slow.write(Buffer.from([0, 40]));
  const drip = setInterval(() => slow.write(Buffer.from([0])), 50);
  await once(slow, "close", { signal: AbortSignal.timeout(5000) });
  clearInterval(drip);
  const huge = await dial();
  huge.on("error", () => undefined);
  huge.write(Buffer.from([0xff, 0xff, 0]));
  await once(huge, "close", { signal: AbortSignal.timeout(5000) });
  assert.deepEqual(drops, ["oversize"]);
});
