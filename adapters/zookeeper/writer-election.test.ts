import assert from "node:assert/strict";
import { test } from "node:test";
import { fakeClock } from "../../src/kernel/fake-clock.ts";
import type { ElectionEvent } from "../../src/sidecar/cluster/election.ts";
import { type ModelZooKeeper, modelZooKeeper } from "./testing.ts";
import { createElection } from "./writer-election.ts";

const PATH = "/meshbridge/sync/leader";

function candidate(zk: ModelZooKeeper, identity: string) {
  const [clock, stop] = [fakeClock(), new AbortController()];
  const servers = [{ host: "127.0.0.1", port: 2181 }];
  const election = createElection({ connect: zk.connect, servers, path: PATH, identity, name: "zk", clock, random: () => 0.5 });
  const events: ElectionEvent[] = [];
  const over = (async () => {
    for await (const event of election.events(stop.signal)) events.push(event);
  })();
  const last = () => events.at(-1);
  return {
    events,
    settle: () => clock.advance(0),
    wait: (ms: number) => clock.advance(ms),
    epoch: () => {
      const event = last();
      return event?.type === "leading" ? event.epoch : undefined;
    },
    async leave() {
      stop.abort();
      await over;
    },
  };
}

test("one of two acts; when it leaves the other does, with a larger epoch", async () => {
  const zk = modelZooKeeper();
  const first = candidate(zk, "first");
  await first.settle();
  const second = candidate(zk, "second");
  await second.settle();
  assert.equal(zk.dump().get(PATH), "first");
  const epoch = first.epoch() ?? 0;
  assert.ok(epoch > 0);
  assert.deepEqual(second.events, []);
  await first.leave();
  await second.settle();
  assert.equal(zk.dump().get(PATH), "second");
  assert.ok((second.epoch() ?? 0) > epoch);
  await second.leave();
  assert.equal(zk.dump().has(PATH), false, "who leaves gives it up");
});

test("a lost connection is the end of acting at once; with the session still there it goes on as before", async () => {
  const zk = modelZooKeeper();
  const one = candidate(zk, "one");
  await one.settle();
  const epoch = one.epoch();
  zk.disconnect();
  await one.settle();
  assert.equal(one.events.at(-1)?.type, "following");
  await one.wait(3000);
  assert.equal(one.epoch(), epoch);
  await one.leave();
});

test("an expired session is a new election, with a larger epoch", async () => {
  const zk = modelZooKeeper();
  const one = candidate(zk, "one");
  await one.settle();
  const epoch = one.epoch() ?? 0;
  zk.expire();
  await one.settle();
  assert.equal(one.epoch(), undefined);
  await one.wait(3000);
  assert.ok((one.epoch() ?? 0) > epoch);
  await one.leave();
});
