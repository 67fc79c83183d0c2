/**
 * For tests: clusters, a registry, clients and a state store in memory, driven by time that the test moves. Any call may
 * be the last of a process: `killAt` counts them.
 */
import { pod as makePod } from "../gates/testing.ts";
import { type JsonObject, numberAt, textAt } from "../json/value.ts";
import type { ObjectKey } from "../plan/object-key.ts";
import type { PlannedAction } from "../plan/types.ts";
import type { RolloutPlan } from "../rollout/types.ts";
import { createAddressMemory } from "./facts.ts";
import { drivePass } from "./pass.ts";
import { deploymentIn, observationOf, replicaSetsIn, replicaSetUid } from "./testing-clusters.ts";
import type { DriverPorts, DriverState, DriverWorkload } from "./types.ts";

const MAIN: ObjectKey = { group: "apps", kind: "Deployment", namespace: "shop", name: "web" };
export const { signal } = new AbortController();

interface FakePod {
  readonly name: string;
  readonly ip: string;
  readonly revision: string;
  cost: number;
}

export interface FakeCluster {
  revision: string | null;
  replicas: number;
  readonly scale: string;
  pods: FakePod[];
}

class Killed extends Error {}

export class World {
  now = 1_000_000;
  readonly clusters = new Map<string, FakeCluster>();
  /** What is wanted: replicas by cluster; undefined: it is not placed there. */
  wanted = new Map<string, number | undefined>();
  /** Addresses that are registered, with their health. */
  readonly registered = new Map<string, string>();
  /** Addresses that clients have been told to leave; until they acknowledge it is asked but not there. */
  readonly drained = new Set<string>();
  saved: DriverState;
  /** Everything that changed something, in order. */
  readonly log: string[] = [];
  /** Requests that would have failed: a Pod went while clients still used it. */
  readonly broken: string[] = [];
  acks = true;
  bridge = true;
  registers = (_ip: string) => true;
  calls = 0;
  killAt = Number.POSITIVE_INFINITY;
  stale = false;
  private readonly main: ObjectKey;
  private readonly scale: string;
  private nextIp = 1;

  /** `scale`: the field of spec that replicas are written in. */
  constructor(state: DriverState, main: ObjectKey = MAIN, scale = "replicas") {
    this.saved = state;
    this.main = main;
    this.scale = scale;
  }

  add(name: string, revision: string | null, replicas: number): void {
    const cluster: FakeCluster = { revision, replicas, scale: this.scale, pods: [] };
    this.clusters.set(name, cluster);
    this.wanted.set(name, replicas);
    if (revision !== null) for (let n = 0; n < replicas; n++) this.start(name, cluster, revision);
  }

  private start(name: string, cluster: FakeCluster, revision: string): void {
    const n = this.nextIp++;
    const ip = `10.0.${Math.floor(n / 250)}.${n % 250}`;
    cluster.pods.push({ name: `${name}-${n}`, ip, revision, cost: 0 });
    if (this.registers(ip)) this.registered.set(ip, "healthy");
  }

  private end(cluster: FakeCluster, pod: FakePod): void {
    cluster.pods = cluster.pods.filter((one) => one !== pod);
    this.log.push(`pod ${pod.name} ends`);
    this.registered.delete(pod.ip);
  }

  private tick(): void {
    this.calls++;
    if (this.calls >= this.killAt) {
      this.killAt = Number.POSITIVE_INFINITY;
      throw new Killed();
    }
  }

  /** Scale-downs take the cheapest Pods first, as a ReplicaSet does. */
  private do({ cluster: name, verb, manifest }: PlannedAction): void {
    const cluster = this.clusters.get(name);
    if (cluster === undefined) return;
    const lose = (pod: FakePod) => {
      if (this.registered.has(pod.ip) && !this.drained.has(pod.ip)) this.broken.push(pod.name);
      this.end(cluster, pod);
    };
    if (verb === "delete") {
      for (const pod of [...cluster.pods]) lose(pod);
      cluster.revision = null;
      cluster.replicas = 0;
      this.log.push(`${name} deleted`);
      return;
    }
    const revision = textAt(manifest, "revision") ?? "";
    const replicas = numberAt(manifest, "spec", this.scale) ?? 1;
    if (cluster.revision !== revision) {
      this.log.push(`${name} to ${revision}`);
      // A rolling update of its own: the new ones come, then the old ones go, which their own drain hooks see to.
      const old = [...cluster.pods];
      cluster.revision = revision;
      for (let n = 0; n < replicas; n++) this.start(name, cluster, revision);
      for (const pod of old) this.end(cluster, pod);
    }
    if (cluster.replicas !== replicas) this.log.push(`${name} to ${replicas} replicas`);
    for (const pod of cluster.pods.toSorted((a, b) => a.cost - b.cost).slice(0, Math.max(0, cluster.pods.length - replicas)))
      lose(pod);
    while (cluster.pods.length < replicas) this.start(name, cluster, revision);
    cluster.replicas = replicas;
  }

