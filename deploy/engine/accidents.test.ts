/**
 * Accidents that emptied clusters of other projects, one by one, against API servers in this process: each must delete
 * nothing, and each must be told. Where a cluster is to be left on purpose, it is left, and only then.
 */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { systemClock } from "../../src/kernel/clock.ts";
import type { Taint } from "../api/schema/cluster.ts";
import type { FederatedWorkload } from "../api/schema/workload.ts";
import { parseWorkload } from "../api/validate.ts";
import { type Json, type JsonObject, valueAt, withValueAt } from "../json/value.ts";
import { sortFleet, viewOf } from "../placement/fleet.ts";
import { workloadKey } from "../plan/wanted.ts";
import { divideReplicas } from "../replicas/divide.ts";
import { createLiveEngine } from "./live.ts";
import { type Pass, planPass, templateKeys } from "./pass.ts";
import { startMembers } from "./testing.ts";
import type { ActionOutcome, Observation } from "./types.ts";

const NAMES = ["a", "b", "c"];
const WEB = "deployments/shop/web";
const MINUTE = 60_000;

function workload(spec: JsonObject = {}): FederatedWorkload {
  const containers = [{ name: "web", image: "web:1" }];
  const deployment = {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "web" },
    spec: { selector: { matchLabels: { app: "web" } }, template: { metadata: { labels: { app: "web" } }, spec: { containers } } },
  };
  const text = JSON.stringify({
    apiVersion: "deploy.meshbridge.io/v1alpha1",
    kind: "FederatedWorkload",
    metadata: { name: "web", namespace: "shop" },
    spec: { template: { manifests: [deployment] }, placement: { clusterSelector: {} }, replicas: { total: 9 }, ...spec },
  });
  const parsed = parseWorkload(text);
  assert.ok("object" in parsed, JSON.stringify(parsed));
  return parsed.object;
}

interface PassOptions {
  readonly of?: FederatedWorkload;
  readonly taints?: Readonly<Record<string, readonly Taint[]>>;
  readonly now?: number;
  readonly members?: readonly string[];
}

async function rig(t: TestContext, withinMs = 3000, begin = workload()) {
  const { clients, servers } = await startMembers(t, NAMES);
  const server = (name: string) => servers.get(name) ?? assert.fail(name);
  /** A controller after a start: empty caches. */
  const open = () => {
    const stop = new AbortController();
    t.after(() => stop.abort());
    return createLiveEngine({ clients, clock: systemClock, withinMs, signal: stop.signal, changed: () => undefined });
  };
  let engine = open();
  const template = (of: FederatedWorkload) => ({
    workload: of,
    manifests: of.spec.template.manifests ?? [],
    clusterScoped: new Set<string>(),
  });
  const observe = (of: FederatedWorkload = workload()): Promise<Observation> => {
    const request = { workload: workloadKey(of), ...templateKeys(template(of)), demand: undefined };
    return engine.observe(request, t.signal);
  };
  const plan = (
    observation: Observation,
    { of = workload(), taints = {}, now = Date.now(), members = NAMES }: PassOptions = {},
  ): Pass => {
    const views = members.map((name) => {
      const spec = { unschedulable: false, taints: [...(taints[name] ?? [])] };
      const cluster = { apiVersion: "deploy.meshbridge.io/v1alpha1", kind: "Cluster", metadata: { name }, spec } as const;
      return viewOf(cluster, observation.clusters.get(name)?.reachable === true ? "ready" : "unknown");
    });
    const rails = { maxDeletes: 100, maxDeletePercent: 50, approvedDeletes: undefined, allowLastCopy: false };
    return planPass({ ...template(of), fleet: sortFleet(views), observation, lastKnown: new Map(), rails, deleting: false, now });
  };
  const pass = async (options: PassOptions = {}) => {
    const planned = plan(await observe(options.of), options);
    const outcomes = await engine.apply(planned.plan.actions, { workload: "shop/web" }, t.signal);
    return { ...planned, outcomes };
  };
  const deletes = () => [...servers.values()].reduce((sum, { counts }) => sum + (counts["DELETE"] ?? 0), 0);
  const replicas = () => NAMES.map((name) => valueAt(server(name).objects.get(WEB), ["spec", "replicas"]));
  /** As its controllers would report: everything is new and ready. */
  const ready = (name: string) => {
    const live = server(name).objects.get(WEB) ?? assert.fail(name);
    const count = valueAt(live, ["spec", "replicas"]) as Json;
    const generation = valueAt(live, ["metadata", "generation"]) ?? 1;
    const counts = { replicas: count, updatedReplicas: count, readyReplicas: count, availableReplicas: count };
    server(name).put(WEB, withValueAt(live, ["status"], { observedGeneration: generation, ...counts }));
  };
  const restart = () => {
    engine = open();
  };
  const first = await pass({ of: begin });
  assert.ok(first.outcomes.every(({ result }) => result === "done"));
  return { server, pass, plan, observe, deletes, replicas, ready, restart };
}

