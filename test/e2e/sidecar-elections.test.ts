/**
 * The cluster scope elected by a Consul session and by a ZooKeeper ephemeral node: the acting replica is frozen, comes back and
 * changes nothing any more; then the one that followed it is killed. (By a Lease: sidecar-cluster.test.ts.)
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Consul, startConsul, TTL_CHECK } from "../support/consul.ts";
import { eventually, steadily } from "../support/eventually.ts";
import { requireServers } from "../support/require-server.ts";
import type { ServerName } from "../support/servers/cache.ts";
import { type SyncProcess, startSync } from "../support/sidecar-cluster.ts";
import { startZooKeeper } from "../support/zookeeper.ts";

interface Row {
  readonly ServiceAddress: string;
  readonly ServiceMeta: Readonly<Record<string, string>>;
}

interface Kind {
  readonly title: string;
  readonly servers: readonly ServerName[];
  /** Of `target`, or of a server that it starts. */
  election(target: Consul, scope: AsyncDisposableStack): Promise<object>;
  /** Within which another one acts, in ms. */
  readonly leaseMs: number;
}

const KINDS: readonly Kind[] = [
  {
    title: "Consul session",
    servers: ["consul"],
    election: async ({ url }) => ({ kind: "consul", address: url }),
    // A TTL of 10 s, which Consul ends after twice that at the latest; a second of lock delay, and a look.
    leaseMs: 22_500,
  },
  {
    title: "ZooKeeper ephemeral node",
    servers: ["consul", "zookeeper"],
    async election(_, scope) {
      const { address } = await startZooKeeper({}, scope);
      return { kind: "zookeeper", servers: [address], sessionTimeout: "4s" };
    },
    // The session, which the server ends at a tick of its own, and a look.
    leaseMs: 6500,
  },
];

/** Reads the target's records, and holds against each: its epoch never goes back. */
function watchEpochs(target: Consul) {
  const newest = new Map<string, number>();
  return async (): Promise<readonly string[]> => {
    const rows = await target.get<readonly Row[]>("/v1/catalog/service/web");
    for (const { ServiceAddress: address, ServiceMeta: meta } of rows) {
      const epoch = Number(meta["meshbridge-epoch"]);
      assert.ok(
        epoch >= (newest.get(address) ?? 0),
        `${address} was written by epoch ${newest.get(address)}, and now by ${epoch}`,
      );
      newest.set(address, epoch);
    }
    return rows.map((row) => `${row.ServiceAddress} ${row.ServiceMeta["meshbridge-epoch"]}`).sort();
  };
}

for (const { title, servers, election, leaseMs } of KINDS)
  test(`${title}: who was frozen writes nothing when it comes back; who is killed is followed within its lease`, {
    skip: requireServers(...servers).skip,
  }, async (t) => {
    await using scope = new AsyncDisposableStack();
    const [source, target] = await Promise.all([startConsul({}, scope), startConsul({}, scope)]);
    const register = (last: number) =>
      source.register({ ID: `web-${last}`, Name: "web", Address: `10.0.0.${last}`, Port: 80, Check: TTL_CHECK });
    await register(1);
    const config = {
      cluster: "east",
      election: await election(target, scope),
      sources: [{ name: "a", kind: "consul", address: source.url, namespace: "default" }],
      targets: [{ name: "b", kind: "consul", address: target.url, mode: "catalog" }],
      mirrors: [{ from: "a", to: ["b"], services: ["*/web"] }],
    };
    const records = watchEpochs(target);
    const holds = async (epoch: number, ...last: readonly number[]) =>
      assert.deepEqual(
        await records(),
        last.map((each) => `10.0.0.${each} ${epoch}`),
      );
    const acts = async (sync: SyncProcess, after: number): Promise<number> => {
      const epoch = (await sync.epoch()) ?? 0;
      assert.ok(epoch > after, `${sync.name} acts with an epoch above ${after}`);
      return epoch;
    };
    const [one, two] = await Promise.all([startSync("sync-a", config, scope), startSync("sync-b", config, scope)]);
    await eventually("it is mirrored", async () => assert.equal((await records()).length, 1));
    const epochs = [await one.epoch(), await two.epoch()];
    assert.equal(epochs.filter((each) => each !== undefined).length, 1, "one acts");
    const [first, second] = epochs[0] === undefined ? [two, one] : [one, two];
    const before = epochs[0] ?? epochs[1] ?? 0;

    first.program.pause();
    const frozen = await eventually("the other acts", () => acts(second, before), { withinMs: leaseMs, everyMs: 100 });
    t.diagnostic(`frozen to the other acts: ${frozen} ms`);
    const middle = await acts(second, before);
    await eventually("the records are its own", () => holds(middle, 1), { withinMs: 5000 });
    // Something to do for the one that comes back and does not know yet that it acts no more.
    await register(2);
    first.program.resume();
    await eventually("the second mirrors the change", () => holds(middle, 1, 2), { withinMs: 3000 });
    await steadily("nobody else writes", 4000, () => holds(middle, 1, 2), 20);
    assert.equal(await first.epoch(), undefined, "it knows by now");
    assert.equal(await acts(second, before), middle);

    await second.program.kill();
    const killed = await eventually("the first acts again", () => acts(first, middle), { withinMs: leaseMs, everyMs: 100 });
    t.diagnostic(`SIGKILL to the other acts: ${killed} ms`);
    const last = await acts(first, middle);
    await eventually("the records are its own", () => holds(last, 1, 2), { withinMs: 5000 });
    await source.deregister("web-1");
    await eventually("it mirrors", () => holds(last, 2), { withinMs: 5000 });
  });
