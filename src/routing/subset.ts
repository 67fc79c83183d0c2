/** Some instances of a service, chosen by their labels: what a route leads to that asks for more than a name. Pure. */
import type { CatalogService } from "../catalog/types.ts";

/** Values by label key; all must fit. */
export type LabelSelection = Readonly<Record<string, string>>;

/**
 * The service with those instances alone that carry the labels. Instances of other networks are left out: they are reached
 * through gateways, which choose among all instances of the service.
 */
export function subsetOf(service: CatalogService, labels: LabelSelection, network: string): CatalogService {
  const instances = service.instances.filter((instance) => instance.network === network && fitsLabels(instance.labels, labels));
  return { ...service, instances };
}

/** A label that is a list, separated by commas as Dubbo's methods are, fits when one of its items is the value. */
export function fitsLabels(labels: Readonly<Record<string, string>>, wanted: LabelSelection): boolean {
  return Object.entries(wanted).every(([key, value]) => {
    const given = Object.hasOwn(labels, key) ? labels[key] : undefined;
    return given === value || given?.split(",").includes(value) === true;
  });
}