const verbs = (outcomes: readonly ActionOutcome[], cluster: string) =>
  outcomes.filter(({ action }) => action.cluster === cluster).map(({ action }) => `${action.verb}:${action.reason}`);

/** Watches tell of a change when they come to it. */
async function until(check: () => Promise<boolean>): Promise<void> {
  while (!(await check())) await systemClock.sleep(10);
}

test("row 9: a cluster that is not ready keeps its replicas, and nobody else gets them", { timeout: 30_000 }, async (t) => {
  const { server, pass, deletes, replicas } = await rig(t);
  assert.deepEqual(replicas(), [3, 3, 3]);
  server("c").hang(true);
  server("c").cutWatches();
  await until(async () => (await pass()).outcomes.some(({ action }) => action.verb === "queued"));
  const { outcomes } = await pass({ of: workload({ replicas: { total: 12 } }) });
  assert.deepEqual([deletes(), replicas()], [0, [4, 4, 3]], "its share of the three more waits for it");
  assert.deepEqual(verbs(outcomes, "c"), ["queued:Unreachable"]);
  server("c").hang(false);
  await until(async () =>
    (await pass({ of: workload({ replicas: { total: 12 } }) })).outcomes.every(({ action }) => action.verb === "none"),
  );
  assert.deepEqual([deletes(), replicas()], [0, [4, 4, 4]]);
});

test("row 10: a dead cluster is left when somebody says so, after the seconds that were said, and not before", {
  timeout: 30_000,
}, async (t) => {
  const { server, pass, deletes, replicas } = await rig(t);
  server("c").hang(true);
  server("c").cutWatches();
  await until(async () => (await pass()).outcomes.some(({ action }) => action.verb === "queued"));
  const now = Date.now();
  const taints = { c: [{ key: "outage", effect: "NoExecute", timeAdded: new Date(now).toISOString() }] } as const;
  const of = workload({
    placement: {
      clusterSelector: {},
      tolerations: [{ key: "outage", operator: "Exists", effect: "NoExecute", tolerationSeconds: 300 }],
    },
  });
  await pass({ of, taints, now: now + 4 * MINUTE });
  assert.deepEqual(replicas(), [3, 3, 3], "endured so far");
  const { outcomes, placement } = await pass({ of, taints, now: now + 6 * MINUTE });
  assert.deepEqual(replicas(), [5, 4, 3], "the others have all of them");
  assert.deepEqual(placement.clusters, ["a", "b"]);
  assert.deepEqual(verbs(outcomes, "c"), [], "what it holds is neither known nor touched");
  assert.equal(deletes(), 0);
});

test("row 11: the last healthy copy stays until another is seen to be healthy", { timeout: 30_000 }, async (t) => {
  const only = (names: readonly string[]) => workload({ placement: { clusters: [...names] }, replicas: { total: 3 } });
  const { pass, deletes, ready, server } = await rig(t, 3000, only(["a"]));
  ready("a");
  // The target list becomes another: the new copy is made, and nothing says yet that it is well.
  const moved = await pass({ of: only(["b"]) });
  assert.deepEqual([verbs(moved.outcomes, "a"), deletes()], [["held:LastHealthyCopy"], 0]);
  assert.ok(server("b").objects.has(WEB));
  ready("b");
  await until(async () => {
    await pass({ of: only(["b"]) });
    return deletes() === 1;
  });
  assert.deepEqual([server("a").objects.has(WEB), server("b").objects.has(WEB)], [false, true]);
});

const BOUNCES: Readonly<
  Record<
    string,
    (server: {
      refuse(status: number, times: number, methods?: readonly string[]): void;
      cutWatches(): void;
      compact(): void;
      hang(on: boolean): void;
      forbid(plurals: readonly string[]): void;
    }) => void
  >
