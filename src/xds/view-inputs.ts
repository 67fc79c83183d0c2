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

/** Services with the policy's protocol applied to their ports: what translation sees. */
export type PolicedServices = Pick<Services, "size" | "get" | "keys">;

export interface ViewInputs {
  readonly traffic: TrafficPolicy;
  /** As registries and derivation have them. */
  readonly catalog: Services;
  readonly services: PolicedServices;
  /** Of `services`, sorted by id: the same list until listeners and routes are to be made anew. */
  readonly outlines: readonly ServiceOutline[];
  /** `catalog`: may not change any more. `changed`: ids that differ; of others it may be ahead, if they are told later. */
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
  /** Of its own: a catalog may be ahead of the ids that come with it, and theirs are told later. */
  const services = new Map<ServiceId, CatalogService>();
  const outlines = createOutlines();
  const sharing = createSharing();

  /** Takes these services of the catalog; returns whether the outline of any of them is another. */
  const take = (ids: Iterable<ServiceId>): boolean => {
    let reshaped = false;
    for (const id of ids) {
      const before = services.get(id);
      const service = catalog.get(id);
      const after = service === undefined ? undefined : withPolicy(service, traffic.policyOf(service.key));
      if (after === undefined) services.delete(id);
      else services.set(id, after);
      reshaped ||= before === undefined || after === undefined ? before !== after : !isSameOutline(before, after);
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
      return outlines.of(services);
    },
    setServices(next, changed) {
      catalog = next;
      const ids = new Set(changed);
      const shape = take(ids);
      if (shape) outlines.changed();
      return { services: ids, shape, everything: false };
    },
    setTraffic(next, derived) {
      const change = derived === undefined ? policyChange(traffic, next, catalog) : undefined;
      traffic = next;
      catalog = derived ?? catalog;
      const ids = change?.services ?? new Set([...services.keys(), ...catalog.keys()]);
      const reshaped = take(ids);
      const shape = change === undefined || change.shape || reshaped;
      if (shape) outlines.changed();
      if (change === undefined) sharing.clear();
      return { services: ids, shape, everything: change === undefined };
    },
    share: sharing.share,
    release: sharing.release,
  };
  inputs.setServices(initialServices, initialServices.keys());
  return inputs;
}

/** Made when somebody asks for them: gateways and gRPC clients do without. */
function createOutlines() {
  let sorted: readonly ServiceOutline[] | undefined;
  let known: ReadonlyMap<ServiceId, ServiceOutline> = new Map();
  const outlineIn = (services: PolicedServices, id: ServiceId): readonly ServiceOutline[] => {
    const service = services.get(id);
    if (service === undefined) return [];
    const before = known.get(id);
    return [before !== undefined && isSameOutline(before, service) ? before : outlineOf(service)];
  };
  return {
    of(services: PolicedServices): readonly ServiceOutline[] {
      if (sorted !== undefined) return sorted;
      sorted = [...services.keys()].sort().flatMap((id) => outlineIn(services, id));
      known = new Map(sorted.map((one) => [one.id, one]));
      return sorted;
    },
    changed() {
      sorted = undefined;
    },
  };
}

function withPolicy(service: CatalogService, { protocol }: ServicePolicy): CatalogService {
  if (protocol === undefined) return service;
  return { ...service, ports: service.ports.map((port) => ({ ...port, protocol })) };
}
