/** The engine over clients that are asked when something is wanted of them: for the command line. */
import type { Clock } from "../../src/kernel/clock.ts";
import type { ClusterClient } from "../kube/types.ts";
import { applyActions } from "./apply.ts";
import { observeFleet } from "./observe.ts";
import type { Engine } from "./types.ts";

export interface EngineOptions {
  readonly clients: ReadonlyMap<string, ClusterClient>;
  readonly clock: Clock;
  /** A cluster that has not told everything within this is unreachable, for this pass. */
  readonly withinMs: number;
}

export function createEngine({ clients, clock, withinMs }: EngineOptions): Engine {
  return {
    observe: (request, signal) => observeFleet(clients, request, { clock, withinMs }, signal),
    apply: (actions, options, signal) => applyActions(actions, clients, options, signal),
  };
}

/** `group/Kind` of everything without a namespace that any cluster serves; a cluster that does not answer tells nothing. */
export async function clusterScopedKinds(
  clients: ReadonlyMap<string, ClusterClient>,
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  const answers = await Promise.all([...clients.values()].map((client) => client.discover(signal)));
  return new Set(
    answers.flatMap((answer) =>
      "error" in answer
        ? []
        : answer.value.resources.flatMap(({ group, kind, namespaced }) => (namespaced ? [] : [`${group}/${kind}`])),
    ),
  );
}
