/** Resources that several views hold alike, each made once for a state of its service. */
import type { CatalogService } from "../catalog/types.ts";
import type { ServicePolicy } from "../routing/policy.ts";
import type { Resource } from "./types.ts";

export interface ResourceMemo {
  /** The service's resource of that name: the one that was made for the very same service and policy, or what `make` makes now. */
  get(service: CatalogService, policy: ServicePolicy, name: string, make: () => Resource): Resource;
  /** Something else that resources are made of has changed. */
  clear(): void;
}

interface Made {
  readonly policy: ServicePolicy;
  /** A few: a service has few ports. */
  readonly resources: readonly Resource[];
}

export function createResourceMemo(): ResourceMemo {
  // With the last view that holds a service's former state goes what was made for it.
  let made = new WeakMap<CatalogService, Made>();
  return {
    get(service, policy, name, make) {
      const known = made.get(service);
      const current = known?.policy === policy ? known.resources : [];
      const found = current.find((one) => one.name === name);
      if (found !== undefined) return found;
      const resource = make();
      made.set(service, { policy, resources: current.concat([resource]) });
      return resource;
    },
    clear() {
      made = new WeakMap();
    },
  };
}
