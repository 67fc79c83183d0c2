/**
 * One view: what all clients of one kind see, kept current. A change of a service makes its clusters and endpoints
 * anew; listeners and routes are made anew only when the shape of a service (its ports, its being there) or the policy
 * changed. Everything is encoded once and shared by the view's streams.
 */
import type { CatalogService } from "../catalog/types.ts";
import type { Condition } from "../model/condition.ts";
import { type ServiceId, serviceId } from "../model/service.ts";
import type { Client } from "../routing/client.ts";
import type { GatewaySpec, ServicePolicy, TrafficPolicy } from "../routing/policy.ts";
import { selectPort } from "../routing/ports.ts";
import { createHostClaims } from "./host-claims.ts";
import { hostName } from "./names.ts";
import { createTables, type WritableTables } from "./table.ts";
import { clusterResource } from "./translate/clusters.ts";
import { endpointsResource } from "./translate/endpoints.ts";
import { gatewayShape, type Shape } from "./translate/gateway.ts";
import { grpcListeners } from "./translate/grpc.ts";
import { sidecarShape } from "./translate/sidecar.ts";
import type { Resource, ResourceRef } from "./types.ts";

export interface View {
  readonly client: Client;
  readonly tables: WritableTables;
  /** What could not be made as it was asked for. */
  readonly conditions: readonly Condition[];
  /** Makes anew what the changed services touch. Returns whether anything a client sees has changed. */
  update(services: ReadonlyMap<ServiceId, CatalogService>, changed: Iterable<ServiceId>): boolean;
  /** Makes everything anew under another policy. */
  rebuild(services: ReadonlyMap<ServiceId, CatalogService>, traffic: TrafficPolicy): boolean;
}

export function createView(client: Client, services: ReadonlyMap<ServiceId, CatalogService>, initial: TrafficPolicy): View {
  let traffic = initial;
  const tables = createTables();
  /** Services with the policy's protocol applied to their ports: what translation sees. */
  const effective = new Map<ServiceId, CatalogService>();
  const madeOf = new Map<ServiceId, readonly ResourceRef[]>();
  /** Empty for other roles: their listeners are not named after services. */
  const claims = createHostClaims();
  let shapeRefs: readonly ResourceRef[] = [];
  let conditions: readonly Condition[] = [];

  /** Sets what is there now and deletes what was there before; returns whether anything changed. */
  const replace = (before: readonly ResourceRef[], now: readonly Resource[]): boolean => {
    const kept = new Set(now.map(({ typeUrl, name }) => `${typeUrl} ${name}`));
    const gone = before.filter(({ typeUrl, name }) => !kept.has(`${typeUrl} ${name}`));
    const set = now.map((resource) => tables.table(resource.typeUrl).set(resource));
    const deleted = gone.map(({ typeUrl, name }) => tables.table(typeUrl).delete(name));
    return [...set, ...deleted].some(Boolean);
  };

  /** All at once, so that a name that passes from one service to another is not deleted on the way. */
  const updateServices = (ids: Iterable<ServiceId>, used: UsedPorts | undefined): boolean => {
    const before: ResourceRef[] = [];
    const now: Resource[] = [];
    for (const id of ids) {
      const service = effective.get(id);
      const usedPorts = used === undefined ? undefined : (used.get(id) ?? NONE);
      const made =
        service === undefined ? [] : serviceResources(service, { client, traffic, usedPorts, dialled: claims.owns(id) });
      before.push(...(madeOf.get(id) ?? []));
      now.push(...made);
      const refs = made.map(({ typeUrl, name }) => ({ typeUrl, name }));
      if (refs.length === 0) madeOf.delete(id);
      else madeOf.set(id, refs);
    }
    return replace(before, now);
  };

  const updateShape = (): boolean => {
    const shape = shapeOf(client, effective, traffic);
    conditions = [...shape.conditions, ...claims.conditions()];
    const changed = replace(shapeRefs, shape.resources);
    shapeRefs = shape.resources.map(({ typeUrl, name }) => ({ typeUrl, name }));
    return changed;
  };

  const apply = (current: ReadonlyMap<ServiceId, CatalogService>, ids: Iterable<ServiceId>, everything: boolean): boolean => {
    let reshaped = everything;
    const touched = new Set(ids);
    for (const id of touched) {
      const service = current.get(id);
      const next = service === undefined ? undefined : withPolicy(service, traffic.policyOf(service.key));
      if (!reshaped) reshaped = shapeKey(effective.get(id)) !== shapeKey(next);
      if (next === undefined) effective.delete(id);
      else effective.set(id, next);
      const host = client.role === "grpc" && next !== undefined ? hostName(next.key, traffic.domain) : undefined;
      for (const other of claims.set(id, host)) touched.add(other);
    }
    const used = client.role === "gateway" ? usedBy(gatewayOf(client, traffic), effective) : undefined;
    // A service that appears or loses a port may change which ports of others a gateway uses: look at all of those too.
    if (used !== undefined && reshaped) for (const id of [...used.keys(), ...madeOf.keys()]) touched.add(id);
    // Clusters and endpoints before what refers to them, and their removals after: streams do the latter by themselves.
    const changed = updateServices(touched, used);
    return (reshaped && updateShape()) || changed;
  };

  apply(services, services.keys(), true);
  return {
    client,
    tables,
    get conditions() {
      return conditions;
    },
    update: (current, changed) => apply(current, changed, false),
    rebuild(current, next) {
      traffic = next;
      return apply(current, new Set([...current.keys(), ...effective.keys()]), true);
    },
  };
}

