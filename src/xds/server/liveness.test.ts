import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { test } from "node:test";
import { fakeClock } from "../../kernel/fake-clock.ts";
import { silentLog } from "../../kernel/log.ts";
import { createLiveness, takenOf } from "./liveness.ts";

class FakeConnection extends EventEmitter {
  readonly socket = { bytesRead: 0, bytesWritten: 0, _handle: { writeQueueSize: 0 } };
  destroyed = false;
  pings = 0;
  /** Whether the client answers pings. */
  answers = true;
  ping(): boolean {
    this.pings++;
    this.socket.bytesWritten += 17;
    if (this.answers) this.socket.bytesRead += 17;
    return true;
  }
  destroy(): void {
    this.destroyed = true;
    this.emit("close");
  }
}

function rig() {
  const clock = fakeClock();
  const connection = new FakeConnection();
  const liveness = createLiveness({ clock, log: silentLog });
  liveness.watch(connection);
  liveness.watch(connection);
  return { clock, connection };
}

test("a quiet client that answers stays, for as long as it does", async () => {
  const { clock, connection } = rig();
  await clock.advance(600_000);
  assert.equal(connection.destroyed, false);
  assert.ok(connection.pings >= 50 && connection.pings <= 70, `${connection.pings} pings`);
  connection.answers = false;
  await clock.advance(30_000);
  assert.equal(connection.destroyed, true);
});

test("one that stops is gone after 25 to 30 s, whatever it did last", async () => {
  for (const lastMs of [0, 1, 2500, 4999]) {
    const { clock, connection } = rig();
    connection.answers = false;
    await clock.advance(lastMs);
    connection.socket.bytesRead += 100;
    await clock.advance(24_999);
    assert.equal(connection.destroyed, false, `after ${lastMs} ms`);
    await clock.advance(5001);
    assert.equal(connection.destroyed, true, `after ${lastMs} ms`);
    assert.equal(clock.sleeping, 0);
  }
});

test("one that takes what waits for it is alive, also when the answer to a ping is far behind", async () => {
  const { clock, connection } = rig();
  connection.answers = false;
  connection.socket.bytesWritten = 20e6;
  connection.socket._handle.writeQueueSize = 20e6;
  for (let second = 0; second < 120; second++) {
    connection.socket._handle.writeQueueSize -= 1000;
    await clock.advance(1000);
  }
  assert.equal(connection.destroyed, false);
  // What is written and not taken is no progress, and neither is what a buffer takes when nothing waits.
  connection.socket.bytesWritten += 5000;
  connection.socket._handle.writeQueueSize = 5000;
  await clock.advance(5000);
  connection.socket._handle.writeQueueSize = 0;
  await clock.advance(5000);
  connection.socket.bytesWritten += 300;
  await clock.advance(25_000);
  assert.equal(connection.destroyed, true);
});

test("a closed connection is not looked after any more", async () => {
  const { clock, connection } = rig();
  connection.destroy();
  await clock.advance(60_000);
  assert.equal(connection.pings, 0);
  assert.equal(clock.sleeping, 0);
});

test("a connection that is destroyed has taken nothing: its socket is gone, while a wait for it may just be over", () => {
  const connection = new FakeConnection();
  connection.socket.bytesWritten = 1000;
  connection.socket._handle.writeQueueSize = 300;
  assert.equal(takenOf(connection), 700);
  const destroyed = { destroyed: true, socket: undefined, ping: () => false, destroy: () => undefined, once: () => undefined };
  assert.equal(takenOf(destroyed), 0);
});
