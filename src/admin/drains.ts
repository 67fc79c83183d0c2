/** What a drain comes to: how many instances, whom it would leave with nothing else. Pure. */
import { type Drain, withDrains } from "../catalog/drains.ts";
import type { CatalogInstance, CatalogService } from "../catalog/types.ts";
import { isUsable } from "../model/health.ts";
import type { Client } from "../routing/client.ts";
import { type ReachRules, reach } from "../routing/reach.ts";

/** Someone who is served: a connected client, or the neutral one. */
export interface Served {
  readonly id: string;
  readonly view: string;
  readonly client: Client;
}

/**
 * The ids of those who, under these drains, would still be sent to drained instances, because they may reach nothing
 * else that is confirmed to serve.
 */
export function leftWithDrained(
  service: CatalogService,
  drains: readonly Drain[],
  served: readonly Served[],
  rules: ReachRules,
): readonly string[] {
  const drained = withDrains(service, drains);
  const needs = (client: Client) =>
    drained.ports.some(({ name }) =>
      reach(drained, name, client, rules)
        .decisions()
        .some(({ instance, verdict }) => instance.drain !== undefined && verdict.kind === "included" && isUsable(verdict.health)),
    );
  // Clients of one view are served alike.
  const views = Map.groupBy(served, ({ view }) => view);
  return [...views.values()].flatMap((group) => (group[0] && needs(group[0].client) ? group.map(({ id }) => id) : []));
}

/** The instances that this drain names. */
export function drainedBy(service: CatalogService | undefined, drain: Drain): readonly CatalogInstance[] {
  if (service === undefined) return [];
  return withDrains(service, [drain]).instances.filter((instance) => instance.drain !== undefined);
}
