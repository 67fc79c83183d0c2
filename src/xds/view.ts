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
import { NO_SECRETS, type SecretSource } from "./secret-source.ts";
import { createSecretUses } from "./secret-uses.ts";
import type { Shared } from "./sharing.ts";
import { createTables, type WritableTables } from "./table.ts";
import { clusterResource } from "./translate/clusters.ts";
import { endpointsResource } from "./translate/endpoints.ts";
import { gatewayShape, type Shape } from "./translate/gateway.ts";
import { grpcListeners } from "./translate/grpc.ts";
import { sidecarShape } from "./translate/sidecar.ts";
import type { Resource, ResourceRef } from "./types.ts";
import type { InputChange, PolicedServices, ViewInputs } from "./view-inputs.ts";

export interface View {
  readonly client: Client;
  readonly tables: WritableTables;
  /** What could not be made as it was asked for. */
  readonly conditions: readonly Condition[];
  /** Makes anew what the change of its inputs touches. Returns whether anything a client sees has changed. */
  update(change: InputChange): boolean;
  /** Takes the secrets' newest content. Returns whether anything a client sees has changed. */
  updateSecrets(): boolean;
  /** It is not to be updated any more: what it has in common with others is theirs alone. */
  close(): void;
}

/** `inputs`: read when the view is made and at each update. */
export function createView(client: Client, inputs: ViewInputs, secretSource: SecretSource = NO_SECRETS): View {
  if (client.role === "eastWest") return createEastWestView(client, inputs);
  const shared = inputs.share(client);
  const tables = createTables();
  const madeOf = new Map<ServiceId, readonly Resource[]>();
  /** Empty for other roles: their listeners are not named after services. */
  const claims = createHostClaims();
  const secrets = createSecretUses(tables, client, secretSource);
  let shaped: ReadonlySet<Resource> = new Set();
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
    const { services, traffic } = inputs;
    const before: ResourceRef[] = [];
    const now: Resource[] = [];
    for (const id of ids) {
      const service = services.get(id);
      const usedPorts = used === undefined ? undefined : (used.get(id) ?? NONE);
      const made =
        service === undefined ? [] : serviceResources(service, { client, traffic, shared, usedPorts, dialled: claims.owns(id) });
      before.push(...(madeOf.get(id) ?? []));
      now.push(...made);
      if (made.length === 0) madeOf.delete(id);
      else madeOf.set(id, made);
    }
    return replace(before, now);
  };

  const updateShape = (): boolean => {
    const shape = shapeOf(client, inputs, shared);
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

  /** Those whose right to a host name may have changed by it, too. */
  const withClaims = (ids: Iterable<ServiceId>): Set<ServiceId> => {
    const touched = new Set(ids);
    if (client.role !== "grpc") return touched;
    for (const id of ids) {
      const service = inputs.services.get(id);
      const host = service === undefined ? undefined : hostName(service.key, inputs.traffic.domain);
      for (const other of claims.set(id, host)) touched.add(other);
    }
    return touched;
  };

  const apply = ({ services: ids, shape }: Pick<InputChange, "services" | "shape">): boolean => {
    const { services, traffic } = inputs;
    const touched = withClaims(ids);
    const used = client.role === "gateway" ? usedBy(gatewayOf(client, traffic), services) : undefined;
    // A service that appears or loses a port may change which ports of others a gateway uses: look at all of those too.
    if (used !== undefined && shape) for (const id of [...used.keys(), ...madeOf.keys()]) touched.add(id);
    // Clusters and endpoints before what refers to them, and their removals after: streams do the latter by themselves.
    const changed = updateServices(touched, used);
    const shapeChanged = shape && updateShape();
    return secrets.update() || shapeChanged || changed;
  };

  apply({ services: new Set(inputs.services.keys()), shape: true });
  return {
    client,
    tables,
    get conditions() {
      return conditions;
    },
    update: apply,
    updateSecrets: () => secrets.update(),
    close: () => inputs.release(client),
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

interface ServiceContext {
  readonly client: Client;
  readonly traffic: TrafficPolicy;
  readonly shared: Shared;
  /** The ports a gateway's routes use; undefined: all. */
  readonly usedPorts: Uses | undefined;
  /** Whether the service's host name is its own for gRPC clients. */
  readonly dialled: boolean;
}

function serviceResources(service: CatalogService, context: ServiceContext): readonly Resource[] {
  const { client, traffic, shared, usedPorts, dialled } = context;
  const { key } = service;
  const policy = traffic.policyOf(key);
  const uses = usedPorts === undefined ? service.ports.map((port) => ({ port, labels: undefined })) : [...usedPorts.values()];
  const resources: Resource[] = [];
  for (const { port, labels } of uses)
    for (const { name, first } of namesOf(service, port.name, policy, labels)) {
      const { role } = client;
      const { mtls } = traffic;
      const identities = service.derived?.of;
      const cluster = () => clusterResource({ service: key, port, policy, role, labels, name, mtls, identities });
      const endpoints = () => endpointsResource({ service, port, policy, client, traffic, labels, name, first });
      resources.push(shared.clusters.get(service, policy, name, cluster), shared.endpoints.get(service, policy, name, endpoints));
    }
  if (client.role === "grpc" && dialled) resources.push(...grpcListeners(service, traffic.domain));
  // A copy has no room for more: it is kept.
  return resources.slice();
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

function shapeOf(client: Client, { services, outlines, traffic }: ViewInputs, { sidecar }: Shared): Shape {
  if (client.role === "grpc") return { resources: [], conditions: [] };
  if (client.role === "sidecar") return sidecarShape(outlines, client, traffic, sidecar);
  const gateway = gatewayOf(client, traffic);
  if (gateway !== undefined) return gatewayShape(gateway, { services, policyOf: traffic.policyOf });
  const message = `no gateway is called "${client.gateway}" in the configuration`;
  return { resources: [], conditions: [{ type: "ListenerConflict", reason: "UnknownGateway", message }] };
}

function gatewayOf({ gateway }: Client, { gateways }: TrafficPolicy): GatewaySpec | undefined {
  return gateways.find(({ name, kind }) => name === gateway && kind === "edge");
}

function usedBy(gateway: GatewaySpec | undefined, services: PolicedServices): UsedPorts {
  const used = new Map<ServiceId, Map<string, { readonly port: ServicePort; readonly labels: LabelSelection | undefined }>>();
  for (const { service, port, labels } of gateway?.routes.flatMap(({ backends }) => backends) ?? []) {
    const id = serviceId(service);
    const found = selectPort(services.get(id)?.ports ?? [], port);
    if (found === undefined) continue;
    used.set(id, (used.get(id) ?? new Map()).set(clusterName(service, found.name, labels), { port: found, labels }));
  }
  return used;
}
