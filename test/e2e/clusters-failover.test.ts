/**
 * What a lost cluster, or one of its gateways, costs those who call it, with retries and without; how load is shared out over
 * clusters, and how it comes back. One client in c1; the services are in c2 and c3, each behind two gateways.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Explanation } from "../../src/admin/explain.ts";
import { type Cluster, instance, type Mesh, startMesh, webService } from "../support/clusters.ts";
import { eventually } from "../support/eventually.ts";
import { type Load, type LoadResult, sample, startLoad } from "../support/load.ts";
import { namespacesMissing } from "../support/namespaces.ts";
import { requireServers } from "../support/require-server.ts";

const { skip: noServer } = requireServers("envoy");
const skip = noServer || namespacesMissing();

const LONG = process.env["MESHBRIDGE_LONG"] === "1";
const SAMPLE = LONG ? 10_000 : 3000;
const failover = { order: ["cluster", "c2", "c3"] };
const RETRIED = { match: "shop/web", tls: "mutual", failover, retries: { attempts: 2 } };
const TIMED = { match: "shop/timed", tls: "mutual", failover, retries: { attempts: 2, perTryTimeout: "500ms" } };
const PLAIN = { match: "shop/plain", tls: "mutual", failover };
const SPLIT = { match: "shop/split", tls: "mutual", failover, retries: { attempts: 2 }, distribute: { c2: 80, c3: 20 } };
const TIERS = { match: "shop/*", tls: "mutual", failover: { ...failover, threshold: "70%" } };
const TEN = Array.from({ length: 10 }, (_, at) => at + 1);

/** A service with ten instances in one cluster, the first of which are sick. */
const ten = (name: string, cluster: number, sick: number) =>
  webService(cluster, {
    name,
    instances: TEN.map((at) => ({ ...instance(cluster, at), health: at <= sick ? "unhealthy" : "healthy" })),
  });
/** `near`: ten in c1 itself; `far`: ten behind the gateways of c2. Both have one more in c3. */
const services = (sick: number) => (cluster: number) => {
  if (cluster === 1) return [ten("near", 1, sick)];
  const named = ["plain", "split", "timed"].map((name) => webService(cluster, { name }));
  if (cluster === 2) return [...named, ten("far", 2, sick)];
  return [...named, ...["near", "far"].map((name) => webService(cluster, { name }))];
};

