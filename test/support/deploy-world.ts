/** Clusters of Pods that are HTTP servers of this process, registered in a real Consul; all else of the driver is real. */

import { deploymentIn, observationOf, replicaSetsIn, replicaSetUid } from "../../deploy/driver/testing-clusters.ts";
import type { DriverPorts, DriverState } from "../../deploy/driver/types.ts";
import { type BridgeHttp, bridgeHttp } from "../../deploy/gates/bridge-http.ts";
import { drainAll, undrainAll } from "../../deploy/gates/drains.ts";
import { readService } from "../../deploy/gates/reading.ts";
import { pod } from "../../deploy/gates/testing.ts";
import { type JsonObject, numberAt, textAt } from "../../deploy/json/value.ts";
import type { ObjectKey } from "../../deploy/plan/object-key.ts";
import type { PlannedAction } from "../../deploy/plan/types.ts";
import { type Backend, startHttpBackend } from "./backend.ts";
import { type Consul, TTL_CHECK } from "./consul.ts";

export const MAIN: ObjectKey = { group: "apps", kind: "Deployment", namespace: "default", name: "web" };

export interface ServerPod {
  readonly name: string;
  readonly revision: string;
  readonly backend: Backend;
  cost: number;
}

interface ServerCluster {
  revision: string | undefined;
  replicas: number;
  pods: ServerPod[];
}

export interface DeployWorldOptions {
  readonly consul: Consul;
  readonly adminUrl: string;
  readonly state: DriverState;
  /** Whether what starts is registered by itself. */
  registers(): boolean;
}

export function createDeployWorld({ consul, adminUrl, state, registers }: DeployWorldOptions, scope: AsyncDisposableStack) {
  const clusters = new Map<string, ServerCluster>();
  const wanted = new Map<string, number | undefined>();
  const bridge: BridgeHttp = bridgeHttp({ address: adminUrl, timeoutMs: 5000, fetch });
  const world = { clusters, wanted, saved: state, register, add, ports };
  let last = 0;

  async function register({ name, backend }: ServerPod): Promise<void> {
    await consul.register({ ID: name, Name: "web", Address: backend.address, Port: backend.port, Check: TTL_CHECK });
  }

  async function start(cluster: string, of: ServerCluster, revision: string): Promise<void> {
    const n = ++last;
    const backend = await startHttpBackend(scope, { address: `127.0.1.${n}` });
    const one = { name: `${cluster}-${n}`, revision, backend, cost: 0 };
    of.pods.push(one);
    if (registers()) await register(one);
  }

  /** As a Pod without any care of its own ends: at once, and its registration goes after it. */
  async function end(of: ServerCluster, one: ServerPod): Promise<void> {
    of.pods = of.pods.filter((other) => other !== one);
    await one.backend.close();
    await consul.deregister(one.name);
  }

  async function add(name: string, revision: string, replicas: number): Promise<void> {
    const of: ServerCluster = { revision, replicas, pods: [] };
    clusters.set(name, of);
    wanted.set(name, replicas);
    for (let n = 0; n < replicas; n++) await start(name, of, revision);
  }

  async function act({ cluster, verb, manifest }: PlannedAction): Promise<void> {
    const of = clusters.get(cluster);
    if (of === undefined) return;
    const revision = verb === "delete" ? undefined : textAt(manifest, "revision");
    const replicas = verb === "delete" ? 0 : (numberAt(manifest, "spec", "replicas") ?? 1);
    const before = of.revision;
    Object.assign(of, { revision, replicas });
    if (revision !== undefined && revision !== before) {
      const old = [...of.pods];
      for (let n = 0; n < replicas; n++) await start(cluster, of, revision);
      for (const one of old) await end(of, one);
    }
    for (const one of of.pods.toSorted((a, b) => a.cost - b.cost).slice(0, Math.max(0, of.pods.length - replicas)))
      await end(of, one);
  }

  function objectOf(name: string): JsonObject | undefined {
    const of = clusters.get(name);
    return of === undefined ? undefined : deploymentIn(name, MAIN, of);
  }

  function ports(): DriverPorts {
    const now = () => Date.now();
    return {
      now,
      observe: async () => observationOf(clusters, MAIN, now()),
      plan: (revisions) =>
        [...clusters].flatMap(([cluster, { revision: has, replicas: runs }]): PlannedAction[] => {
          const [replicas, revision] = [wanted.get(cluster), revisions.get(cluster) ?? has];
          const base = { cluster, key: MAIN, message: "", diffs: [] } as const;
          if (has === undefined || revision === undefined || (has === revision && runs === replicas)) return [];
          if (replicas === undefined) return [{ ...base, verb: "delete", reason: "NotWanted" }];
          return [{ ...base, verb: "update", reason: "Changed", manifest: { kind: "Deployment", revision, spec: { replicas } } }];
        }),
      live: async (name) => ({
        object: objectOf(name),
        pods: (clusters.get(name)?.pods ?? []).map((one) =>
          pod(one.name, { owner: replicaSetUid(name, one.revision), ip: one.backend.address }),
        ),
        replicaSets: replicaSetsIn(name, ["r1", "r2"]),
        observedAt: now(),
      }),
      readings: async (signal) => [await readService(bridge, "default/web", { now, signal })],
      drain: (order, signal) => drainAll([bridge], order, signal),
      undrain: (order, signal) => undrainAll([bridge], order, signal),
      markForRemoval: async (name, pods) => {
        for (const one of clusters.get(name)?.pods ?? []) one.cost = pods.includes(one.name) ? -1000 : 0;
        return true;
      },
      apply: async (actions) => {
        for (const action of actions) await act(action);
        return actions.map((action) => ({ action, result: "done", message: "", conflicts: [] }));
      },
      save: async (next) => {
        world.saved = structuredClone(next);
      },
    };
  }
  return world;
}

export type DeployWorld = ReturnType<typeof createDeployWorld>;
