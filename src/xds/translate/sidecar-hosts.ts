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

/** What one HTTP port of a service would like to be called. */
interface Candidate {
  readonly service: CatalogService;
  readonly port: ServicePort;
  readonly cluster: string;
  /** By form and host: the host with the port, and without it where the port is the service's first. */
  readonly names: readonly (readonly (readonly string[])[])[];
}

interface Claimant extends Candidate {
  readonly domains: string[];
}

/** What the services would like to be called, of one context: thousands of them stay as they are when one changes. */
export type HostMemo = WeakMap<CatalogService, readonly Candidate[]>;

/**
 * Two services can have one name, since case folds and dots join: `web.shop` of the client's namespace is also `web` of
 * the namespace `shop`. The more explicit way to write it has it, whatever else is in the catalog, so that a name made
 * to look like another service's cannot take its traffic; among equals the first in the order of `services`. `memo`
 * belongs to one context.
 */
export function sidecarHosts(
  services: readonly CatalogService[],
  context: HostContext,
  memo: HostMemo = new WeakMap(),
): SidecarHosts {
  const claimants: Claimant[] = [];
  for (const service of services) {
    const known = memo.get(service) ?? candidatesOf(service, context);
    memo.set(service, known);
    for (const candidate of known) claimants.push({ ...candidate, domains: [] });
  }
  const taken = new Map<string, Claimant>();
  const conditions: Condition[] = [];
  for (let form = 0; form < FORMS.length; form++) {
    for (const claimant of claimants) {
      for (const names of claimant.names[form] ?? []) {
        const lost = claim(names, claimant, taken);
        if (lost !== undefined) conditions.push(lost);
      }
    }
  }
  const heard = claimants.filter(({ domains }) => domains.length > 0);
  const hosts = heard.map(({ cluster, service, port, domains }) => ({ cluster, service: service.key, port: port.name, domains }));
  return { hosts, conditions };
}

function candidatesOf(service: CatalogService, context: HostContext): readonly Candidate[] {
  const byForm = FORMS.map((form) => form(service, context));
  return service.ports
    .filter(({ protocol }) => isHttp(protocol))
    .map((port, index) => {
      const namesOf = (host: string) => [...(index === 0 ? [host] : []), `${host}:${port.port}`];
      const names = byForm.map((hosts) => hosts.map(namesOf));
      return { service, port, cluster: clusterName(service.key, port.name), names };
    });
}

/** Takes what is free of the host without and with the port; says once what is not. */
function claim(names: readonly string[], claimant: Claimant, taken: Map<string, Claimant>): Condition | undefined {
  let lost: Condition | undefined;
  for (const name of names) {
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
