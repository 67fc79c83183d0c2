/**
 * Services that the policies make of others: a name for each cluster (`web-eu-2`), another service in place of one, others
 * behind one for when it fails, one name for several. Their instances remember whose they are, since that decides who may
 * be told of them, by which name a gateway knows them and which certificate they show. Pure.
 */
import type { CatalogInstance, CatalogService } from "../catalog/types.ts";
import type { Condition } from "../model/condition.ts";
import { type ServiceId, type ServiceKey, type ServicePort, serviceId } from "../model/service.ts";
import { sourceName } from "../model/source.ts";
import type { ServicePolicy } from "./policy.ts";
import { selectPort } from "./ports.ts";

type Services = ReadonlyMap<ServiceId, CatalogService>;
export type DerivingPolicy = Pick<ServicePolicy, "redirect" | "union" | "backups" | "mirrors">;

interface Part {
  readonly key: ServiceKey;
  /** Only its instances in this cluster; undefined: all. */
  readonly cluster: string | undefined;
  /** Those of a higher one come after all of a lower one. */
  readonly order: number;
}

/** What a service is made of, as its policy says; undefined: of itself alone. Does not depend on what there is. */
export function partsOf(key: ServiceKey, { redirect, union, backups }: DerivingPolicy): readonly Part[] | undefined {
  if (redirect !== undefined) return [{ key: redirect.service, cluster: redirect.cluster, order: 0 }];
  if (union !== undefined) return union.map((one) => ({ key: one, cluster: undefined, order: 0 }));
  if (backups === undefined || backups.length === 0) return undefined;
  const all = [key, ...backups.filter((one) => serviceId(one) !== serviceId(key))];
  return all.map((one, order) => ({ key: one, cluster: undefined, order }));
}

/** The service as its parts make it; undefined when there is none of them, nor the service itself. */
export function composed(key: ServiceKey, parts: readonly Part[], services: Services): CatalogService | undefined {
  const original = services.get(serviceId(key));
  const found = parts.flatMap((part) => {
    const service = services.get(serviceId(part.key));
    return service === undefined ? [] : [{ part, service }];
  });
  const [first] = found;
  if (first === undefined) return original && { ...original, derived: { of: parts.map((one) => one.key), original } };
  const ports = original?.ports ?? first.service.ports;
  const instances = found.flatMap(({ part, service }) => {
    const chosen =
      part.cluster === undefined ? service.instances : service.instances.filter(({ cluster }) => cluster === part.cluster);
    if (service === original && part.cluster === undefined) return chosen;
    return chosen.map((instance) => borrowed(instance, part, { ports, service }));
  });
  const missing = parts.filter((part) => !services.has(serviceId(part.key)));
  return {
    id: serviceId(key),
    key,
    ports,
    labels: original?.labels ?? {},
    instances,
    sources: [...new Map(found.flatMap(({ service }) => service.sources).map((one) => [sourceName(one), one])).values()],
    conditions: [...(original?.conditions ?? []), ...missing.map((part) => notThere(key, part))],
    derived: { of: parts.map((one) => one.key), original },
    ...(original?.hosts !== undefined && { hosts: original.hosts }),
  };
}

/** A name for each cluster that the service has instances in: `<name>-<cluster>`, as Linkerd calls mirrors. Backups do not count. */
export function mirrorsOf(service: CatalogService): readonly CatalogService[] {
  const { key, ports, labels, conditions, derived } = service;
  const instances = service.instances.filter(({ origin }) => (origin?.order ?? 0) === 0);
  const clusters = [...new Set(instances.map(({ cluster }) => cluster))].sort();
  return clusters.map((cluster) => {
    const mirror: ServiceKey = { namespace: key.namespace, name: `${key.name}-${cluster}` };
    const part: Part = { key, cluster, order: 0 };
    const own = instances.filter((one) => one.cluster === cluster);
    const names = new Set(own.map(({ source }) => sourceName(source)));
    return {
      ...{ id: serviceId(mirror), key: mirror, ports, labels, conditions },
      instances: own.map((instance) =>
        instance.origin === undefined
          ? borrowed(instance, part, { ports, service })
          : { ...instance, origin: { ...instance.origin, cluster } },
      ),
      sources: service.sources.filter((one) => names.has(sourceName(one))),
      derived: { of: derived?.of ?? [key], original: undefined },
    };
  });
}

interface Borrowing {
  readonly ports: readonly ServicePort[];
  readonly service: CatalogService;
}

/** With the ports called as the service that borrows it calls them. */
function borrowed(instance: CatalogInstance, { key, cluster, order }: Part, { ports, service }: Borrowing): CatalogInstance {
  const dialled = ports.flatMap(({ name, port }) => {
    const theirs = service.ports.find((one) => one.name === name) ?? selectPort(service.ports, port) ?? onlyOf(service.ports);
    const number = theirs === undefined ? undefined : instance.ports[theirs.name];
    return theirs === undefined || number === undefined ? [] : [{ name, theirs, number }];
  });
  return {
    ...instance,
    ports: Object.fromEntries(dialled.map(({ name, number }) => [name, number])),
    origin: { key, cluster, order, ports: Object.fromEntries(dialled.map(({ name, theirs }) => [name, theirs])) },
  };
}

function onlyOf(ports: readonly ServicePort[]): ServicePort | undefined {
  return ports.length === 1 ? ports[0] : undefined;
}

function notThere(key: ServiceKey, part: Part): Condition {
  const message = `${serviceId(key)} is made of ${serviceId(part.key)}, which no registry names`;
  return { type: "UnknownService", reason: "NotInCatalog", message };
}
