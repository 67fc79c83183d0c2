/** Which host names lead to which HTTP port on a sidecar. Pure. */
import type { Condition } from "../../model/condition.ts";
import { isHttp, type ServiceKey, type ServicePort } from "../../model/service.ts";
import { hostName } from "../../routing/host-name.ts";
import { clusterName } from "../names.ts";
import type { ServiceOutline } from "../outline.ts";

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

const NONE: readonly string[] = [];

/** The ways to write a service's name that mean it everywhere, the most explicit first; none where one does not apply. */
const FORMS: readonly ((service: ServiceOutline, domain: string) => readonly string[])[] = [
  ({ key }, domain) => [hostName(key, domain)],
  ({ hosts }) => hosts ?? NONE,
  ({ key: { namespace, name } }) => [`${name}.${namespace}`.toLowerCase()],
];
/** After them: the name alone, within its namespace. */
const OWN_FORM = FORMS.length;

/** What one HTTP port of a service would like to be called. */
interface Candidate {
  readonly service: ServiceKey;
  readonly port: ServicePort;
  readonly cluster: string;
  /** By form, host after host. */
  readonly names: readonly (readonly string[])[];
  /** Names of one host: with the port, and before it without, where the port is the service's first. */
  readonly ways: 1 | 2;
}

interface Claimant extends Candidate {
  readonly domains: string[];
}

/** What the services would like to be called everywhere, in one domain: thousands of them stay as they are when one changes. */
export type HostMemo = WeakMap<ServiceOutline, readonly Candidate[]>;

/**
 * Two services can have one name, since case folds and dots join: `web.shop` of the client's namespace is also `web` of
 * the namespace `shop`. The more explicit way to write it has it, whatever else is in the catalog, so that a name made
 * to look like another service's cannot take its traffic; among equals the first in the order of `services`. `memo`
 * belongs to one domain.
 */
export function sidecarHosts(
  services: readonly ServiceOutline[],
  context: HostContext,
  memo: HostMemo = new WeakMap(),
): SidecarHosts {
  const claimants: Claimant[] = [];
  for (const service of services) {
    const known = memo.get(service) ?? candidatesOf(service, context.domain);
    memo.set(service, known);
    for (const candidate of known) claimants.push({ ...candidate, domains: [] });
  }
  const taken = new Map<string, Claimant>();
  const conditions: Condition[] = [];
  for (let form = 0; form <= OWN_FORM; form++) {
    for (const claimant of claimants) {
      const names = form === OWN_FORM ? ownNames(claimant, context.namespace) : (claimant.names[form] ?? NONE);
      for (let at = 0; at < names.length; at += claimant.ways) {
        const lost = claim(names, at, claimant, taken);
        if (lost !== undefined) conditions.push(lost);
      }
    }
  }
  const heard = claimants.filter(({ domains }) => domains.length > 0);
  // Copies have no room for more: they are kept.
  const hosts = heard.map(({ cluster, service, port, domains }) => ({
    cluster,
    service,
    port: port.name,
    domains: domains.slice(),
  }));
  return { hosts, conditions };
}

function candidatesOf(service: ServiceOutline, domain: string): readonly Candidate[] {
  const byForm = FORMS.map((form) => form(service, domain));
  const http = service.ports.filter(({ protocol }) => isHttp(protocol));
  return http.map((port, index): Candidate => {
    const ways = index === 0 ? 2 : 1;
    const names = byForm.map((hosts) => namesOf(hosts, port, ways));
    return { service: service.key, port, cluster: clusterName(service.key, port.name), names, ways };
  });
}

function ownNames({ service, port, ways }: Candidate, namespace: string): readonly string[] {
  return service.namespace === namespace ? namesOf([service.name.toLowerCase()], port, ways) : NONE;
}

function namesOf(hosts: readonly string[], { port }: ServicePort, ways: Candidate["ways"]): readonly string[] {
  if (hosts.length === 0) return NONE;
  const withPort = (host: string) => `${host}:${port}`;
  // A copy has no room for more: it is kept.
  return ways === 1 ? hosts.map(withPort) : hosts.flatMap((host) => [host, withPort(host)]).slice();
}

/** Takes what is free of the host at that place of the names, without and with the port; says once what is not. */
function claim(names: readonly string[], at: number, claimant: Claimant, taken: Map<string, Claimant>): Condition | undefined {
  let lost: Condition | undefined;
  for (let i = at; i < at + claimant.ways; i++) {
    const name = names[i] ?? "";
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
