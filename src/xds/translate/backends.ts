/** Which clusters a route's backends are, and what is wrong with those that are none. Pure. */
import type { CatalogService } from "../../catalog/types.ts";
import type { Condition } from "../../model/condition.ts";
import { type ServiceId, type ServiceKey, serviceId } from "../../model/service.ts";
import type { RouteBackend, ServicePolicy } from "../../routing/policy.ts";
import { selectPort } from "../../routing/ports.ts";
import { clusterName, shareName } from "../names.ts";

export type PolicyOf = (service: ServiceKey) => ServicePolicy;

/** What routes are made from. */
export interface Known {
  readonly services: Pick<ReadonlyMap<ServiceId, CatalogService>, "get">;
  readonly policyOf: PolicyOf;
}

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
export function resolveBackends(backends: readonly RouteBackend[], { services, policyOf }: Known): Resolved {
  const targets: Target[] = [];
  const conditions: Condition[] = [];
  for (const { service, port, weight, labels } of backends) {
    const id = serviceId(service);
    const known = services.get(id);
    const found = known === undefined ? undefined : selectPort(known.ports, port);
    if (known === undefined)
      conditions.push({ type: "UnknownService", reason: "NotInCatalog", message: `no registry names the service ${id}` });
    else if (found === undefined) conditions.push(unknownPort(id, port, known));
    else if (weight > 0 && labels !== undefined) targets.push({ cluster: clusterName(known.key, found.name, labels), weight });
    else if (weight > 0) targets.push(...targetsOf(known.key, found.name, policyOf(known.key), weight));
  }
  const problem = targets.length > 0 ? undefined : (conditions[0]?.message ?? "every backend of the route has weight 0");
  return { targets, problem, conditions };
}

/** A service that is distributed over clusters is a target for each of them, with its share of the weight. */
export function targetsOf(service: ServiceKey, portName: string, { distribute }: ServicePolicy, weight = 1): readonly Target[] {
  const shares = Object.entries(distribute ?? {}).filter(([, share]) => share > 0);
  if (shares.length === 0) return [{ cluster: clusterName(service, portName), weight }];
  return shares.map(([cluster, share]) => ({ cluster: shareName(service, portName, cluster), weight: weight * share }));
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
