/** What keeps workloads over long-lived connections, as a controller does; passes of several workloads may run side by side. */
import type { Cluster } from "../../deploy/api/schema/cluster.ts";
import type { FederatedWorkload } from "../../deploy/api/schema/workload.ts";
import { parseWorkload } from "../../deploy/api/validate.ts";
import { createLiveEngine } from "../../deploy/engine/live.ts";
import { type Pass, planPass, templateKeys } from "../../deploy/engine/pass.ts";
import type { ActionOutcome, Observation } from "../../deploy/engine/types.ts";
import type { JsonObject } from "../../deploy/json/value.ts";
import type { Answer, ClusterClient } from "../../deploy/kube/types.ts";
import { sortFleet, viewOf } from "../../deploy/placement/fleet.ts";
import { workloadKey } from "../../deploy/plan/wanted.ts";
import { systemClock } from "../../src/kernel/clock.ts";

/** A write that was answered, at `performance.now()`. */
export interface Written {
  readonly cluster: string;
  readonly at: number;
  /** What was applied; undefined: something else was done. */
  readonly manifest: JsonObject | undefined;
}

export interface Brought {
  readonly pass: Pass;
  readonly outcomes: readonly ActionOutcome[];
  /** ms from the call to the last apply that each cluster has answered. */
  readonly took: ReadonlyMap<string, number>;
}

const WITHIN_MS = 60_000;
const RAILS = { maxDeletes: 100, maxDeletePercent: 50, approvedDeletes: undefined, allowLastCopy: false };

/** As after a start: empty caches. `text`: a FederatedWorkload. */
export function createTestController(connections: ReadonlyMap<string, ClusterClient>) {
  const listeners = new Set<(written: Written) => void>();
  const stop = new AbortController();
  const tell = (written: Written) => {
    for (const listener of listeners) listener(written);
  };
  const clients = new Map([...connections].map(([name, client]) => [name, counted(client, tell)] as const));
  const engine = createLiveEngine({
    clients,
    clock: systemClock,
    withinMs: WITHIN_MS,
    signal: stop.signal,
    changed: () => undefined,
  });
  const observe = (workload: FederatedWorkload): Promise<Observation> => {
    const request = { workload: workloadKey(workload), ...templateKeys(template(workload)), demand: undefined };
    return engine.observe(request, stop.signal);
  };
  const plan = (workload: FederatedWorkload, observation: Observation, deleting = false): Pass => {
    const views = [...clients.keys()].map((name) =>
      viewOf(clusterOf(name), observation.clusters.get(name)?.reachable === true ? "ready" : "unknown"),
    );
    const rest = { fleet: sortFleet(views), observation, lastKnown: new Map(), rails: RAILS, deleting, now: Date.now() };
    return planPass({ ...template(workload), ...rest });
  };
  return {
    observe,
    plan,
    async bring(text: string, deleting = false): Promise<Brought> {
      const workload = read(text);
      const started = performance.now();
      const took = new Map<string, number>();
      const pass = plan(workload, await observe(workload), deleting);
      // Another change of the same workload may be under way at the same time.
      const manifests = new Set(pass.plan.actions.map(({ manifest }) => manifest));
      const listen = ({ cluster, at, manifest }: Written) => {
        if (manifest !== undefined && manifests.has(manifest)) took.set(cluster, at - started);
      };
      listeners.add(listen);
      const outcomes = await engine.apply(pass.plan.actions, { workload: workloadKey(workload) }, stop.signal);
      listeners.delete(listen);
      return { pass, outcomes, took };
    },
    read,
    /** Every write, until it is called off. */
    onWrite(listener: (written: Written) => void): () => void {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    close: () => stop.abort(),
  };
}

function read(text: string): FederatedWorkload {
  const parsed = parseWorkload(text);
  if ("problems" in parsed) throw new Error(JSON.stringify(parsed.problems));
  return parsed.object;
}

function template(workload: FederatedWorkload) {
  return { workload, manifests: workload.spec.template.manifests ?? [], clusterScoped: new Set<string>() };
}

function clusterOf(name: string): Cluster {
  const spec = { unschedulable: false, taints: [] };
  return { apiVersion: "deploy.meshbridge.io/v1alpha1", kind: "Cluster", metadata: { name }, spec };
}

function counted(client: ClusterClient, tell: (written: Written) => void): ClusterClient {
  const told = async <T>(answer: Promise<Answer<T>>, manifest?: JsonObject): Promise<Answer<T>> => {
    const result = await answer;
    if (!("error" in result && result.status === undefined)) tell({ cluster: client.name, at: performance.now(), manifest });
    return result;
  };
  return {
    ...client,
    apply: (manifest, options, signal) => told(client.apply(manifest, options, signal), manifest),
    patch: (key, patch, options, signal) => told(client.patch(key, patch, options, signal)),
    remove: (key, options, signal) => told(client.remove(key, options, signal)),
  };
}