const NONE: ReadonlySet<string> = new Set();

/** The ports, by service, that a gateway's routes lead to. */
type UsedPorts = ReadonlyMap<ServiceId, ReadonlySet<string>>;

/** What listeners and routes depend on: endpoints come and go without it changing. */
function shapeKey(service: CatalogService | undefined): string {
  return service === undefined ? "" : JSON.stringify(service.ports.map(({ name, port, protocol }) => [name, port, protocol]));
}

function withPolicy(service: CatalogService, { protocol }: ServicePolicy): CatalogService {
  if (protocol === undefined) return service;
  return { ...service, ports: service.ports.map((port) => ({ ...port, protocol })) };
}

interface ServiceContext {
  readonly client: Client;
  readonly traffic: TrafficPolicy;
  /** The ports a gateway's routes use; undefined: all. */
  readonly usedPorts: ReadonlySet<string> | undefined;
  /** Whether the service's host name is its own for gRPC clients. */
  readonly dialled: boolean;
}

function serviceResources(service: CatalogService, { client, traffic, usedPorts, dialled }: ServiceContext): readonly Resource[] {
  const policy = traffic.policyOf(service.key);
  const ports = service.ports.filter(({ name }) => usedPorts === undefined || usedPorts.has(name));
  const resources = ports.flatMap((port) => [
    clusterResource({ service: service.key, port, policy, role: client.role }),
    endpointsResource({ service, portName: port.name, policy, client }),
  ]);
  return client.role === "grpc" && dialled ? [...resources, ...grpcListeners(service, traffic.domain)] : resources;
}

function shapeOf(client: Client, services: ReadonlyMap<ServiceId, CatalogService>, traffic: TrafficPolicy): Shape {
  if (client.role === "grpc") return { resources: [], conditions: [] };
  if (client.role === "sidecar") {
    const sorted = [...services.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
    return sidecarShape(sorted, client, traffic);
  }
  const gateway = gatewayOf(client, traffic);
  if (gateway !== undefined) return gatewayShape(gateway, services);
  const message = `no gateway is called "${client.gateway}" in the configuration`;
  return { resources: [], conditions: [{ type: "ListenerConflict", reason: "UnknownGateway", message }] };
}

function gatewayOf({ gateway }: Client, { gateways }: TrafficPolicy): GatewaySpec | undefined {
  return gateways.find(({ name }) => name === gateway);
}

function usedBy(gateway: GatewaySpec | undefined, services: ReadonlyMap<ServiceId, CatalogService>): UsedPorts {
  const used = new Map<ServiceId, Set<string>>();
  for (const { service, port } of gateway?.routes.flatMap(({ backends }) => backends) ?? []) {
    const id = serviceId(service);
    const found = selectPort(services.get(id)?.ports ?? [], port);
    if (found !== undefined) used.set(id, (used.get(id) ?? new Set()).add(found.name));
  }
  return used;
}
