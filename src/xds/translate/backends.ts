/** Which clusters a route's backends are, and what is wrong with those that are none. Pure. */
import type { CatalogService } from "../../catalog/types.ts";
import type { Condition } from "../../model/condition.ts";
import { type ServiceId, serviceId } from "../../model/service.ts";
import type { RouteBackend } from "../../routing/policy.ts";
import { selectPort } from "../../routing/ports.ts";
import { clusterName } from "../names.ts";

export interface Target {
  readonly cluster: string;
  readonly weight: number;
}

export interface Resolved {
  /** Those that exist and have a weight above 0. */
  readonly targets: readonly Target[];
  /** Why there is no target, as a sentence; undefined when there is one. */
  readonly problem: string | undefined;
  readonly conditions: readonly Condition[];
}

/** A backend that is not there costs its share, not the route: the others take it over. */
export function resolveBackends(backends: readonly RouteBackend[], services: ReadonlyMap<ServiceId, CatalogService>): Resolved {
  const targets: Target[] = [];
  const conditions: Condition[] = [];
  for (const { service, port, weight } of backends) {
    const id = serviceId(service);
    const known = services.get(id);
    const found = known === undefined ? undefined : selectPort(known.ports, port);
    if (known === undefined)
      conditions.push({ type: "UnknownService", reason: "NotInCatalog", message: `no registry names the service ${id}` });
    else if (found === undefined) conditions.push(unknownPort(id, port, known));
    else if (weight > 0) targets.push({ cluster: clusterName(known.key, found.name), weight });
  }
  const problem = targets.length > 0 ? undefined : (conditions[0]?.message ?? "every backend of the route has weight 0");
  return { targets, problem, conditions };
}

/** As many ports are named: a registry must not be able to make a message as long as it likes. */
const NAMED_PORTS = 10;

function unknownPort(id: ServiceId, port: RouteBackend["port"], { ports }: CatalogService): Condition {
  const named = ports.slice(0, NAMED_PORTS).map(({ name, port: number }) => `${name} (${number})`);
  const more = ports.length > NAMED_PORTS ? [`${ports.length - NAMED_PORTS} more`] : [];
  const names = [...named, ...more].join(", ") || "none";
  return {
    type: "UnknownPort",
    reason: "NotInService",
    message: `the service ${id} has no port ${port ?? ""}; it has: ${names}`,
  };
}
