/**
 * `meshbridge deploy controller` on a hub and three members, all real API servers: a rollout that survives the end of its
 * controller at every single write, and two controllers of which one acts.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { eventually, steadily } from "../support/eventually.ts";
import { ask } from "../support/http.ts";
import { type Controller, type Hub, type Seen, startHub } from "../support/hub.ts";
import { requireServers } from "../support/require-server.ts";

const { skip } = requireServers("etcd", "kubernetes", "kwok");
const MEMBERS = ["a", "b", "c"];
const STAGES = MEMBERS.map((name) => ({ name: `stage-${name}`, clusters: [name] }));
const rollout = { stages: STAGES, deadline: "5m" };

describe("the controller of a hub", { skip }, () => {
  const scope = new AsyncDisposableStack();
  let hub: Hub;
  let controller: Controller;
  const phase = async () => (await hub.status("web")).rollout?.rollout.phase;
  const images = async () => Promise.all(MEMBERS.map(async (name) => (await hub.deployment(name, "web"))?.image));
  const succeeded = async (image: string) => {
    const { rollout: kept, observedGeneration } = await hub.status("web");
    assert.deepEqual([kept?.rollout.phase, await images()], ["Succeeded", MEMBERS.map(() => image)], JSON.stringify(kept));
    return observedGeneration;
  };
  const deploymentWrites = (from: number) =>
    hub.writes.slice(from).filter(({ at, path }) => at !== "hub" && path.endsWith("/deployments/web"));

  before(async () => {
    hub = await startHub({ members: MEMBERS, nodes: true }, scope);
    controller = await hub.startController();
  });
  after(() => scope.disposeAsync());

  test("stage after stage; the status tells each cluster with its time; at rest nothing is written", async () => {
    await hub.put("web", { image: "one", rollout });
    await eventually("it is rolled out", () => succeeded("one"), { withinMs: 60_000, everyMs: 200 });
    await eventually("the status says so", async () => {
      const { conditions = [], clusters = [] } = await hub.status("web");
      const is = (type: string) => conditions.find((one) => one.type === type)?.status;
      const told = ["Valid", "Placed", "Applied", "Healthy", "RolledOut", "DeletionHeld"].map(is);
      assert.deepEqual(told, ["True", "True", "True", "True", "True", "False"], JSON.stringify(conditions));
      assert.ok(clusters.every(({ health, observedAt }) => health === "Healthy" && observedAt !== undefined));
    });
    assert.deepEqual(
      deploymentWrites(0).map(({ at }) => at),
      MEMBERS,
    );
    const { length } = hub.writes;
    await steadily("nothing is written", 3000, () => assert.deepEqual(hub.writes.slice(length), []));
    assert.equal((await askText(`${controller.url}/readyz`)).trim(), "ok");
    assert.match(await askText(`${controller.url}/metrics`), /meshbridge_deploy_leading 1\n/);
  });

  test("killed -9 after every step of a rollout: it goes on, nothing is repeated and nothing is skipped", async () => {
    await controller.program.kill();
    const from = hub.writes.length;
    await hub.put("web", { image: "two", rollout });
    const steps: string[] = [];
    // The write is done and its answer never comes: the hardest moment to end at.
    hub.onWrite = (write) => {
      const step = stepOf(write);
      if (step === undefined || steps.includes(step)) return;
      steps.push(step);
      controller.program.signal("SIGKILL");
    };
    const done = async () => (await phase()) === "Succeeded" && (await images()).every((image) => image === "two");
    let kills = 0;
    for (; !(await done()); kills++) {
      assert.ok(kills < 40, `it does not come forward: ${steps.join(", ")}`);
      controller = await hub.startController({ leaseSeconds: 1 });
      await Promise.race([
        controller.program.exited,
        eventually("it is killed or done", async () => assert.ok(await done()), { withinMs: 60_000, everyMs: 300 }),
      ]);
      await controller.program.kill();
    }
    hub.onWrite = undefined;
    console.log(`${kills} controllers were killed, ${hub.writes.length - from} writes; after ${steps.join(", ")}`);
    assert.ok(kills >= 8, `${kills}`);
    await succeeded("two");
    assert.deepEqual(
      deploymentWrites(from).map(({ at, status }) => [at, status]),
      MEMBERS.map((name) => [name, 200]),
      "one write to each member, in the order of the stages",
    );
    for (const name of MEMBERS) assert.equal((await hub.deployment(name, "web"))?.generation, 2, name);
    assertForward(hub.writes.slice(from));
  });

  test("two controllers: one acts; what one has sent that stood still past its lease is refused", async () => {
    const leading = async ({ url }: Controller) => /_leading 1\n/.test(await askText(`${url}/metrics`));
    const epochOf = async ({ url }: Controller) => Number(/_epoch (\d+)\n/.exec(await askText(`${url}/metrics`))?.[1]);
    let leader = await hub.startController();
    await eventually("the first leads", async () => assert.ok(await leading(leader)), { withinMs: 30_000 });
    let other = await hub.startController();
    for (const { image, at, path } of [
      { image: "three", at: "a", path: "/deployments/web" },
      { image: "four", at: "hub", path: "/web/status" },
    ]) {
      assert.deepEqual([await leading(leader), await leading(other)], [true, false]);
      const from = hub.writes.length;
      const stoppedEpoch = await epochOf(leader);
      const generations = await Promise.all(MEMBERS.map(async (name) => (await hub.deployment(name, "web"))?.generation ?? 0));
      const { promise: released, resolve: release } = Promise.withResolvers<void>();
      let held: string | undefined;
      const stopped = leader;
      hub.beforeWrite = async (write) => {
        if (held !== undefined || write.at !== at || !write.path.endsWith(path)) return;
        held = write.body;
        stopped.program.pause();
        await released;
      };
      await hub.put("web", { image, rollout });
      await eventually("the leader stands still, its write on the way", () => assert.ok(held), { withinMs: 30_000 });
      await eventually("the other one does it", () => succeeded(image), { withinMs: 60_000, everyMs: 200 });
      const epoch = await epochOf(other);
      assert.ok(epoch > stoppedEpoch, `${epoch} after ${stoppedEpoch}`);
      hub.beforeWrite = undefined;
      const { length } = hub.writes;
      release();
      // What the other one wrote to a member may be the same text.
      const stale = () => hub.writes.slice(length).filter(({ body }) => body === held);
      await eventually("the late write is answered", () => assert.equal(stale().length, 1), { withinMs: 30_000 });
      assert.deepEqual(
        stale().map((write) => [write.at, write.status]),
        [[at, 409]],
      );
      stopped.program.resume();
      await eventually(
        "it says that it leads no more",
        async () => {
          assert.match(`${stopped.program.stdout()}${stopped.program.stderr()}`, /leads no more/);
          assert.equal(await leading(stopped), false);
        },
        { withinMs: 30_000 },
      );
      await steadily("it does nothing more", 1000, async () => {
        await succeeded(image);
        assert.equal((await hub.status("web")).rollout?.epoch, epoch);
      });
      assert.deepEqual(
        deploymentWrites(from).flatMap((write) => (write.status === 200 ? [write.at] : [])),
        MEMBERS,
        "one write to each member",
      );
      for (const [index, name] of MEMBERS.entries())
        assert.equal((await hub.deployment(name, "web"))?.generation, (generations[index] ?? 0) + 1, name);
      [leader, other] = [other, stopped];
    }
    const ended = await leader.program.stop();
    assert.equal(ended.code, 0);
    await other.program.stop();
  });

  test("deleted: the members are emptied first, then it goes", async () => {
    controller = await hub.startController();
    const metadata = { name: "web", namespace: "default" };
    await hub.cluster.api.remove({ apiVersion: "deploy.meshbridge.io/v1alpha1", kind: "FederatedWorkload", metadata });
    await eventually("it is gone", () => assert.rejects(hub.status("web"), /answered 404/), { withinMs: 60_000 });
    assert.deepEqual(await images(), [undefined, undefined, undefined]);
  });
});

async function askText(url: string): Promise<string> {
  return (await ask(url, { withinMs: 2000 })).body;
}

interface KeptBody {
  readonly status?: {
    readonly rollout?: {
      readonly rollout: {
        readonly revision: string;
        readonly phase: string;
        readonly clusters: readonly { readonly cluster: string; readonly phase: string; readonly startedAt: number | null }[];
      };
    };
  };
}

/** The state of a rollout that a write has kept; undefined: it was another one, or refused. */
function keptIn({ at, path, status, body }: Seen) {
  if (at !== "hub" || !path.endsWith("/web/status") || status !== 200) return undefined;
  return (JSON.parse(body) as KeptBody).status?.rollout?.rollout;
}

