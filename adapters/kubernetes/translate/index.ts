/**
 * One Kubernetes Service and its EndpointSlices as groups. Pure: it never throws, whatever the objects hold, and its result
 * does not hang on the order of slices or endpoints. Slices that Multi-Cluster Services imported have another label and
 * must not be among those given.
 */
import type { Group } from "../../../src/model/group.ts";
import type { Rejection } from "../../../src/registry/adapter.ts";
import type { KubeEndpointSlice, KubeService } from "../objects.ts";
import { mergeSlices } from "./endpoints.ts";
import { externalInstances } from "./external-name.ts";
import { chooseFamilies } from "./family.ts";
import { podGroups } from "./headless.ts";
import { trafficDistribution } from "./hints.ts";
import { instancesOf } from "./instances.ts";
import { groupLabels } from "./labels.ts";
import { readPorts } from "./ports.ts";
import { createRejections } from "./rejections.ts";
import type { ServiceReading, TranslateContext } from "./types.ts";

export type { Family, FamilyPreference, ServiceReading, TranslateContext } from "./types.ts";

/** The scope of a Service's own group: `<cluster>/<namespace>/<name>`, in Kubernetes' names. */
function scopeOf(cluster: string, { namespace, name }: Pick<KubeService, "namespace" | "name">): string {
  return `${cluster}/${namespace}/${name}`;
}

/** `slices`: all that name the Service, in whatever order. */
export function translateService(
  service: KubeService,
  slices: readonly KubeEndpointSlice[],
  context: TranslateContext,
): ServiceReading {
  const rejections = createRejections();
  const ports = readPorts(service, slices, { defaultProtocol: context.defaultProtocol, rejections });
  const whole: Group = {
    source: { registry: context.registry, scope: scopeOf(context.cluster, service) },
    service: { namespace: context.namespaces.get(service.namespace) ?? service.namespace, name: service.name },
    ports: ports.ports,
    labels: groupLabels(service, trafficDistribution(service, rejections)),
    instances: [],
  };
  if (service.type === "ExternalName") {
    const group = { ...whole, instances: externalInstances(service, ports.ports, { context, rejections }) };
    return { groups: [group], rejected: rejectedOf(whole, rejections.list()), externalName: service.externalName || undefined };
  }
  const merged = mergeSlices(slices, { ports, publishNotReady: service.publishNotReadyAddresses, rejections });
  const instances = instancesOf(chooseFamilies(merged, context.family), context);
  const group = { ...whole, instances: [...instances.values()] };
  const pods = service.headless && context.headlessPods ? podGroups(whole, instances) : [];
  return { groups: [group, ...pods], rejected: rejectedOf(whole, rejections.list()), externalName: undefined };
}

/** All that is left out is told of the Service's own group: a Pod's has nothing that is not there too. */
function rejectedOf({ source }: Group, list: readonly Rejection[]): ReadonlyMap<string, readonly Rejection[]> {
  return list.length === 0 ? new Map() : new Map([[source.scope, list]]);
}