  object(name: string): JsonObject | undefined {
    const cluster = this.clusters.get(name);
    return cluster === undefined ? undefined : deploymentIn(name, this.main, cluster);
  }

  ports(): DriverPorts {
    const at = () => this.now;
    return {
      now: at,
      observe: async () => {
        this.tick();
        return observationOf(this.clusters, this.main, this.now);
      },
      plan: (revisions) =>
        [...revisions].flatMap(([cluster, revision]): PlannedAction[] => {
          const has = this.clusters.get(cluster);
          const replicas = this.wanted.get(cluster);
          const base = { cluster, key: this.main, message: "", diffs: [] } as const;
          if (has === undefined) return [];
          if (replicas === undefined) return has.revision === null ? [] : [{ ...base, verb: "delete", reason: "NotWanted" }];
          if (revision === null || (has.revision === revision && has.replicas === replicas)) return [];
          const { group, kind } = this.main;
          const manifest = { apiVersion: `${group}/v1`, kind, revision, spec: { [this.scale]: replicas } };
          return [{ ...base, verb: has.revision === null ? "create" : "update", reason: "Changed", manifest }];
        }),
      live: async (name) => {
        this.tick();
        const cluster = this.clusters.get(name);
        const pods = (cluster?.pods ?? []).map((one) =>
          makePod(one.name, { owner: replicaSetUid(name, one.revision), ip: one.ip }),
        );
        return { object: this.object(name), pods, replicaSets: replicaSetsIn(name, ["r1", "r2"]), observedAt: this.now };
      },
      readings: async () => {
        this.tick();
        if (!this.bridge) return [{ unknown: "the bridge is silent" }];
        const instances = [...this.registered].map(([address, health]) => ({
          id: address,
          address,
          ports: { http: 80 },
          health,
          cluster: "c1",
          evidence: "authoritative",
          source: { registry: "consul", scope: "dc1/web" },
        }));
        return [{ observedAt: this.now, instances, doubtful: [], clients: ["edge"], acked: this.acks ? ["edge"] : [] }];
      },
      drain: async ({ addresses = [] }) => {
        this.tick();
        if (!this.bridge) return { state: "unknown", message: "the bridge is silent" };
        if (!this.acks) return { state: "waiting", message: "not acknowledged" };
        for (const address of addresses) this.drained.add(address);
        return { state: "drained" };
      },
      undrain: async () => {
        this.tick();
        return true;
      },
      markForRemoval: async (name, pods) => {
        this.tick();
        for (const one of this.clusters.get(name)?.pods ?? []) one.cost = pods.includes(one.name) ? -1000 : 0;
        return true;
      },
      apply: async (actions) => {
        return actions.map((action) => {
          this.tick();
          this.do(action);
          return { action, result: "done", message: "", conflicts: [] };
        });
      },
      save: async (state) => {
        this.tick();
        if (this.stale) throw new Error("another controller has taken over");
        this.saved = structuredClone(state);
        this.tick();
      },
    };
  }
}

export function workloadOf(rollout: RolloutPlan, parts: Partial<DriverWorkload> = {}): DriverWorkload {
  return { key: "shop/web", main: MAIN, rollout, service: "shop/web", drainMs: 5000, allowLast: false, ...parts };
}

/** Passes until nothing is under way, a second apart; a kill is a new process with what was saved. Returns the passes. */
export async function drive(world: World, workload: DriverWorkload, until = 200): Promise<number> {
  let memory = createAddressMemory();
  for (let pass = 1; pass <= until; pass++) {
    try {
      const { nextAt } = await drivePass({ workload, state: world.saved, memory }, world.ports(), signal);
      if (nextAt === undefined) return pass;
    } catch (error) {
      if (!(error instanceof Killed)) throw error;
      memory = createAddressMemory();
    }
    world.now += 1000;
  }
  return until;
}
