/** What one loop needs to know of its part of Consul, and what all that it asks has in common. */
import type { MeshbridgeError } from "../../src/kernel/errors.ts";
import { fail } from "../../src/model/errors.ts";
import type { WatchContext } from "../../src/registry/adapter.ts";
import type { ConsulClient, Query } from "./client.ts";
import type { ConsulSettings } from "./schema.ts";

/** Undefined: what the agent takes for its own. */
export interface Part {
  readonly datacenter: string | undefined;
  readonly consulNamespace: string | undefined;
}

export interface PartOptions {
  readonly part: Part;
  readonly config: ConsulSettings;
  readonly client: ConsulClient;
  readonly context: WatchContext;
}

/** The parameters that say which part of Consul is meant, and how consistent its answer must be. Nodes are in no namespace. */
export function queryOf({ part, config }: PartOptions, namespaced: boolean): Query {
  const consistency = config.consistency ?? "stale";
  return {
    ...(part.datacenter !== undefined && { dc: part.datacenter }),
    ...(namespaced && part.consulNamespace !== undefined && { ns: part.consulNamespace }),
    ...(config.partition !== undefined && { partition: config.partition }),
    ...(consistency !== "default" && { [consistency]: "" }),
  };
}

/** MB_REGISTRY_BAD_REPLY: JSON of another form than Consul's documentation tells. */
export function unusable({ client }: Pick<PartOptions, "client">, path: string): MeshbridgeError {
  return fail("MB_REGISTRY_BAD_REPLY", { ...client.names, reason: `${path} has an unexpected form` });
}
