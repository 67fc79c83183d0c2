/**
 * The registry gate and drain before removal, with a real Consul, bridge and Envoy. The Pods are HTTP servers of the test:
 * they end at once when they are told to, so a request that still goes there fails and is counted.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { createAddressMemory } from "../../deploy/driver/facts.ts";
import { drivePass } from "../../deploy/driver/pass.ts";
import type { DriverWorkload, PassResult } from "../../deploy/driver/types.ts";
import { beginRollout } from "../../deploy/rollout/step.ts";
import { GATE, planOf, stage } from "../../deploy/rollout/testing.ts";
import { type Consul, startConsul } from "../support/consul.ts";
import { createDeployWorld, type DeployWorld, MAIN } from "../support/deploy-world.ts";
import { type Edge, startEdge, WEB_HOST } from "../support/edge.ts";
import { eventually, steadily } from "../support/eventually.ts";
import { type Load, startLoad } from "../support/load.ts";
import { clusterOf } from "../support/names.ts";
import { requireServers } from "../support/require-server.ts";

const { skip } = requireServers("envoy", "consul");
const { signal } = new AbortController();
const long = process.env["MESHBRIDGE_LONG"] !== undefined;
/** Requests while Pods are taken away. */
const REQUESTS = long ? 10_000 : 1500;
const gate = { ...GATE, registryPercent: 100, proxiesAcked: true, freshForMs: 3000 };

describe("what the registry and the proxies say decides", { skip }, () => {
  const scope = new AsyncDisposableStack();
  let consul: Consul;
  let edge: Edge;
  let world: DeployWorld;
  let memory = createAddressMemory();
  let load: Load;
  let registering = true;
  const workload = (stages: Parameters<typeof planOf>[0]): DriverWorkload => ({
    key: "default/web",
    main: MAIN,
    rollout: planOf(stages, { gate }),
    service: "default/web",
    drainMs: 500,
    allowLast: false,
  });
  const pass = (one: DriverWorkload): Promise<PassResult> =>
    drivePass({ workload: one, state: world.saved, memory }, world.ports(), signal);
  const drive = (one: DriverWorkload, what: string, done: () => boolean, withinMs = 15_000) =>
    eventually(
      what,
      async () => {
        const { unknown } = await pass(one);
        assert.ok(done(), JSON.stringify({ ...world.saved, unknown }));
      },
      { withinMs, everyMs: 100 },
    );
  const progress = (cluster: string) => world.saved.rollout.clusters.find((one) => one.cluster === cluster);
  const podsOf = (cluster: string) => world.clusters.get(cluster)?.pods ?? [];

  before(async () => {
    consul = await startConsul({}, scope);
    const registry = { kind: "consul", name: "consul", address: consul.url, addresses: { allow: ["127.0.0.0/8"] } };
    edge = await startEdge({ registries: [registry] }, scope);
    const state = { rollout: { ...beginRollout(undefined, "r1"), phase: "Succeeded" as const }, removals: [] };
    world = createDeployWorld({ consul, adminUrl: edge.workspace.adminUrl, state, registers: () => registering }, scope);
    for (const name of ["a", "b", "c"]) await world.add(name, "r1", 3);
    await eventually("Envoy has all nine", async () =>
      assert.equal((await edge.envoy.hosts(clusterOf("default/web", "http"))).length, 9),
    );
    await drive(
      workload([stage("all", "a b c", { maxConcurrency: 3 })]),
      "what is there has passed",
      () => ["a", "b", "c"].every((name) => progress(name)?.phase === "Passed"),
      40_000,
    );
    load = startLoad({ url: edge.url, host: WEB_HOST, rate: 250 }, scope);
  });
  after(() => scope.disposeAsync());

  test("scale-down of one cluster and unplacing of another under load: not one request fails", async () => {
    const all = workload([stage("all", "a b c")]);
    world.wanted.set("a", 1);
    await drive(all, "a has one Pod left", () => podsOf("a").length === 1 && world.saved.removals.length === 0, 30_000);
    world.wanted.set("b", undefined);
    const rest = workload([stage("all", "a c")]);
    await drive(rest, "b is empty", () => podsOf("b").length === 0 && world.saved.removals.length === 0, 30_000);
    await eventually("enough was asked", () => assert.ok(load.result.sent >= REQUESTS), { withinMs: 120_000, everyMs: 200 });
    const { sent, failures } = await load.stop();
    console.log(`${sent} requests, ${failures.length} failed`);
    assert.deepEqual(failures, []);
    assert.equal((await edge.bridge.get<{ total: number }>("/v1/drains")).total, 0);
  });

  test("registration withheld: the stage holds; given: it passes within a second", async () => {
    registering = false;
    const { rollout } = world.saved;
    world.saved = { rollout: beginRollout(rollout, "r2"), removals: [] };
    const two = workload([stage("canary", "c", { soakMs: 0 }), stage("rest", "a", { soakMs: 5000 })]);
    await drive(two, "the canary is changed", () => podsOf("c").every(({ revision }) => revision === "r2"));
    await steadily("the stage holds", 3000, async () => {
      await pass(two);
      assert.equal(progress("c")?.phase, "Verifying");
    });
    assert.match(progress("c")?.message ?? "", /0 of 3 instances are registered/);
    registering = true;
    for (const one of podsOf("c")) await world.register(one);
    const took = await drive(two, "it passes", () => progress("c")?.phase === "Passed", 5000);
    console.log(`passed ${took} ms after the registration`);
    assert.ok(took <= 1000, `${took} ms`);
  });

  test("Consul stands still: its Healthy is stale and passes nothing; it goes on when it is back", async () => {
    const two = workload([stage("canary", "c"), stage("rest", "a", { soakMs: 60_000 })]);
    await drive(two, "a is changed", () => podsOf("a").every(({ revision }) => revision === "r2"));
    await drive(two, "a passes and soaks", () => progress("a")?.passingSince !== null);
    consul.program.pause();
    try {
      await eventually("the registry is stale", async () => assert.equal((await pass(two)).unknown.length, 1), {
        withinMs: 40_000,
      });
      assert.match(progress("a")?.message ?? "", /Unknown/);
      const { lastPassingAt } = progress("a") ?? assert.fail();
      await steadily("no second of the soak is counted", 3000, async () => {
        await pass(two);
        assert.equal(progress("a")?.lastPassingAt, lastPassingAt);
      });
    } finally {
      consul.program.resume();
    }
    await drive(two, "it soaks anew", () => /passes; 0 s/.test(progress("a")?.message ?? ""), 30_000);
  });

  test("critical in the soak: everything changed goes back, the newest first", async () => {
    const two = workload([stage("canary", "c"), stage("rest", "a", { soakMs: 60_000 })]);
    await consul.setHealth(podsOf("a")[0]?.name ?? "", "critical");
    await drive(two, "it is rolled back", () => world.saved.rollout.phase === "RolledBack", 20_000);
    for (const name of ["a", "c"])
      assert.ok(
        podsOf(name).every(({ revision }) => revision === "r1"),
        name,
      );
    memory = createAddressMemory();
  });
});
