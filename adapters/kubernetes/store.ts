/** Services and slices of one cluster, joined. Deterministic; says which Services a change concerns. */
import type { KubeEndpointSlice, KubeService } from "./objects.ts";

export interface Store {
  /** By `namespace/name`; undefined: gone. Returns the keys of the Services concerned. */
  takeServices(changes: ReadonlyMap<string, KubeService | undefined>): ReadonlySet<string>;
  takeSlices(changes: ReadonlyMap<string, KubeEndpointSlice | undefined>): ReadonlySet<string>;
  /** Of all Services. */
  keys(): ReadonlySet<string>;
  service(key: string): KubeService | undefined;
  /** All slices that name the Service, in no order; also those of a Service that is not there. */
  slices(key: string): readonly KubeEndpointSlice[];
}

export function createStore(): Store {
  const services = new Map<string, KubeService>();
  const slices = new Map<string, KubeEndpointSlice>();
  /** Keys of slices by key of their Service. */
  const byService = new Map<string, Set<string>>();

  const ownerOf = ({ namespace, serviceName }: KubeEndpointSlice) => `${namespace}/${serviceName}`;
  const drop = (key: string, touched: Set<string>) => {
    const known = slices.get(key);
    if (known === undefined) return;
    const owner = ownerOf(known);
    touched.add(owner);
    slices.delete(key);
    const siblings = byService.get(owner);
    siblings?.delete(key);
    if (siblings?.size === 0) byService.delete(owner);
  };

  return {
    takeServices(changes) {
      for (const [key, service] of changes) {
        if (service === undefined) services.delete(key);
        else services.set(key, service);
      }
      return new Set(changes.keys());
    },
    takeSlices(changes) {
      const touched = new Set<string>();
      for (const [key, slice] of changes) {
        // A slice may be given to another Service by its label.
        drop(key, touched);
        if (slice === undefined) continue;
        const owner = ownerOf(slice);
        touched.add(owner);
        slices.set(key, slice);
        const siblings = byService.get(owner) ?? new Set();
        byService.set(owner, siblings.add(key));
      }
      return touched;
    },
    keys: () => new Set(services.keys()),
    service: (key) => services.get(key),
    slices: (key) => [...(byService.get(key) ?? [])].flatMap((slice) => slices.get(slice) ?? []),
  };
}