/** What a write has done to the rollout, the same text for the same step; undefined: nothing. */
function stepOf(write: Seen): string | undefined {
  if (write.at !== "hub") return write.path.endsWith("/deployments/web") ? `write to ${write.at}` : undefined;
  if (write.method === "POST" && write.path.endsWith("/secrets")) return "template kept";
  const kept = keptIn(write);
  return kept === undefined
    ? undefined
    : `${kept.phase} of ${kept.revision}: ${kept.clusters.map(({ phase }) => phase).join(" ")}`;
}

/** No cluster ever goes back a phase, is told twice, or is told before the one of the stage before has passed. */
function assertForward(writes: readonly Seen[]): void {
  const RANK: Readonly<Record<string, number>> = { Pending: 0, Verifying: 1, Passed: 2 };
  const last = new Map<string, { readonly rank: number; readonly startedAt: number | null }>();
  const states = writes.map(keptIn).filter((state) => state !== undefined);
  const revision = states.at(-1)?.revision;
  for (const state of states) {
    const clusters = state.revision === revision ? state.clusters : [];
    for (const { cluster, phase, startedAt } of clusters) {
      const before = last.get(cluster);
      const rank = RANK[phase] ?? -1;
      assert.ok(rank >= (before?.rank ?? 0), `${cluster} went from ${before?.rank} to ${phase}`);
      if (before !== undefined && before.startedAt !== null)
        assert.equal(startedAt, before.startedAt, `${cluster} was told twice`);
      last.set(cluster, { rank, startedAt });
    }
    const ranks = clusters.map(({ phase }) => RANK[phase] ?? -1);
    assert.ok(
      ranks.every((rank, index) => index === 0 || rank === 0 || ranks[index - 1] === 2),
      `a stage was skipped: ${ranks}`,
    );
  }
}
