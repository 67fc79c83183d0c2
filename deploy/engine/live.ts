/** The engine over caches that are kept by list and watch: for what runs for long, such as a controller. */
import type { Clock } from "../../src/kernel/clock.ts";
import type { MeshbridgeError } from "../../src/kernel/errors.ts";
import type { JsonObject } from "../json/value.ts";
import type { Answer, ClusterClient, Discovery } from "../kube/types.ts";
import { inventoryKey, inventoryKinds } from "../plan/inventory.ts";
import { keyText } from "../plan/object-key.ts";
import { applyActions } from "./apply.ts";
import { type ClusterCache, createClusterCache } from "./cluster-cache.ts";
import type { Engine, ObserveRequest } from "./types.ts";
import { kindOf, kindsOf, lookUp, observeEach, type Read } from "./view.ts";

export interface LiveOptions {
  readonly clients: ReadonlyMap<string, ClusterClient>;
  readonly clock: Clock;
  /** How long the first filling of a cluster's caches is waited for; a cluster that takes longer is unreachable until then. */
  readonly withinMs: number;
  /** Ends the watches. */
  readonly signal: AbortSignal;
  /** Something of ours changed in a cluster: the workloads it is about. */
  changed(cluster: string, workloads: ReadonlySet<string>): void;
}

export interface LiveEngine extends Engine {
  /** Objects of ours that are tracked, in all clusters. */
  tracked(): number;
}

/**
 * `observe` asks a cluster only for what is wanted there and is not in its cache; facts are as old as what was last heard of
 * the cluster. A cluster whose watches fail is unreachable at once, so that nobody waits for it.
 */
export function createLiveEngine({ clients, clock, withinMs, signal, changed }: LiveOptions): LiveEngine {
  const caches = new Map(
    [...clients].map(([name, client]) => {
      const tell = (workloads: ReadonlySet<string>) => changed(name, workloads);
      return [client, createClusterCache({ client, clock, signal, changed: tell })] as const;
    }),
  );
  const writers = new Map(
    [...clients].map(([name, client]) => [name, withSilence(client, (error) => caches.get(client)?.suspect(error))] as const),
  );
  const kinds = createKnownKinds(signal);
  return {
    tracked: () => [...caches.values()].reduce((sum, { size }) => sum + size, 0),
    apply: (actions, options, abort) => applyActions(actions, writers, options, abort),
    observe(request, abort) {
      const read = (client: ClusterClient, limit: AbortSignal) => {
        const cache = caches.get(client);
        if (cache === undefined) throw new TypeError(`no cluster is called ${client.name}`);
        return readCache(cache, client, request, { kinds, signal: limit });
      };
      return observeEach([...clients.values()], { request, read, clock, withinMs }, abort);
    },
  };
}

async function readCache(
  cache: ClusterCache,
  client: ClusterClient,
  request: ObserveRequest,
  { kinds, signal }: { readonly kinds: KnownKinds; readonly signal: AbortSignal },
): Promise<Read | { readonly error: MeshbridgeError }> {
  const failing = cache.state();
  if (failing.state === "failing") return failing;
  const discovery = await kinds.of(client, request, signal);
  if ("error" in discovery) return discovery;
  const { wanted, missing, served, rare } = kindsOf(request, discovery.value);
  const follow = async (kinds: readonly string[]) => {
    for (const kind of kinds) cache.follow(kindOf(kind), wanted.has(kind) ? "needed" : "to find");
    return await cache.settled(signal);
  };
  const common = await follow(served);
  if (common.state === "failing") return common;
  const inventory = inventoryKey(request.workload);
  if (cache.objectsOf(request.workload).has(keyText(inventory))) {
    // What it says is not in its metadata.
    cache.follow(inventory, "needed");
    const whole = await cache.settled(signal);
    if (whole.state === "failing") return whole;
  }
  const state = await follow(rare(inventoryKinds(request.workload, cache.objectsOf(request.workload))));
  if (state.state === "failing") return state;
  const objects = new Map<string, JsonObject>(cache.objectsOf(request.workload));
  const refusal = await lookUp(client, { request, objects, missing }, signal);
  return refusal ?? { objects, missingKinds: missing, owned: cache.size, observedAt: state.heardAt };
}

interface KnownKinds {
  /** What is known to be served, when all that is wanted is; else the server is asked. */
  of(client: ClusterClient, request: ObserveRequest, limit: AbortSignal): Promise<Answer<Discovery>>;
}

/** No pass waits for a list of kinds that has only grown old: it is asked for meanwhile. `signal` ends that. */
function createKnownKinds(signal: AbortSignal): KnownKinds {
  const known = new Map<ClusterClient, Discovery>();
  const ask = async (client: ClusterClient, limit: AbortSignal) => {
    const answer = await client.discover(limit);
    if ("value" in answer) known.set(client, answer.value);
    return answer;
  };
  return {
    async of(client, request, limit) {
      const before = known.get(client);
      if (before === undefined || kindsOf(request, before).missing.size > 0) return await ask(client, limit);
      // The client keeps its answer for a while, so this is a request now and then.
      ask(client, signal).catch((error: unknown) => {
        if (!signal.aborted) throw error;
      });
      return { value: before };
    },
  };
}

/** Tells of every write that was not answered. */
function withSilence(client: ClusterClient, tell: (error: MeshbridgeError) => void): ClusterClient {
  const told = async <T>(answer: Promise<Answer<T>>): Promise<Answer<T>> => {
    const result = await answer;
    if ("error" in result && result.status === undefined) tell(result.error);
    return result;
  };
  return {
    ...client,
    apply: (...given) => told(client.apply(...given)),
    patch: (...given) => told(client.patch(...given)),
    remove: (...given) => told(client.remove(...given)),
  };
}
