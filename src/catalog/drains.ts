/**
 * Drains: the operator's, or a deployment's, word that a cluster's instances of a service take no new traffic for a
 * while. Pure: what a drain does to a service. The registries are not asked, and nothing is removed.
 */
import type { ServiceId } from "../model/service.ts";
import type { CatalogInstance, CatalogService } from "./types.ts";

export interface Drain {
  readonly service: ServiceId;
  /** The instances' own `cluster`. */
  readonly cluster: string;
  /** Whose word it is: one drain for each service, cluster and owner, so that nobody ends another's. */
  readonly owner: string;
  /** Only instances at these addresses (`ip`, or `ip:port` for one of several there); undefined: all, also those yet to come. */
  readonly addresses: readonly string[] | undefined;
  /** For people; may be empty. */
  readonly reason: string;
  /** Wall-clock ms since the epoch. */
  readonly since: number;
  /** Wall-clock ms since the epoch: it ends by itself. */
  readonly until: number;
  /** True: it holds even where nothing else is left to serve. */
  readonly force: boolean;
}

/** Which drain is meant. */
export type DrainKey = Pick<Drain, "service" | "cluster" | "owner">;

export function sameDrain(a: DrainKey, b: DrainKey): boolean {
  return a.service === b.service && a.cluster === b.cluster && a.owner === b.owner;
}

/**
 * The service with exactly those instances marked that these drains name. Two records of one address and port are one running copy, so that a record of
 * another registry, which may name another cluster or none, is drained with it.
 */
export function withDrains(service: CatalogService, drains: readonly Drain[]): CatalogService {
  if (drains.length === 0 && !service.instances.some(({ drain }) => drain)) return service;
  const bySocket = new Map<string, Drain>();
  for (const instance of service.instances) {
    for (const drain of drains.filter((one) => names(one, instance))) {
      for (const socket of socketsOf(instance)) {
        const before = bySocket.get(socket);
        if (before === undefined || strength(drain) > strength(before)) bySocket.set(socket, drain);
      }
    }
  }
  const drainOf = (instance: CatalogInstance) =>
    socketsOf(instance)
      .map((socket) => bySocket.get(socket))
      .find((drain) => drain !== undefined);
  return { ...service, instances: service.instances.map((instance) => marked(instance, drainOf(instance))) };
}

function names({ cluster, addresses }: Drain, { cluster: its, address, ports }: CatalogInstance): boolean {
  if (cluster !== its) return false;
  return (
    addresses === undefined ||
    [address, ...Object.values(ports).map((port) => hostPort(address, port))].some((text) => addresses.includes(text))
  );
}

/** What it listens on, each with its network: two instances that share one are the same running copy. */
function socketsOf({ network, address, ports }: CatalogInstance): readonly string[] {
  const numbers = Object.values(ports);
  return numbers.length === 0 ? [`${network} ${address}`] : numbers.map((port) => `${network} ${hostPort(address, port)}`);
}

function hostPort(address: string, port: number): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

/** A forced one counts before others, then the one that ends last. */
function strength({ force, until }: Drain): number {
  return until + (force ? Number.MAX_SAFE_INTEGER / 2 : 0);
}

function marked({ drain: _, ...instance }: CatalogInstance, drain: Drain | undefined): CatalogInstance {
  if (drain === undefined) return instance;
  const { owner, reason, since, until, force } = drain;
  return { ...instance, drain: { owner, reason, since, until, force } };
}
