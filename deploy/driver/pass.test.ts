import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { beginRollout } from "../rollout/step.ts";
import { GATE, planOf, stage } from "../rollout/testing.ts";
import { createAddressMemory } from "./facts.ts";
import { drivePass } from "./pass.ts";
import { drive, signal, World, workloadOf } from "./testing.ts";
import type { DriverState } from "./types.ts";

const gate = { ...GATE, registryPercent: 100, proxiesAcked: true };
const STAGES = planOf([stage("canary", "a"), stage("more", "b"), stage("rest", "c")], { gate });
const fresh = (): DriverState => {
  const succeeded = { ...beginRollout(undefined, "r1"), phase: "Succeeded" as const };
  return { rollout: beginRollout(succeeded, "r2"), removals: [] };
};
const settled = (): DriverState => ({
  rollout: {
    ...beginRollout(undefined, "r1"),
    phase: "Succeeded",
    clusters: ["a", "b", "c"].map((cluster, order) => ({
      cluster,
      phase: "Passed" as const,
      order,
      startedAt: 0,
      passingSince: 0,
      lastPassingAt: 0,
      message: "",
    })),
  },
  removals: [],
});
const three = (state: DriverState) => {
  const world = new World(state);
  for (const name of ["a", "b", "c"]) world.add(name, "r1", 3);
  return world;
};
const changes = (world: World) => world.log.filter((line) => line.includes(" to "));

test("three stages through the gate, one after the other", async () => {
  const world = three(fresh());
  await drive(world, workloadOf(STAGES));
  assert.equal(world.saved.rollout.phase, "Succeeded");
  assert.deepEqual(changes(world), ["a to r2", "b to r2", "c to r2"]);
});

test("killed at every single step, it goes on: nothing is repeated, nothing skipped, the same end", async () => {
  const whole = three(fresh());
  await drive(whole, workloadOf(STAGES));
  for (let killAt = 1; killAt <= whole.calls; killAt++) {
    const world = three(fresh());
    world.killAt = killAt;
    await drive(world, workloadOf(STAGES));
    assert.equal(world.saved.rollout.phase, "Succeeded", `killed at ${killAt}`);
    assert.deepEqual(changes(world), ["a to r2", "b to r2", "c to r2"], `killed at ${killAt}`);
  }
});

test("registration withheld: the stage holds; given: it passes with the next look", async () => {
  const world = three(fresh());
  world.registers = () => false;
  const workload = workloadOf(STAGES);
  await drive(world, workload, 60);
  assert.deepEqual(changes(world), ["a to r2"]);
  assert.match(world.saved.rollout.clusters[0]?.message ?? "", /0 of 3 instances are registered/);
  for (const { ip } of world.clusters.get("a")?.pods ?? []) world.registered.set(ip, "healthy");
  world.registers = () => true;
  await drive(world, workload);
  assert.equal(world.saved.rollout.phase, "Succeeded");
});

test("an instance turning critical in the soak: everything changed goes back, the newest first", async () => {
  const soaking = planOf([stage("canary", "a"), stage("rest", "b c", { soakMs: 20_000 })], { gate });
  const world = three(fresh());
  const workload = workloadOf(soaking);
  await drive(world, workload, 8);
  assert.deepEqual(changes(world), ["a to r2", "b to r2"]);
  world.registered.set(world.clusters.get("b")?.pods[0]?.ip ?? "", "unhealthy");
  await drive(world, workload);
  assert.equal(world.saved.rollout.phase, "RolledBack");
  assert.deepEqual(changes(world), ["a to r2", "b to r2", "b to r1", "a to r1"]);
});

test("a bridge that does not answer is Unknown: it holds, and says so", async () => {
  const world = three(fresh());
  world.bridge = false;
  const workload = workloadOf(STAGES);
  await drive(world, workload, 60);
  assert.deepEqual(changes(world), ["a to r2"]);
  const { unknown } = await drivePass({ workload, state: world.saved, memory: createAddressMemory() }, world.ports(), signal);
  assert.deepEqual(unknown, ["a: the bridge is silent"]);
});

