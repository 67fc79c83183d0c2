/**
 * One view: what all clients of one kind see, kept current. A change of a service makes its clusters and endpoints
 * anew; listeners and routes are made anew only when the shape of a service (its ports, its being there) or the policy
 * changed. Everything is encoded once and shared by the view's streams.
 */
import type { CatalogService } from "../catalog/types.ts";
import type { Condition } from "../model/condition.ts";
import { type ServiceId, type ServicePort, serviceId } from "../model/service.ts";
import type { Client } from "../routing/client.ts";
import { hostName } from "../routing/host-name.ts";
import type { GatewaySpec, ServicePolicy, TrafficPolicy } from "../routing/policy.ts";
import { selectPort } from "../routing/ports.ts";
import type { LabelSelection } from "../routing/subset.ts";
import { createEastWestView } from "./east-west-view.ts";
import { createHostClaims } from "./host-claims.ts";
import { clusterName, shareName } from "./names.ts";
import type { PolicyChange } from "./policy-change.ts";
import { NO_SECRETS, type SecretSource } from "./secret-source.ts";
import { createSecretUses } from "./secret-uses.ts";
import { createTables, type WritableTables } from "./table.ts";
import { clusterResource } from "./translate/clusters.ts";
import { endpointsResource } from "./translate/endpoints.ts";
import { gatewayShape, type Shape } from "./translate/gateway.ts";
import { grpcListeners } from "./translate/grpc.ts";
import { createSidecarMemo, type SidecarMemo, sidecarShape } from "./translate/sidecar.ts";
import type { Resource, ResourceRef } from "./types.ts";

export interface View {
  readonly client: Client;
  readonly tables: WritableTables;
  /** What could not be made as it was asked for. */
  readonly conditions: readonly Condition[];
  /** Makes anew what the changed services touch. Returns whether anything a client sees has changed. */
  update(services: ReadonlyMap<ServiceId, CatalogService>, changed: Iterable<ServiceId>): boolean;
  /** Makes anew under another policy what `change` names; undefined: everything. Returns whether a client sees a difference. */
  rebuild(services: ReadonlyMap<ServiceId, CatalogService>, traffic: TrafficPolicy, change: PolicyChange | undefined): boolean;
  /** Takes the secrets' newest content. Returns whether anything a client sees has changed. */
  updateSecrets(): boolean;
}

export function createView(
  client: Client,
  services: ReadonlyMap<ServiceId, CatalogService>,
  initial: TrafficPolicy,
  secretSource: SecretSource = NO_SECRETS,
): View {
  if (client.role === "eastWest") return createEastWestView(client, services, initial);
  let traffic = initial;
  const tables = createTables();
  /** Services with the policy's protocol applied to their ports: what translation sees. */
  const effective = new Map<ServiceId, CatalogService>();
  const madeOf = new Map<ServiceId, readonly ResourceRef[]>();
  /** Empty for other roles: their listeners are not named after services. */
  const claims = createHostClaims();
  const secrets = createSecretUses(tables, client, secretSource);
  let shaped: ReadonlySet<Resource> = new Set();
  let memo = createSidecarMemo();
  let conditions: readonly Condition[] = [];

  /** Sets what is there now and deletes what was there before; returns whether anything changed. */
  const replace = (before: readonly ResourceRef[], now: readonly Resource[]): boolean => {
    let changed = false;
    for (const resource of now) {
      const table = tables.table(resource.typeUrl);
      secrets.replaced(table.get(resource.name), resource);
      changed = table.set(resource) || changed;
    }
    for (const { typeUrl, name } of goneOf(before, now)) {
      const table = tables.table(typeUrl);
      secrets.replaced(table.get(name), undefined);
      changed = table.delete(name) || changed;
    }
    return changed;
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
    const shape = shapeOf(client, effective, traffic, memo);
    conditions = [...shape.conditions, ...claims.conditions()];
    const before = shaped;
    const now = new Set(shape.resources);
    shaped = now;
    // Most are the very ones of before where a sidecar has thousands of them.
    return replace(
      [...before].filter((one) => !now.has(one)),
      [...now].filter((one) => !before.has(one)),
    );
  };

  const apply = (current: ReadonlyMap<ServiceId, CatalogService>, ids: Iterable<ServiceId>, reshape: boolean): boolean => {
    let reshaped = reshape;
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
    const shapeChanged = reshaped && updateShape();
    return secrets.update() || shapeChanged || changed;
  };

  apply(services, services.keys(), true);
  return {
    client,
    tables,
    get conditions() {
      return conditions;
    },
    update: (current, changed) => apply(current, changed, false),
    updateSecrets: () => secrets.update(),
    rebuild(current, next, change) {
      traffic = next;
      memo = createSidecarMemo();
      if (change !== undefined) return apply(current, change.services, change.shape);
      return apply(current, new Set([...current.keys(), ...effective.keys()]), true);
    },
  };
}