> = {
  "an API server that answers 500 for a while": (server) => server.refuse(500, 12, ["GET"]),
  "an API server that is overloaded": (server) => server.refuse(429, 6, ["GET"]),
  "a lost history": (server) => {
    server.compact();
    server.cutWatches();
  },
  "an account that may read nothing any more": (server) => {
    server.forbid(["deployments"]);
    server.cutWatches();
  },
  "an API server that hangs": (server) => {
    server.hang(true);
    server.cutWatches();
  },
};
for (const [what, bounce] of Object.entries(BOUNCES))
  test(`row 12: a controller restarted beside ${what} deletes nothing`, { timeout: 60_000 }, async (t) => {
    const { server, pass, deletes, restart, replicas } = await rig(t, 1000);
    bounce(server("b"));
    restart();
    for (let round = 0; round < 3; round++) {
      const { outcomes } = await pass();
      assert.ok(
        outcomes.every(({ action }) => action.verb === "none" || action.verb === "queued"),
        JSON.stringify(outcomes.map(({ action }) => action.verb)),
      );
    }
    assert.deepEqual([deletes(), replicas()], [0, [3, 3, 3]]);
    server("b").hang(false);
    server("b").forbid([]);
    await until(async () => (await pass()).outcomes.every(({ action }) => action.verb === "none"));
    assert.deepEqual([deletes(), replicas()], [0, [3, 3, 3]]);
  });

test("row 12: a restarted controller whose caches are not full yet deletes nothing", { timeout: 30_000 }, async (t) => {
  const { server, pass, deletes, restart } = await rig(t, 300);
  for (const name of NAMES) server(name).slow(1000);
  restart();
  // As if nobody wanted it anywhere: the worst that a half-read configuration could say.
  const { outcomes } = await pass({ of: workload({ placement: { clusters: [] } }) });
  assert.deepEqual(
    outcomes.filter(({ action }) => action.verb === "delete"),
    [],
  );
  assert.equal(deletes(), 0);
});

test("row 12: a member that fell out of the fleet's list keeps what it has", { timeout: 30_000 }, async (t) => {
  const { observe, plan, replicas, deletes } = await rig(t);
  const seen = await observe();
  // Only members are connected to: of the others nothing is seen.
  const clusters = new Map([...seen.clusters].filter(([name]) => name === "a"));
  const { plan: planned } = plan({ ...seen, clusters, replicas: new Map([["a", 3]]) }, { members: ["a"] });
  assert.deepEqual(
    planned.actions.map(({ cluster, verb }) => `${cluster} ${verb}`),
    ["a update"],
  );
  assert.deepEqual([deletes(), replicas()], [0, [3, 3, 3]]);
});

test("row 12: a list of targets that became empty or short is asked about before more than half goes", {
  timeout: 30_000,
}, async (t) => {
  const { pass, deletes, replicas, ready } = await rig(t);
  for (const name of NAMES) ready(name);
  for (const clusters of [[], ["a"]]) {
    const of = workload({ placement: { clusters } });
    await until(async () => {
      const { outcomes } = await pass({ of });
      return verbs(outcomes, "b").join() === (clusters.length === 0 ? "held:LastHealthyCopy" : "held:TooManyDeletes");
    });
    assert.equal(deletes(), 0, JSON.stringify(clusters));
    assert.deepEqual(replicas().slice(1), [3, 3]);
  }
});

test("row 13: what a failed cluster holds is neither cleared nor made again: it goes on with it when it is back", {
  timeout: 30_000,
}, async (t) => {
  const { server, pass, deletes, observe } = await rig(t);
  const uid = valueAt(server("b").objects.get(WEB), ["metadata", "uid"]);
  const version = valueAt(server("b").objects.get(WEB), ["metadata", "resourceVersion"]);
  for (let round = 0; round < 3; round++) {
    server("b").hang(true);
    server("b").cutWatches();
    await until(async () => (await observe()).clusters.get("b")?.reachable === false);
    await pass();
    server("b").hang(false);
    await until(async () => (await observe()).clusters.get("b")?.reachable === true);
    await pass();
  }
  const live = server("b").objects.get(WEB);
  assert.deepEqual(
    [deletes(), valueAt(live, ["metadata", "uid"]), valueAt(live, ["metadata", "resourceVersion"])],
    [0, uid, version],
  );
});

test("row 14: what leaves a failed cluster is spread by room, not put where there is most of it", () => {
  const capacity = new Map([
    ["b", 60],
    ["c", 40],
    ["d", 20],
  ]);
  const placed = new Map<string, number>();
  for (let index = 0; index < 12; index++) {
    const of = workload({ replicas: { total: 10, by: "capacity" } });
    assert.ok(of.spec.replicas !== undefined);
    const { shares } = divideReplicas({
      replicas: of.spec.replicas,
      clusters: ["b", "c", "d"],
      current: new Map(),
      capacity,
      key: `shop/web-${index}`,
    });
    assert.equal(
      shares.reduce((sum, { replicas }) => sum + replicas, 0),
      10,
    );
    for (const { cluster, replicas } of shares) placed.set(cluster, (placed.get(cluster) ?? 0) + replicas);
  }
  for (const [name, room] of capacity)
    assert.ok(Math.abs((placed.get(name) ?? 0) - room) <= 12, `${name}: ${placed.get(name)} of ${room}`);
});