for (const [what, prepare, expected] of [
  ["scale-down", (world: World) => world.wanted.set("a", 1), ["a to 1 replicas"]],
  ["unplace", (world: World) => world.wanted.set("a", undefined), ["a deleted"]],
] as const) {
  test(`${what}: traffic first, then the Pods, then the registry; killed at every step no request is lost`, async () => {
    const plan = planOf(what === "unplace" ? [stage("all", "b c")] : [stage("all", "a b c")], { gate });
    const run = async (killAt: number) => {
      const world = three(settled());
      prepare(world);
      world.killAt = killAt;
      await drive(world, workloadOf(plan));
      assert.deepEqual(world.broken, [], `killed at ${killAt}`);
      assert.deepEqual(world.saved.removals, []);
      assert.deepEqual(
        world.log.filter((line) => !line.startsWith("pod")),
        expected,
      );
      return world;
    };
    const { calls, now } = await run(Number.POSITIVE_INFINITY);
    assert.ok(now - 1_000_000 >= 5000, "the drain time is waited for");
    for (let killAt = 1; killAt <= calls; killAt++) await run(killAt);
  });

  for (const [why, disturb] of [
    ["clients have not acknowledged", (world: World) => (world.acks = false)],
    ["the bridge is silent", (world: World) => (world.bridge = false)],
  ] as const) {
    test(`${what}: nothing goes while ${why}`, async () => {
      const world = three(settled());
      prepare(world);
      disturb(world);
      await drive(world, workloadOf(planOf([stage("all", "a b c")], { gate })), 100);
      assert.deepEqual(world.log, []);
      assert.equal(world.saved.removals[0]?.phase, "Draining");
    });
  }
}

test("a custom kind that says where its replicas stand is drained before it is scaled down too", async () => {
  const main = { group: "apps.example", kind: "App", namespace: "shop", name: "web" };
  const world = new World(settled(), main, "size");
  for (const name of ["a", "b", "c"]) world.add(name, "r1", 3);
  world.wanted.set("a", 1);
  const kinds = [{ group: "apps.example", kind: "App", scale: "/spec/size", healthy: [], degraded: [] }];
  const workload = workloadOf(planOf([stage("all", "a b c")], { gate }), { main, kinds });
  world.acks = false;
  await drive(world, workload, 20);
  assert.equal(world.log.length, 0, "nothing goes while clients have not acknowledged");
  assert.equal(world.saved.removals[0]?.to, 1);
  world.acks = true;
  await drive(world, workload);
  assert.deepEqual(world.broken, []);
  assert.deepEqual(world.saved.removals, []);
  assert.deepEqual(
    world.log.filter((line) => !line.startsWith("pod")),
    ["a to 1 replicas"],
  );
});

test("a scale-down that is taken back before anything went: the drain ends, and nothing was done", async () => {
  const world = three(settled());
  const workload = workloadOf(planOf([stage("all", "a b c")], { gate }));
  world.wanted.set("a", 1);
  await drive(world, workload, 3);
  assert.equal(world.saved.removals.length, 1);
  world.wanted.set("a", 3);
  await drive(world, workload);
  assert.deepEqual([world.saved.removals, world.log], [[], []]);
});

test("one that another has taken over from does nothing at all", async () => {
  const world = three(fresh());
  world.stale = true;
  await assert.rejects(drive(world, workloadOf(STAGES)), /taken over/);
  world.saved = settled();
  world.wanted.set("a", undefined);
  await assert.rejects(drive(world, workloadOf(STAGES)), /taken over/);
  assert.deepEqual(world.log, []);
  assert.equal(world.drained.size, 0);
});

