/** What the clusters hold, asked once: each by itself, all at the same time. */
import type { Clock } from "../../src/kernel/clock.ts";
import type { JsonObject } from "../json/value.ts";
import type { ClusterClient, KubeRefusal } from "../kube/types.ts";
import { inventoryKinds } from "../plan/inventory.ts";
import { keyOf, keyText } from "../plan/object-key.ts";
import { MANAGED_LABEL, usersOf } from "../plan/ownership.ts";
import type { Observation, ObserveRequest } from "./types.ts";
import { kindOf, kindsOf, lookUp, observeEach, type Read, type ReadCluster } from "./view.ts";

interface ObserveContext {
  readonly clock: Clock;
  /** A cluster that has not told everything within this is taken as unreachable. */
  readonly withinMs: number;
}

/** See `Engine.observe`. */
export async function observeFleet(
  clients: ReadonlyMap<string, ClusterClient>,
  request: ObserveRequest,
  context: ObserveContext,
  signal: AbortSignal,
): Promise<Observation> {
  const read: ReadCluster = (client, limit) => readCluster(client, request, context.clock, limit);
  return await observeEach([...clients.values()], { request, read, ...context }, signal);
}

async function readCluster(
  client: ClusterClient,
  request: ObserveRequest,
  clock: Clock,
  signal: AbortSignal,
): Promise<Read | KubeRefusal> {
  const discovery = await client.discover(signal);
  if ("error" in discovery) return discovery;
  const { wanted, missing, served, rare } = kindsOf(request, discovery.value);
  const objects = new Map<string, JsonObject>();
  let owned = 0;
  const look = async (kinds: readonly string[]): Promise<KubeRefusal | undefined> => {
    const selection = { labelSelector: `${MANAGED_LABEL}=true` };
    const lists = await Promise.all(kinds.map((kind) => client.list(kindOf(kind), selection, signal)));
    for (const [index, list] of lists.entries()) {
      if ("error" in list) {
        // A kind that this account may not read and that nothing is wanted of: nothing of it is deleted either.
        if (list.status === 403 && !wanted.has(kinds[index] ?? "")) continue;
        return list;
      }
      owned += list.value.length;
      for (const object of list.value)
        if (usersOf(object).includes(request.workload)) objects.set(keyText(keyOf(object)), object);
    }
    return undefined;
  };
  const unread = (await look(served)) ?? (await look(rare(inventoryKinds(request.workload, objects))));
  if (unread !== undefined) return unread;
  const refusal = await lookUp(client, { request, objects, missing }, signal);
  return refusal ?? { objects, missingKinds: missing, owned, observedAt: clock.now() };
}
