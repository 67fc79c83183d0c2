/**
 * Two clusters with equal names write to one registry: 100,000 random operations, among them crashes, take-overs, leaders who do
 * not know yet that they lead no more, sessions that expire, a registry that comes back empty, and people who write by hand.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Change, plan } from "./plan.ts";
import type { FoundRecord, Observed, Owner, WantedRecord } from "./record.ts";
import { type ModelRegistry, modelRegistry } from "./testing-registry.ts";

const OPERATIONS = 100_000;
const PLACE = "consul";
const KEYS = 12;

type Random = (below: number) => number;

/** A linear congruential generator: the same run for the same seed. */
function randomFrom(seed: number): Random {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

interface Replica {
  readonly owner: Owner;
  view: { synced: boolean; keys: ReadonlySet<string> };
  observed: Observed | undefined;
  todo: Change[];
  done: Set<string>;
}

interface Cluster {
  readonly name: string;
  readonly pods: Set<string>;
  readonly replicas: Replica[];
  epoch: number;
}

function newReplica(cluster: string, epoch: number): Replica {
  const view = { synced: false, keys: new Set<string>() };
  return { owner: { cluster, instance: "sync", epoch }, view, observed: undefined, todo: [], done: new Set() };
}

function newCluster(name: string): Cluster {
  return { name, pods: new Set(), replicas: [newReplica(name, 1)], epoch: 1 };
}

function wantedBy({ view, owner }: Replica): WantedRecord[] {
  const content = `${owner.cluster} ${owner.epoch}`;
  return [...view.keys].map((key) => ({ key, service: "web", traffic: "in", content, origin: [owner.cluster] }));
}

/** Every record that is changed, with who changed it. */
type Witness = (owner: Owner, before: FoundRecord | undefined, after: FoundRecord | undefined) => void;

/** One of the steps a sync consists of; between any two of them anything may happen. */
function step(replica: Replica, cluster: Cluster, registry: ModelRegistry, witness: Witness): void {
  const change = replica.todo.shift();
  if (change !== undefined) {
    if (change.type !== "put" && !change.after.every((key) => replica.done.has(key))) return;
    const { key } = change.record;
    const before = registry.records.get(key);
    if (registry.apply(change, replica.owner)) {
      replica.done.add(key);
      witness(replica.owner, before, registry.records.get(key));
    }
  } else if (!replica.view.synced) {
    replica.view = { synced: true, keys: new Set(cluster.pods) };
  } else if (replica.observed === undefined) replica.observed = registry.observe();
  else {
    const { synced } = replica.view;
    replica.todo = [...plan({ synced, records: wantedBy(replica) }, replica.observed, replica.owner).changes];
    replica.done = new Set();
    replica.observed = undefined;
    // The watch tells of what has happened meanwhile.
    replica.view = { synced, keys: new Set(cluster.pods) };
  }
}

function operate(random: Random, clusters: readonly Cluster[], registry: ModelRegistry, witness: Witness): void {
  const cluster = clusters[random(clusters.length)] as Cluster;
  const replica = cluster.replicas[random(cluster.replicas.length)] as Replica;
  const key = `web-${random(KEYS)}`;
  const dice = random(1000);
  if (dice < 60) cluster.pods.add(key);
  else if (dice < 120) cluster.pods.delete(key);
  else if (dice < 130) {
    // A crash: whatever was planned is lost, and nothing is known after the restart.
    const again = newReplica(cluster.name, replica.owner.epoch);
    cluster.replicas[cluster.replicas.indexOf(replica)] = again;
  } else if (dice < 140) {
    // Another replica takes over; the one before goes on for a while.
    cluster.replicas.push(newReplica(cluster.name, ++cluster.epoch));
    if (cluster.replicas.length > 3) cluster.replicas.shift();
  } else if (dice < 145) {
    for (const record of [...registry.records.values()])
      if (record.owner?.cluster === cluster.name) registry.records.delete(record.key);
  } else if (dice < 147) registry.records.clear();
  else if (dice < 150) {
    if (!registry.records.has(key))
      registry.records.set(key, { key, service: "web", traffic: "in", content: "by hand", owner: undefined });
  } else if (dice < 152) {
    const record = registry.records.get(key);
    if (record?.owner === undefined) registry.records.delete(key);
  } else if (dice < 160) replica.view = { synced: false, keys: new Set([...cluster.pods].slice(0, random(KEYS))) };
  else step(replica, cluster, registry, witness);
}

/** Until nothing changes any more: only the replica that leads is left, and time enough. */
function settle(clusters: readonly Cluster[], registry: ModelRegistry, witness: Witness): void {
  for (const cluster of clusters) cluster.replicas.splice(0, cluster.replicas.length, newReplica(cluster.name, ++cluster.epoch));
  for (let round = 0; round < 400; round++)
    for (const cluster of clusters) for (const replica of cluster.replicas) step(replica, cluster, registry, witness);
}

for (const seed of [1, 20_261, 777])
  test(`100,000 operations: no cross-delete, no orphan at the end (seed ${seed})`, () => {
    const clusters = [newCluster("east"), newCluster("west")];
    const registry = modelRegistry(PLACE);
    const counts = { changes: 0, crossed: 0, backwards: 0 };
    const witness: Witness = (owner, before) => {
      counts.changes++;
      if (before === undefined) return;
      if (before.owner?.cluster !== owner.cluster) counts.crossed++;
      else if (before.owner.epoch > owner.epoch) counts.backwards++;
    };
    const random = randomFrom(seed);
    for (let at = 0; at < OPERATIONS; at++) operate(random, clusters, registry, witness);
    settle(clusters, registry, witness);

    assert.ok(counts.changes > 10_000, `it was no idle run: ${counts.changes} changes`);
    assert.equal(counts.crossed, 0, "records of others that were changed");
    assert.equal(counts.backwards, 0, "records of a later leader that an earlier one changed");
    for (const { key, owner } of registry.records.values()) {
      if (owner === undefined) continue;
      const cluster = clusters.find(({ name }) => name === owner.cluster);
      assert.ok(cluster?.pods.has(key), `${key} of ${owner.cluster} is an orphan`);
      assert.equal(owner.epoch, cluster?.epoch, `${key} is of the life that leads`);
    }
    for (const { pods } of clusters) for (const key of pods) assert.ok(registry.records.has(key), `${key} is there`);
  });