describe("a cluster that others call is lost", { skip }, () => {
  const scope = new AsyncDisposableStack();
  let mesh: Mesh;
  const cluster = (number: number) => mesh.clusters[number - 1] as Cluster;
  const loads = (host = "web.shop") => {
    const { url } = cluster(1);
    return { retried: startLoad({ url, host }, scope), plain: startLoad({ url, host: "plain.shop" }, scope) };
  };

  before(async () => {
    const config = {
      services: [RETRIED, TIMED, PLAIN, SPLIT, TIERS],
      // One workload a cluster serves all of these services.
      mtls: {
        certificate: "workload",
        trustDomains: [{ name: "mesh.local", ca: "workload" }],
        identity: "spiffe://{trustDomain}/ns/shop/sa/web",
        inbound: "strict",
      },
    };
    const network = { failback: { hold: "3s", ramp: "5s" } };
    mesh = await startMesh(
      { count: 3, config, network, gateways: 2, webIn: [2, 3], services: services(0), moreAddresses: 9 },
      scope,
    );
    for (const host of ["web.shop", "timed.shop", "plain.shop", "split.shop", "near.shop", "far.shop"])
      await eventually(`${host} answers`, async () => assert.equal((await cluster(1).ask(host)).status, 200), {
        withinMs: 20_000,
      });
  });
  after(() => scope.disposeAsync());

  test("80/20 is 80/20", async () => {
    const share = await shareOf("split.shop", "c2");
    assert.ok(Math.abs(share - 80) <= 3, `${share} % went to c2`);
  });

  test("load spills at the threshold, and not before: within a cluster and behind gateways", async () => {
    for (const [sick, expected] of [
      [3, 100],
      [5, 71],
      [9, 14],
    ] as const) {
      for (const number of [1, 2]) await cluster(number).writeServices(withWeb(number, services(sick)(number)));
      for (const [host, name] of [
        ["near.shop", "c1"],
        ["far.shop", "c2"],
      ] as const)
        await eventually(`${10 - sick} of 10 for ${host}`, async () => {
          const share = await shareOf(host, name, 600);
          assert.ok(Math.abs(share - expected) <= (expected === 100 ? 0 : 6), `${share} % instead of ${expected}`);
        });
    }
  });

  test("one gateway of two hangs: nothing fails where tries have a time, and nothing that was sent after 2 s", async (t) => {
    const { retried, plain } = loads("timed.shop");
    const [gateway] = cluster(2).gateways;
    assert.ok(gateway !== undefined);
    await flowing(retried, plain);
    const at = plain.elapsed();
    gateway.program.pause();
    await passed(plain, at + 6000);
    gateway.program.resume();
    const results = [await retried.stop(), await plain.stop()] as const;
    t.diagnostic(report("one of two gateways stopped", results, at));
    assert.ok(longest(results[1], at) <= 2000, results[1].failures.join("\n"));
    assert.deepEqual(results[0].failures, []);
    for (const { bodies, sent } of results) assert.ok((bodies.get("c3") ?? 0) < sent / 10, "the other gateway of c2 takes over");
  });

  test("one gateway of two is killed: nothing fails where retries are on", async (t) => {
    const { retried, plain } = loads();
    await flowing(retried, plain);
    const at = plain.elapsed();
    await cluster(2).gateways[1]?.program.kill();
    await passed(plain, at + 4000);
    const results = [await retried.stop(), await plain.stop()] as const;
    t.diagnostic(report("one of two gateways killed", results, at));
    assert.deepEqual(results[0].failures, []);
    assert.ok(longest(results[1], at) <= 2000, results[1].failures.join("\n"));
  });

  test("the network of a whole cluster swallows everything; when it heals, load comes back late and in steps", async (t) => {
    const { retried, plain } = loads();
    await flowing(retried, plain);
    const at = plain.elapsed();
    cluster(2).namespace.cut();
    await passed(plain, at + 6000);
    const results = [await retried.stop(), await plain.stop()] as const;
    t.diagnostic(report("black hole", results, at));
    assert.deepEqual(results[0].failures, []);
    assert.ok(longest(results[1], at) <= 2000, results[1].failures.join("\n"));
    assert.deepEqual([...(await sample(cluster(1).url, "web.shop", 200)).keys()], ["c3"]);
    assert.match(await reasons(), /does not answer the bridge/);

    const back = startLoad({ url: cluster(1).url, host: "web.shop" }, scope);
    cluster(2).namespace.heal();
    await eventually("it is held", async () => assert.match(await reasons(), /has not for long enough/), { withinMs: 20_000 });
    assert.equal(back.result.bodies.get("c2") ?? 0, 0, "nothing went there before it had answered for a while");
    await eventually("it comes back in steps", async () => assert.match(await reasons(), /is coming back, with \d\d %/));
    const some = await shareOf("web.shop", "c2", 200);
    assert.ok(some > 0 && some < 90, `${some} % in the middle of the ramp`);
    await eventually("all of it is back", async () => assert.equal(await shareOf("web.shop", "c2", 100), 100), {
      withinMs: 15_000,
    });
    assert.deepEqual((await back.stop()).failures, []);
  });

  test("every process of a whole cluster is killed; of 80/20 the other takes all", async (t) => {
    const { retried, plain } = loads();
    const split = startLoad({ url: cluster(1).url, host: "split.shop" }, scope);
    await flowing(retried, plain);
    const at = plain.elapsed();
    await cluster(2).kill();
    await passed(plain, at + 4000);
    const results = [await retried.stop(), await plain.stop()] as const;
    t.diagnostic(report("SIGKILL", results, at));
    assert.deepEqual([...results[0].failures, ...(await split.stop()).failures], []);
    assert.ok(longest(results[1], at) <= 2000, results[1].failures.join("\n"));
    assert.equal(await shareOf("split.shop", "c3", 500), 100);
  });

  test("no Envoy refused anything", async () => {
    for (const number of [1, 3])
      for (const envoy of [cluster(number).sidecar, ...cluster(number).gateways]) assert.equal(await envoy.rejectedUpdates(), 0);
  });

  /** Percent of a sample that one cluster answered. */
  async function shareOf(host: string, name: string, count = SAMPLE): Promise<number> {
    const bodies = await sample(cluster(1).url, host, count);
    return Math.round(((bodies.get(name) ?? 0) / count) * 1000) / 10;
  }

  /** What c1's bridge says of every instance of `web`. */
  async function reasons(): Promise<string> {
    const { bridge } = cluster(1);
    const { items } = await bridge.get<{ items: { id: string; role: string }[] }>("/v1/proxies");
    const node = items.find(({ role }) => role === "sidecar")?.id ?? "";
    const { instances } = await bridge.get<Explanation>(`/v1/explain?service=shop/web&node=${node}`);
    return instances.map(({ reason }) => reason).join("\n");
  }
});

function withWeb(cluster: number, others: readonly object[]): readonly object[] {
  return cluster === 1 ? others : [webService(cluster), ...others];
}

async function flowing(...all: readonly Load[]): Promise<void> {
  for (const load of all)
    await eventually("requests are answered", () => assert.ok([...load.result.bodies.values()].some((count) => count >= 20)));
}

/** Until the load has run for so long. */
async function passed(load: Load, ms: number): Promise<void> {
  await eventually("the time is over", () => assert.ok(load.elapsed() >= ms), { withinMs: 30_000 });
}

/** How long after the loss a request was sent that failed, at most; ms. */
function longest({ failedAt }: LoadResult, since: number): number {
  return Math.max(0, ...failedAt.map((at) => at - since));
}

function report(what: string, [retried, plain]: readonly [LoadResult, LoadResult], since: number): string {
  const line = (result: LoadResult) =>
    `${result.failures.length} of ${result.sent} failed, sent up to ${Math.round(longest(result, since))} ms after it; slowest ${result.slowestMs} ms`;
  return `${what}: with retries ${line(retried)}; without ${line(plain)}`;
}
