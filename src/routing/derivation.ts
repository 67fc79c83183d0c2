/** Keeps derived services current: after a change only what is made of it is made anew. */
import type { CatalogChange, CatalogService } from "../catalog/types.ts";
import { type ServiceId, type ServiceKey, serviceId } from "../model/service.ts";
import { composed, mirrorsOf, partsOf } from "./derived.ts";
import { createOverlay } from "./overlay.ts";
import type { ServicePolicy, TrafficPolicy } from "./policy.ts";

type Services = CatalogChange["services"];

export interface Derivation {
  /** The catalog with what is derived in it, and all that differs from before. */
  follow(
    services: Services,
    changed: Iterable<ServiceId>,
  ): { readonly services: Services; readonly changed: ReadonlySet<ServiceId> };
  /** Under other policies; everything may differ. */
  configure(traffic: TrafficPolicy): void;
  /**
   * The policy of any service, derived ones included: a mirror has that of what it mirrors, without any preference. Another
   * function after `configure`.
   */
  readonly policyOf: (service: ServiceKey) => ServicePolicy;
  /** Whether anything is derived now. */
  readonly active: boolean;
}

export function createDerivation(initial: TrafficPolicy): Derivation {
  let traffic = initial;
  /** What is derived now, in place of or beside what the registries name. */
  let derived = new Map<ServiceId, CatalogService>();
  /** Whose parts a service is. */
  const usedBy = new Map<ServiceId, Set<ServiceId>>();
  const mirrors = new Map<ServiceId, readonly ServiceId[]>();
  let mirrorPolicies = new Map<ServiceId, ServicePolicy>();
  let policyOf = initial.policyOf;
  const bind = () => {
    const [policies, base] = [new Map<ServiceId, ServicePolicy>(), traffic.policyOf];
    mirrorPolicies = policies;
    policyOf = (service) => policies.get(serviceId(service)) ?? base(service);
  };
  bind();

  const compose = (key: ServiceKey, services: Services): CatalogService | undefined => {
    const parts = partsOf(key, traffic.policyOf(key));
    if (parts === undefined) return undefined;
    for (const part of parts) {
      const id = serviceId(part.key);
      usedBy.set(id, (usedBy.get(id) ?? new Set()).add(serviceId(key)));
    }
    return composed(key, parts, services);
  };

  return {
    follow(services, changed) {
      const touched = new Map<ServiceId, ServiceKey>();
      for (const id of changed)
        for (const one of [id, ...(usedBy.get(id) ?? [])]) touched.set(one, keyOf(one, services, derived));
      for (const key of traffic.aliases ?? []) if (!derived.has(serviceId(key))) touched.set(serviceId(key), key);
      const told = new Set(changed);
      const next = new Map(derived);
      const set = (id: ServiceId, service: CatalogService | undefined) => {
        if (service === undefined && !next.has(id)) return;
        if (service === undefined) next.delete(id);
        else next.set(id, service);
        told.add(id);
      };
      for (const [id, key] of touched) {
        set(id, compose(key, services));
        const whole = next.get(id) ?? services.get(id);
        const policy = traffic.policyOf(key);
        // A real service of that name stays what it is.
        const made =
          whole === undefined || policy.mirrors !== true ? [] : mirrorsOf(whole).filter((one) => !services.has(one.id));
        const before = mirrors.get(id) ?? [];
        for (const old of before.filter((one) => !made.some((mirror) => mirror.id === one))) {
          set(old, undefined);
          mirrorPolicies.delete(old);
        }
        for (const mirror of made) {
          mirrorPolicies.set(mirror.id, mirrorPolicy(mirror.key, policy, traffic));
          set(mirror.id, mirror);
        }
        if (made.length > 0)
          mirrors.set(
            id,
            made.map((one) => one.id),
          );
        else mirrors.delete(id);
      }
      derived = next;
      return { services: derived.size === 0 ? services : createOverlay(services, derived), changed: told };
    },
    configure(next) {
      traffic = next;
      derived = new Map();
      for (const map of [usedBy, mirrors]) map.clear();
      bind();
    },
    get policyOf() {
      return policyOf;
    },
    get active() {
      return derived.size > 0;
    },
  };
}

function keyOf(id: ServiceId, services: Services, derived: ReadonlyMap<ServiceId, CatalogService>): ServiceKey {
  const known = services.get(id) ?? derived.get(id);
  if (known !== undefined) return known.key;
  const slash = id.indexOf("/");
  return { namespace: id.slice(0, slash), name: id.slice(slash + 1) };
}

/** Its own where the configuration writes its name out. */
function mirrorPolicy(key: ServiceKey, of: ServicePolicy, { policyOf }: TrafficPolicy): ServicePolicy {
  const own = policyOf(key);
  if (own.match === serviceId(key)) return own;
  const { redirect: _, union: _union, backups: _backups, mirrors: _mirrors, ...rest } = of;
  return { ...rest, failover: undefined, affinity: undefined, distribute: undefined };
}
