/** Which addresses the gateways of every network have, as far as that is known. Pure. */
import type { CatalogService } from "../catalog/types.ts";
import { isUsable } from "../model/health.ts";
import { localityName } from "../model/locality.ts";
import { type ServiceId, serviceId } from "../model/service.ts";
import { selectPort } from "./ports.ts";
import {
  createTopology,
  type GatewayAddress,
  type GatewayTarget,
  type NetworkSpec,
  type Topology,
  type TopologyInput,
} from "./topology.ts";

/** More gateways of one network than this are not told to clients: each is an endpoint of every remote service. */
const MAX_GATEWAYS = 32;

/**
 * `resolve` gives the address of a host, undefined while it is not known. Of a service the usable instances count, or
 * all while none is usable: a registry that calls every gateway sick is doubted, since without one nothing is reached.
 */
export function gatewayTable(
  networks: readonly NetworkSpec[],
  resolve: (host: string) => string | undefined,
  services: ReadonlyMap<ServiceId, CatalogService>,
): ReadonlyMap<string, readonly GatewayAddress[]> {
  return new Map(
    networks.map(({ name, gateways }) => [name, distinct(gateways.flatMap((one) => addresses(one, resolve, services)))]),
  );
}

function addresses(
  { host, service, port, locality }: GatewayTarget,
  resolve: (host: string) => string | undefined,
  services: ReadonlyMap<ServiceId, CatalogService>,
): readonly GatewayAddress[] {
  if (host !== undefined) {
    const address = resolve(host);
    return address === undefined || port === undefined ? [] : [{ address, port, locality, name: host }];
  }
  const known = service === undefined ? undefined : services.get(serviceId(service.key));
  const selected = known === undefined ? undefined : selectPort(known.ports, service?.port);
  if (known === undefined || selected === undefined) return [];
  const usable = known.instances.filter(({ health }) => isUsable(health));
  return (usable.length > 0 ? usable : known.instances).flatMap((instance) => {
    const dialled = port ?? instance.ports[selected.name];
    if (dialled === undefined) return [];
    const place = localityName(locality) === "//" ? instance.locality : locality;
    return [{ address: instance.address, port: dialled, locality: place, name: known.id }];
  });
}

/** Sorted, so that equal gateways make equal endpoints whatever order they came in. */
function distinct(list: readonly GatewayAddress[]): readonly GatewayAddress[] {
  const byAddress = new Map(list.map((one) => [`${one.address} ${one.port}`, one]));
  const sorted = [...byAddress].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, one]) => one);
  return sorted.slice(0, MAX_GATEWAYS);
}

/** The topology as it is with these gateways. */
export function topologyOf(
  { networks, exports }: Pick<TopologyInput, "networks" | "exports">,
  resolve: (host: string) => string | undefined,
  services: ReadonlyMap<ServiceId, CatalogService>,
): Topology {
  return createTopology({ networks, exports, gateways: gatewayTable(networks, resolve, services) });
}

/** The host names among the gateways that have to be resolved, IP literals included. */
export function gatewayHosts(networks: readonly NetworkSpec[]): ReadonlySet<string> {
  return new Set(networks.flatMap(({ gateways }) => gateways.flatMap(({ host }) => (host === undefined ? [] : [host]))));
}

/** The services whose instances are gateways. */
export function gatewayServices(networks: readonly NetworkSpec[]): ReadonlySet<ServiceId> {
  return new Set(
    networks.flatMap(({ gateways }) => gateways.flatMap(({ service }) => (service ? [serviceId(service.key)] : []))),
  );
}
