/** Which host names lead to which HTTP port on a sidecar. Pure. */
import type { CatalogService } from "../../catalog/types.ts";
import type { Condition } from "../../model/condition.ts";
import { isHttp, type ServiceKey, type ServicePort } from "../../model/service.ts";
import { hostName } from "../../routing/host-name.ts";
import { clusterName } from "../names.ts";

export interface HostContext {
  /** The client's own namespace: names without one mean it. */
  readonly namespace: string;
  readonly domain: string;
}

export interface PortHosts {
  readonly cluster: string;
  readonly service: ServiceKey;
  /** Name of the port. */
  readonly port: string;
  /** Unique over all ports of all services; never empty. */
  readonly domains: readonly string[];
}

export interface SidecarHosts {
  /** In the order of the services and their ports. */
  readonly hosts: readonly PortHosts[];
  readonly conditions: readonly Condition[];
}

/** The ways to write a service's name, the most explicit first; none where one does not apply. */
const FORMS: readonly ((service: CatalogService, context: HostContext) => readonly string[])[] = [
  ({ key }, { domain }) => [hostName(key, domain)],
  ({ hosts }) => hosts ?? [],
  ({ key: { namespace, name } }) => [`${name}.${namespace}`.toLowerCase()],
  ({ key: { namespace, name } }, context) => (namespace === context.namespace ? [name.toLowerCase()] : []),
];

interface Claimant {
  readonly service: CatalogService;
  readonly port: ServicePort;
  /** The service's first HTTP port also answers for the host without a port. */
  readonly first: boolean;
  readonly cluster: string;
  readonly domains: string[];
}

/**
 * Two services can have one name, since case folds and dots join: `web.shop` of the client's namespace is also `web` of
 * the namespace `shop`. The more explicit way to write it has it, whatever else is in the catalog, so that a name made
 * to look like another service's cannot take its traffic; among equals the first in the order of `services`.
 */
export function sidecarHosts(services: readonly CatalogService[], context: HostContext): SidecarHosts {
  const claimants = services.flatMap(claimantsOf);
  const taken = new Map<string, Claimant>();
  const conditions: Condition[] = [];
  for (const form of FORMS) {
    for (const claimant of claimants) {
      const hosts = form(claimant.service, context);
      conditions.push(...hosts.flatMap((host) => claim(host, claimant, taken) ?? []));
    }
  }
  const heard = claimants.filter(({ domains }) => domains.length > 0);
  const hosts = heard.map(({ cluster, service, port, domains }) => ({ cluster, service: service.key, port: port.name, domains }));
  return { hosts, conditions };
}

function claimantsOf(service: CatalogService): readonly Claimant[] {
  return service.ports
    .filter(({ protocol }) => isHttp(protocol))
    .map((port, index) => ({ service, port, first: index === 0, cluster: clusterName(service.key, port.name), domains: [] }));
}

/** Takes what is free of the host without and with the port; says once what is not. */
function claim(host: string, claimant: Claimant, taken: Map<string, Claimant>): Condition | undefined {
  let lost: Condition | undefined;
  for (const name of [...(claimant.first ? [host] : []), `${host}:${claimant.port.port}`]) {
    const holder = taken.get(name);
    if (holder === undefined) {
      taken.set(name, claimant);
      claimant.domains.push(name);
    } else lost ??= hostTaken(name, claimant.cluster, holder.cluster);
  }
  return lost;
}

function hostTaken(name: string, loser: string, holder: string): Condition {
  const message = `on sidecars ${name} leads to ${holder}, so ${loser} is not reachable by that name`;
  return { type: "ListenerConflict", reason: "HostTaken", message };
}
