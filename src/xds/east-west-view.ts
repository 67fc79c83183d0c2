/**
 * The view of a gateway between networks: its listener, and for each server name that a gateway of this kind has asked
 * for a cluster of that very name. Nothing is made for a service before somebody connects to it. A name that means
 * nothing costs a look into the catalog once; then it is remembered, in bounds, so that it is answered without a look and
 * served as soon as it means something.
 */
import type { Condition } from "../model/condition.ts";
import { type ServiceId, serviceId } from "../model/service.ts";
import type { Client } from "../routing/client.ts";
import { NO_PREFERENCE } from "../routing/distance.ts";
import type { ServicePolicy, TrafficPolicy } from "../routing/policy.ts";
import { selectPort } from "../routing/ports.ts";
import { ofSubset } from "../routing/slice.ts";
import { type SniTarget, sniTargets } from "../routing/sni.ts";
import { createTables, type WritableTable, type WritableTables } from "./table.ts";
import { clusterResource } from "./translate/clusters.ts";
import { eastWestShape } from "./translate/east-west.ts";
import { endpointsResource } from "./translate/endpoints.ts";
import { type Resource, TYPE_URL, type TypeUrl } from "./types.ts";
import type { View } from "./view.ts";
import type { Services, ViewInputs } from "./view-inputs.ts";

/** As many names that mean nothing are remembered; beyond it the oldest is forgotten. */
const MAX_MISSED = 10_000;

export function createEastWestView(client: Client, inputs: ViewInputs): View {
  let conditions: readonly Condition[] = [];
  const tables = createTables();
  const clusters = tables.table(TYPE_URL.cluster);
  const endpoints = tables.table(TYPE_URL.endpoint);
  /** What each name that is served or was missed may mean: the services to look at when they change. */
  const meanings = new Map<string, readonly ServiceId[]>();
  const namesOf = new Map<ServiceId, Set<string>>();
  const missed = new Set<string>();

  const forget = (name: string) => {
    for (const id of meanings.get(name) ?? []) {
      const names = namesOf.get(id);
      names?.delete(name);
      if (names?.size === 0) namesOf.delete(id);
    }
    meanings.delete(name);
    missed.delete(name);
  };

  const remember = (name: string, targets: readonly SniTarget[]) => {
    const ids = [...new Set(targets.map(({ key }) => serviceId(key)))].slice(0, 8);
    meanings.set(name, ids);
    for (const id of ids) namesOf.set(id, (namesOf.get(id) ?? new Set()).add(name));
  };

  /** Makes what the name means now; returns whether anything changed. */
  const make = (name: string): boolean => {
    const targets = sniTargets(name, inputs.traffic.domain);
    if (!meanings.has(name)) remember(name, targets);
    const made = resourcesOf(name, targets, { client, services: inputs.catalog, traffic: inputs.traffic });
    if (made === undefined) {
      missed.add(name);
      const [oldest] = missed;
      if (missed.size > MAX_MISSED && oldest !== undefined) forget(oldest);
      return [clusters.delete(name), endpoints.delete(name)].some(Boolean);
    }
    missed.delete(name);
    return made.map((resource) => tables.table(resource.typeUrl).set(resource)).some(Boolean);
  };

  const makeOf = (ids: Iterable<ServiceId>): boolean => {
    const names = new Set<string>();
    for (const id of ids) for (const name of namesOf.get(id) ?? []) names.add(name);
    return [...names].map(make).some(Boolean);
  };

  const shape = (): boolean => {
    const { traffic } = inputs;
    const gateway = traffic.gateways.find(({ name, kind }) => name === client.gateway && kind === "eastWest");
    const made = gateway === undefined ? undefined : eastWestShape(gateway, client, traffic);
    conditions = made?.conditions ?? [unknownGateway(client)];
    return [TYPE_URL.listener, TYPE_URL.extension]
      .map((typeUrl) => replaceAll(tables.table(typeUrl), made?.resources ?? [], typeUrl))
      .some(Boolean);
  };

  const demanded = withDemand(tables, (name) => {
    if (!meanings.has(name)) make(name);
  });
  shape();
  return {
    client,
    tables: demanded,
    get conditions() {
      return conditions;
    },
    update({ services, everything }) {
      // Its listeners depend on networks and exports alone.
      if (!everything) return makeOf(services);
      const shaped = shape();
      return [...meanings.keys()].map(make).some(Boolean) || shaped;
    },
    // It opens no TLS, so it has no secret.
    updateSecrets: () => false,
    close: () => undefined,
  };
}

/** Makes the resources of its type all that the table has. */
function replaceAll(table: WritableTable, resources: readonly Resource[], typeUrl: TypeUrl): boolean {
  const now = resources.filter((one) => one.typeUrl === typeUrl);
  const kept = new Set(now.map(({ name }) => name));
  const gone = table
    .all()
    .filter(({ name }) => !kept.has(name))
    .map(({ name }) => table.delete(name));
  return [...now.map((resource) => table.set(resource)), ...gone].some(Boolean);
}

interface Surroundings {
  readonly client: Client;
  readonly services: Services;
  readonly traffic: TrafficPolicy;
}

/** The first meaning that is a service with that port, exported to somebody. */
function resourcesOf(name: string, targets: readonly SniTarget[], around: Surroundings): readonly Resource[] | undefined {
  for (const target of targets) {
    const made = resourcesFor(name, target, around);
    if (made !== undefined) return made;
  }
  return undefined;
}

function resourcesFor(
  name: string,
  { key, port: wanted, subset, via }: SniTarget,
  { client, services, traffic }: Surroundings,
): readonly Resource[] | undefined {
  // What the configuration makes of others is for those who call; a gateway leads to what runs here under its own name.
  const named = services.get(serviceId(key));
  const whole = named?.derived === undefined ? named : named.derived.original;
  const { scope, to } = traffic.topology.exportOf(key);
  const port = whole === undefined ? undefined : selectPort(whole.ports, wanted);
  if (whole === undefined || port === undefined || scope !== "listed" || to.size === 0) return undefined;
  const service = subset === undefined ? whole : ofSubset(whole, subset);
  if (service === undefined) return undefined;
  // Callers probe through the gateway; what is behind it is known from its registry.
  const policy: ServicePolicy = { ...traffic.policyOf(whole.key), ...NO_PREFERENCE, tls: "none", probe: undefined };
  const passTo = via === undefined || via === client.network ? undefined : via;
  return [
    clusterResource({ service: whole.key, port: { ...port, protocol: "TCP" }, policy, role: client.role, name, mtls: undefined }),
    endpointsResource({ service, port, policy, client, traffic, name, passTo }),
  ];
}

function unknownGateway({ gateway }: Client): Condition {
  const message = `no gateway of kind eastWest is called "${gateway}" in the configuration`;
  return { type: "ListenerConflict", reason: "UnknownGateway", message };
}

/** The same tables, but that looking for a cluster by name says that it is wanted. */
function withDemand(tables: WritableTables, onDemand: (name: string) => void): WritableTables {
  const clusters = tables.table(TYPE_URL.cluster);
  const asked: WritableTable = Object.create(clusters, {
    get: {
      value: (name: string) => {
        onDemand(name);
        return clusters.get(name);
      },
    },
  });
  return {
    table: (typeUrl: TypeUrl) => (typeUrl === TYPE_URL.cluster ? asked : tables.table(typeUrl)),
    get complete() {
      return tables.complete;
    },
    set complete(value) {
      tables.complete = value;
    },
  };
}
