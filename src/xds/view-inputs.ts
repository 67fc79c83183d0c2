/** What all views are made of: the services, as the policies see their ports, the policies, and what views make of them alike. */
import type { CatalogService } from "../catalog/types.ts";
import type { ServiceId } from "../model/service.ts";
import type { Client } from "../routing/client.ts";
import type { ServicePolicy, TrafficPolicy } from "../routing/policy.ts";
import { isSameOutline, outlineOf, type ServiceOutline } from "./outline.ts";
import { policyChange } from "./policy-change.ts";
import { createSharing, type Shared } from "./sharing.ts";

export type Services = ReadonlyMap<ServiceId, CatalogService>;

/** What views have to make anew. */
export interface InputChange {
  /** The clusters and endpoints of these services. */
  readonly services: ReadonlySet<ServiceId>;
  /** Listeners and routes: a service came, went or has other ports, or policies say something else of them. */
  readonly shape: boolean;
  /** Whatever there is: something else than the services and their policies has changed. */
  readonly everything: boolean;
}

export interface ViewInputs {
  readonly traffic: TrafficPolicy;
  /** As registries and derivation have them. */
  readonly catalog: Services;
  /** With the policy's protocol applied to their ports: what translation sees. */
  readonly services: Services;
  /** Of `services`, sorted by id: the same list until listeners and routes are to be made anew. */
  readonly outlines: readonly ServiceOutline[];
  /** `changed`: ids of all that differ. */
  setServices(catalog: Services, changed: Iterable<ServiceId>): InputChange;
  /** `derived`: in place of the services of before, where policies make others of them. */
  setTraffic(traffic: TrafficPolicy, derived?: Services): InputChange;
  /** What the client's view has in common with others; until `release`. */
  share(client: Client): Shared;
  release(client: Client): void;
}

export function createViewInputs(initial: TrafficPolicy, initialServices: Services = new Map()): ViewInputs {
  let traffic = initial;
  let catalog: Services = new Map();
  let sorted: readonly ServiceOutline[] | undefined;
  const outlines = new Map<ServiceId, ServiceOutline>();
  const services = new Map<ServiceId, CatalogService>();
  const sharing = createSharing();

  /** Returns whether the outline is another. */
  const setOutline = (id: ServiceId, service: CatalogService | undefined): boolean => {
    const before = outlines.get(id);
    if (service === undefined) return outlines.delete(id);
    if (before !== undefined && isSameOutline(before, service)) return false;
    outlines.set(id, outlineOf(service));
    return true;
  };

  /** Returns whether the outline of any of them is another. */
  const take = (ids: Iterable<ServiceId>): boolean => {
    let reshaped = false;
    for (const id of ids) {
      const service = catalog.get(id);
      const next = service === undefined ? undefined : withPolicy(service, traffic.policyOf(service.key));
      reshaped = setOutline(id, next) || reshaped;
      if (next === undefined) services.delete(id);
      else services.set(id, next);
    }
    return reshaped;
  };

  const inputs: ViewInputs = {
    get traffic() {
      return traffic;
    },
    get catalog() {
      return catalog;
    },
    services,
    get outlines() {
      sorted ??= [...outlines.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
      return sorted;
    },
    setServices(next, changed) {
      catalog = next;
      const ids = new Set(changed);
      const shape = take(ids);
      if (shape) sorted = undefined;
      return { services: ids, shape, everything: false };
    },
    setTraffic(next, derived) {
      const change = derived === undefined ? policyChange(traffic, next, catalog) : undefined;
      traffic = next;
      catalog = derived ?? catalog;
      const ids = change?.services ?? new Set([...services.keys(), ...catalog.keys()]);
      const reshaped = take(ids);
      const shape = change === undefined || change.shape || reshaped;
      if (shape) sorted = undefined;
      if (change === undefined) sharing.clear();
      return { services: ids, shape, everything: change === undefined };
    },
    share: sharing.share,
    release: sharing.release,
  };
  inputs.setServices(initialServices, initialServices.keys());
  return inputs;
}

function withPolicy(service: CatalogService, { protocol }: ServicePolicy): CatalogService {
  if (protocol === undefined) return service;
  return { ...service, ports: service.ports.map((port) => ({ ...port, protocol })) };
}
