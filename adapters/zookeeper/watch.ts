/** A registry over all its connections: what was said stands while there is none. */

import type { Lookup } from "../../src/kernel/resolver.ts";
import type { RegistryEvent, WatchContext } from "../../src/registry/adapter.ts";
import type { Connect } from "./connection.ts";
import { createFollower } from "./follower.ts";
import type { Format } from "./formats/types.ts";
import type { Server } from "./servers.ts";
import { sessions } from "./session.ts";

export interface WatchOptions {
  readonly connect: Connect;
  /** At least one. */
  readonly servers: readonly Server[];
  readonly roots: readonly { readonly path: string; readonly format: Format }[];
  /** Whether a service of this name, as its records have it, is meant. */
  readonly isMeant: (name: string) => boolean;
  readonly providerSessionTimeoutMs: number;
  /** Undefined: instances with a host name are left out. */
  readonly lookup: Lookup | undefined;
  readonly context: WatchContext;
}

/** What `Adapter.watch` promises. Ends with the signal, by throwing its reason. */
export async function* watchRoots(options: WatchOptions): AsyncGenerator<RegistryEvent> {
  const { servers, connect, context } = options;
  const { name, clock, random } = context;
  const stop = new AbortController();
  const signal = AbortSignal.any([context.signal, stop.signal]);
  const { follow, note, takeFailure } = createFollower(options, signal);
  try {
    for await (const event of sessions({ name, servers, connect, onWatch: note, clock, random, signal })) {
      if (event.type === "connected") yield* follow(event);
      else yield { type: "degraded", error: takeFailure() ?? event.error, retryInMs: event.retryInMs };
    }
  } finally {
    stop.abort();
  }
}
