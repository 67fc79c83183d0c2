/** From copies to instances: health, place, labels. */
import type { Instance } from "../../../src/model/instance.ts";
import { type Locality, locality } from "../../../src/model/locality.ts";
import { HEALTH_OF } from "./conditions.ts";
import { completeHints } from "./hints.ts";
import { instanceLabels } from "./labels.ts";
import type { Copy, TranslateContext } from "./types.ts";

/** Instance by copy; what is gone has none. Every endpoint of Kubernetes weighs the same. */
export function instancesOf(copies: readonly Copy[], context: TranslateContext): ReadonlyMap<Copy, Instance> {
  const complete = context.hints ? completeHints(copies) : { zones: false, nodes: false };
  const instances = new Map<Copy, Instance>();
  for (const copy of copies) {
    if (copy.standing === "gone") continue;
    instances.set(copy, {
      id: copy.id,
      address: copy.endpoint.address,
      ports: Object.fromEntries(copy.ports),
      locality: placeOf(copy.endpoint.zone, context),
      cluster: context.cluster,
      network: context.network,
      health: HEALTH_OF[copy.standing],
      weight: 1,
      labels: instanceLabels(copy, complete),
    });
  }
  return instances;
}

/**
 * An endpoint gives its zone; its region is that of the zone, else the cluster's. The registry's own zone and sub-zone stand
 * in for an endpoint without a zone, and a sub-zone means nothing in any other zone.
 */
export function placeOf(endpointZone: string | undefined, context: Pick<TranslateContext, "locality" | "regions">): Locality {
  const own = locality(context.locality);
  const zone = endpointZone ?? own.zone;
  return { region: context.regions.get(zone) ?? own.region, zone, subZone: zone === own.zone ? own.subZone : "" };
}