test("property: whatever is wanted, silent and killed on the way, no Pod goes while clients use it", async () => {
  const moment = fc.record({
    cluster: fc.constantFrom("a", "b", "c"),
    replicas: fc.constantFrom(undefined, 0, 1, 2, 4),
    acks: fc.boolean(),
    bridge: fc.boolean(),
    passes: fc.integer({ min: 1, max: 9 }),
    kill: fc.option(fc.integer({ min: 1, max: 12 }), { nil: undefined }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(moment, { minLength: 1, maxLength: 8 }), async (moments) => {
      const world = three(settled());
      const workload = workloadOf(planOf([stage("all", "a b c")], { gate }));
      for (const { cluster, replicas, acks, bridge, passes, kill } of moments) {
        world.wanted.set(cluster, replicas);
        Object.assign(world, { acks, bridge, killAt: kill === undefined ? Number.POSITIVE_INFINITY : world.calls + kill });
        await drive(world, workload, passes);
      }
      assert.deepEqual(world.broken, []);
      Object.assign(world, { acks: true, bridge: true, killAt: Number.POSITIVE_INFINITY });
      await drive(world, workload);
      for (const [name, { revision, replicas }] of world.clusters) {
        const wanted = world.wanted.get(name);
        assert.deepEqual([revision, replicas], wanted === undefined ? [null, 0] : ["r1", wanted]);
      }
      assert.deepEqual(world.broken, []);
      assert.deepEqual(world.saved.removals, []);
    }),
    { numRuns: 300 },
  );
});

test("a Pod that comes while its cluster is drained is drained too before it goes", async () => {
  const world = three(settled());
  const workload = workloadOf(planOf([stage("all", "b c")], { gate }));
  world.wanted.set("a", undefined);
  await drive(world, workload, 5);
  assert.equal(world.saved.removals[0]?.phase, "Draining");
  const cluster = world.clusters.get("a");
  cluster?.pods.push({ name: "a-99", ip: "10.9.9.9", revision: "r1", cost: 0 });
  world.registered.set("10.9.9.9", "healthy");
  await drive(world, workload);
  assert.ok(world.drained.has("10.9.9.9"));
  assert.deepEqual([world.broken, world.clusters.get("a")?.revision], [[], null]);
});

test("what was planned on an older sight of the object than it was read with just now waits", async () => {
  const world = new World({ rollout: beginRollout(undefined, "r1"), removals: [] });
  world.add("a", "r1", 1);
  const workload = workloadOf(planOf([stage("all", "a")]), { service: undefined });
  const memory = createAddressMemory();
  const begun = beginRollout({ ...world.saved.rollout, phase: "Succeeded" }, "r2");
  const told = await drivePass(
    { workload, state: { rollout: begun, removals: [] }, memory },
    { ...world.ports(), apply: async () => [] },
    signal,
  );
  const ports = world.ports();
  const live: typeof ports.live = async (name, limit) => {
    const seen = await ports.live(name, limit);
    const metadata = { ...(seen?.object?.["metadata"] as object), resourceVersion: "2" };
    return seen === undefined ? undefined : { ...seen, object: { ...seen.object, metadata } };
  };
  world.now += 1000;
  const behind = await drivePass({ workload, state: told.state, memory }, { ...ports, live }, signal);
  assert.deepEqual([behind.outcomes, behind.waiting.length], [[], 1]);
  const level = await drivePass({ workload, state: told.state, memory }, ports, signal);
  assert.equal(level.outcomes.length, 1);
});

test("members that a registry calls by one name are drained beside each other, not instead of each other", async () => {
  const world = three(settled());
  for (const name of ["a", "b"]) world.wanted.set(name, 1);
  const standing = new Map<string, string>();
  const ports = world.ports();
  const drain: typeof ports.drain = async (order, limit) => {
    standing.set(`${order.service} ${order.cluster} ${order.owner}`, [...(order.addresses ?? [])].join(" "));
    return await ports.drain(order, limit);
  };
  const workload = workloadOf(STAGES);
  const input = { workload, memory: createAddressMemory() };
  const first = await drivePass({ ...input, state: world.saved }, { ...ports, drain }, signal);
  assert.deepEqual([standing.size, first.state.removals.length], [2, 2]);
  assert.deepEqual(
    [...standing.values()],
    first.state.removals.map(({ addresses }) => addresses.join(" ")),
  );
});
