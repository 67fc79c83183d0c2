import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { fakeClock } from "../../src/kernel/fake-clock.ts";
import { silentLog } from "../../src/kernel/log.ts";
import { startMembers } from "../engine/testing.ts";
import type { JsonObject } from "../json/value.ts";
import { decideLease, epochOf, leaseToWrite, leaseView } from "./decide.ts";
import { type Leadership, runElected } from "./elect.ts";
import { fencedClient } from "./fence.ts";

const view = (holder: string, durationMs = 15_000) => ({ holder, transitions: 3, durationMs, madeAt: 0, resourceVersion: "1" });

test("who has it keeps it until nobody has seen it renewed for its duration, by one's own clock", () => {
  assert.equal(decideLease(undefined, "me", 0), "take");
  assert.equal(decideLease(view(""), "me", 0), "take");
  assert.equal(decideLease(view("me"), "me", 0), "renew");
  assert.deepEqual(decideLease(view("other"), "me", 14_000), { waitMs: 1000 });
  assert.equal(decideLease(view("other"), "me", 15_000), "take");
});

test("epochs grow with every holder, and over a Lease that was deleted", () => {
  const write = { name: "l", namespace: "n", identity: "a", durationMs: 1500, now: 0 };
  const first = leaseToWrite(undefined, write);
  assert.equal(leaseView(first).transitions, 1);
  assert.equal(leaseView(first).durationMs, 2000);
  assert.equal(leaseView(leaseToWrite(first, write)).transitions, 1);
  assert.equal(leaseView(leaseToWrite(first, { ...write, identity: "" })).transitions, 1);
  assert.equal(leaseView(leaseToWrite(first, { ...write, identity: "b" })).transitions, 2);
  assert.ok(epochOf({ madeAt: 1_000_000, transitions: 1 }) > epochOf({ madeAt: 999_000, transitions: 999_999 }));
});

/** Two that stand for election at one server; time stands still until the test moves it. */
async function rig(t: TestContext) {
  const { clients, servers } = await startMembers(t, ["hub"]);
  const client = clients.get("hub") ?? assert.fail();
  const clock = fakeClock();
  const ending = new AbortController();
  const held = new Map<string, Leadership>();
  const stand = (identity: string) =>
    runElected({
      ...{ client, namespace: "system", name: "deploy", identity, durationMs: 4000, clock, random: () => 0.5, log: silentLog },
      signal: ending.signal,
      async lead(leadership) {
        held.set(identity, leadership);
        await new Promise((resolve) => leadership.signal.addEventListener("abort", resolve, { once: true }));
      },
    });
  const move = async (ms: number) => {
    // Requests are real: between two steps they get the time that they need.
    for (let passed = 0; passed < ms; passed += 100) {
      await clock.advance(100);
      await new Promise((resolve) => setTimeout(resolve, 3));
    }
  };
  t.after(() => ending.abort(new Error("the test ends")));
  const server = servers.get("hub") ?? assert.fail();
  const leading = () => [...held].filter(([, one]) => one.valid()).map(([name]) => name);
  return { client, clock, ending, held, leading, move, server, stand };
}

test("one leads at a time; one whose renewals are not taken stops before the other begins", async (t) => {
  const { held, leading, move, server, stand, ending } = await rig(t);
  const running = [stand("a"), stand("b")];
  await move(1000);
  const [leader = ""] = leading();
  assert.equal(leading().length, 1);
  await move(8000);
  assert.deepEqual(leading(), [leader], "renewed, it stays");
  const lease = server.objects.get("leases/system/deploy") as JsonObject;
  server.refuse(500, 30, ["PUT"]);
  await move(3300);
  assert.deepEqual(leading(), [], "before others may take over");
  server.refuse(500, 0);
  await move(8000);
  assert.equal(leading().length, 1);
  const epochs = [...held.values()].map(({ epoch }) => epoch);
  assert.ok(Math.max(...epochs) > leaseView(lease).transitions, `${epochs}`);
  ending.abort(new Error("over"));
  await move(500);
  await Promise.all(running);
  assert.equal(leaseView(server.objects.get("leases/system/deploy") as JsonObject).holder, "", "given up");
});

test("one that stood still past its lease sends nothing, whatever it was about to do; reads pass", async (t) => {
  const { client, server } = await rig(t);
  const clock = fakeClock();
  const fenced = fencedClient(client, { epoch: 7, valid: () => clock.monotonic() < 1000 });
  const manifest = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "x", namespace: "shop" }, data: { a: "1" } };
  const key = { group: "", kind: "ConfigMap", namespace: "shop", name: "x" };
  const write = { fieldManager: "m" };
  assert.ok("value" in (await fenced.apply(manifest, { ...write, force: true }, t.signal)));
  const before = JSON.stringify([...server.objects]);
  await clock.advance(1000);
  for (const answer of [
    await fenced.apply({ ...manifest, data: { a: "2" } }, { ...write, force: true }, t.signal),
    await fenced.create({ ...manifest, metadata: { name: "y", namespace: "shop" } }, write, t.signal),
    await fenced.replace(manifest, write, t.signal),
    await fenced.patch(key, { data: { a: "3" } }, write, t.signal),
    await fenced.remove(key, {}, t.signal),
  ])
    assert.match("error" in answer ? answer.error.message : "", /MB_DEPLOY_NOT_LEADING.*epoch 7/);
  assert.equal(JSON.stringify([...server.objects]), before);
  assert.ok("value" in (await fenced.get(key, t.signal)));
});
