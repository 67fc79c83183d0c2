/**
 * What views make alike. There is a view for every namespace, place and port that sidecars say of themselves, and one for
 * every gateway: of a service they all have the same cluster, those of one place the same endpoints, and sidecars of one
 * namespace the same routes. Each is made once, as long as a view that has it is there.
 */
import { localityName } from "../model/locality.ts";
import type { Client } from "../routing/client.ts";
import { createResourceMemo, type ResourceMemo } from "./resource-memo.ts";
import { createHostParts, createRoutesMemo, type SidecarMemos } from "./translate/sidecar-memos.ts";

export interface Shared {
  readonly clusters: ResourceMemo;
  readonly endpoints: ResourceMemo;
  readonly sidecar: SidecarMemos;
}

export interface Sharing {
  /** To be given back with `release` when the view is gone. */
  share(client: Client): Shared;
  release(client: Client): void;
  /** What was made under the policies of before is no longer right. */
  clear(): void;
}

export function createSharing(): Sharing {
  const pools = {
    clusters: createPool(createResourceMemo),
    endpoints: createPool(createResourceMemo),
    parts: createPool(createHostParts),
    routes: createPool(createRoutesMemo),
  };
  return {
    share(client) {
      const keys = keysOf(client);
      return {
        clusters: pools.clusters.take(keys.clusters),
        endpoints: pools.endpoints.take(keys.endpoints),
        sidecar: { parts: pools.parts.take(keys.parts), routes: pools.routes.take(keys.routes) },
      };
    },
    release(client) {
      const keys = keysOf(client);
      for (const kind of Object.keys(pools) as (keyof typeof pools)[]) pools[kind].drop(keys[kind]);
    },
    clear() {
      for (const pool of Object.values(pools)) pool.clear();
    },
  };
}

/** All of a client that each kind of resource depends on; every part is quoted, so that no two can collide by their text. */
function keysOf({ role, cluster, network, locality, namespace, onDemand = false }: Client) {
  return {
    clusters: role,
    endpoints: JSON.stringify([role, cluster, network, localityName(locality)]),
    parts: JSON.stringify([role, onDemand]),
    routes: JSON.stringify([role, onDemand, role === "sidecar" ? namespace : ""]),
  };
}

interface Pool<T> {
  /** The value of that key, made when nobody has it. */
  take(key: string): T;
  /** One of those who took it needs it no longer; with the last of them it goes. */
  drop(key: string): void;
  clear(): void;
}

function createPool<T extends { clear(): void }>(create: () => T): Pool<T> {
  const held = new Map<string, { readonly value: T; users: number }>();
  return {
    take(key) {
      const entry = held.get(key) ?? { value: create(), users: 0 };
      held.set(key, entry);
      entry.users++;
      return entry.value;
    },
    drop(key) {
      const entry = held.get(key);
      if (entry !== undefined && --entry.users === 0) held.delete(key);
    },
    clear() {
      for (const { value } of held.values()) value.clear();
    },
  };
}