/** Those of `before` that nothing of `now` takes the place of. */
function goneOf(before: readonly ResourceRef[], now: readonly Resource[]): readonly ResourceRef[] {
  if (before.length === 0) return before;
  const kept = new Set(now.map(({ typeUrl, name }) => `${typeUrl} ${name}`));
  return before.filter(({ typeUrl, name }) => !kept.has(`${typeUrl} ${name}`));
}

const NONE: Uses = new Map();

/** The ports, by service, that a gateway's routes lead to, and for which of its instances; by the cluster's name. */
type UsedPorts = ReadonlyMap<ServiceId, Uses>;
type Uses = ReadonlyMap<string, { readonly port: ServicePort; readonly labels: LabelSelection | undefined }>;

/** What listeners and routes depend on: endpoints come and go without it changing. */
function shapeKey(service: CatalogService | undefined): string {
  return service === undefined
    ? ""
    : JSON.stringify([service.ports.map(({ name, port, protocol }) => [name, port, protocol]), service.hosts]);
}

function withPolicy(service: CatalogService, { protocol }: ServicePolicy): CatalogService {
  if (protocol === undefined) return service;
  return { ...service, ports: service.ports.map((port) => ({ ...port, protocol })) };
}

interface ServiceContext {
  readonly client: Client;
  readonly traffic: TrafficPolicy;
  /** The ports a gateway's routes use; undefined: all. */
  readonly usedPorts: Uses | undefined;
  /** Whether the service's host name is its own for gRPC clients. */
  readonly dialled: boolean;
}

function serviceResources(service: CatalogService, { client, traffic, usedPorts, dialled }: ServiceContext): readonly Resource[] {
  const policy = traffic.policyOf(service.key);
  const uses = usedPorts === undefined ? service.ports.map((port) => ({ port, labels: undefined })) : [...usedPorts.values()];
  const resources = uses.flatMap(({ port, labels }) =>
    namesOf(service, port.name, policy, labels).flatMap(({ name, first }) => [
      clusterResource({
        service: service.key,
        port,
        policy,
        role: client.role,
        labels,
        name,
        mtls: traffic.mtls,
        identities: service.derived?.of,
      }),
      endpointsResource({ service, port, policy, client, traffic, labels, name, first }),
    ]),
  );
  return client.role === "grpc" && dialled ? [...resources, ...grpcListeners(service, traffic.domain)] : resources;
}

/**
 * The port itself, or those of its instances that have the labels, and, of a service that is distributed, a view of it for
 * each share.
 */
function namesOf({ key }: CatalogService, port: string, { distribute }: ServicePolicy, labels: LabelSelection | undefined) {
  const whole: { readonly name: string; readonly first: string | undefined } = {
    name: clusterName(key, port, labels),
    first: undefined,
  };
  if (labels !== undefined) return [whole];
  const shares = Object.entries(distribute ?? {}).filter(([, share]) => share > 0);
  return [whole, ...shares.map(([first]) => ({ name: shareName(key, port, first), first }))];
}

function shapeOf(
  client: Client,
  services: ReadonlyMap<ServiceId, CatalogService>,
  traffic: TrafficPolicy,
  memo: SidecarMemo,
): Shape {
  if (client.role === "grpc") return { resources: [], conditions: [] };
  if (client.role === "sidecar") {
    const sorted = [...services.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
    return sidecarShape(sorted, client, traffic, memo);
  }
  const gateway = gatewayOf(client, traffic);
  if (gateway !== undefined) return gatewayShape(gateway, { services, policyOf: traffic.policyOf });
  const message = `no gateway is called "${client.gateway}" in the configuration`;
  return { resources: [], conditions: [{ type: "ListenerConflict", reason: "UnknownGateway", message }] };
}

function gatewayOf({ gateway }: Client, { gateways }: TrafficPolicy): GatewaySpec | undefined {
  return gateways.find(({ name, kind }) => name === gateway && kind === "edge");
}

function usedBy(gateway: GatewaySpec | undefined, services: ReadonlyMap<ServiceId, CatalogService>): UsedPorts {
  const used = new Map<ServiceId, Map<string, { readonly port: ServicePort; readonly labels: LabelSelection | undefined }>>();
  for (const { service, port, labels } of gateway?.routes.flatMap(({ backends }) => backends) ?? []) {
    const id = serviceId(service);
    const found = selectPort(services.get(id)?.ports ?? [], port);
    if (found === undefined) continue;
    used.set(id, (used.get(id) ?? new Map()).set(clusterName(service, found.name, labels), { port: found, labels }));
  }
  return used;
}
