/** What listeners and routes depend on of a service: endpoints come and go without it changing. Pure. */
import type { CatalogService } from "../catalog/types.ts";
import type { ServicePort } from "../model/service.ts";

export type ServiceOutline = Pick<CatalogService, "id" | "key" | "ports" | "hosts">;

/** Of its own: nothing of the service's instances stays with it. */
export function outlineOf({ id, key, ports, hosts }: ServiceOutline): ServiceOutline {
  return { id, key, ports, ...(hosts !== undefined && { hosts }) };
}

/** Of one service before and after. */
export function isSameOutline(before: ServiceOutline, after: ServiceOutline): boolean {
  return isSameList(before.ports, after.ports, isSamePort) && isSameList(before.hosts ?? [], after.hosts ?? [], Object.is);
}

function isSamePort(a: ServicePort, b: ServicePort): boolean {
  return a.name === b.name && a.port === b.port && a.protocol === b.protocol;
}

function isSameList<T>(a: readonly T[], b: readonly T[], isSame: (a: T, b: T) => boolean): boolean {
  return a === b || (a.length === b.length && a.every((one, at) => isSame(one, b[at] as T)));
}
