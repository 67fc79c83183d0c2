/** The services of the benchmark, the same for every server, and what a client must hold of them in the end. */

export interface FleetSize {
  readonly services: number;
  readonly instances: number;
}

export const PORT = 8080;
/** Of clusters, as long as nothing is said of them. */
export const DEFAULT_TIMEOUT_MS = 5000;

/** What changes: the weight of each service's first instance, and its cluster's connect timeout in ms. */
export interface FleetState extends FleetSize {
  readonly weights: number[];
  readonly timeouts: number[];
}

export function newFleet({ services, instances }: FleetSize): FleetState {
  const fill = (value: number) => Array.from({ length: services }, () => value);
  return { services, instances, weights: fill(1), timeouts: fill(DEFAULT_TIMEOUT_MS) };
}

export function serviceName(index: number): string {
  return `svc-${String(index).padStart(5, "0")}`;
}

/** 10.0.0.0/8, one for each instance of each service. */
export function addressOf(index: number): string {
  const host = index + 1;
  return `10.${(host >> 16) & 255}.${(host >> 8) & 255}.${host & 255}`;
}

/** The weight of one instance of a service. */
export function weightOf({ weights }: FleetState, service: number, instance: number): number {
  return instance === 0 ? (weights[service] ?? 1) : 1;
}

export interface Held {
  readonly differing: number;
  readonly clusters: Readonly<Record<string, string>>;
  readonly endpoints: Readonly<Record<string, string>>;
}

/**
 * Throws unless all clients hold the same, and that is exactly the fleet: its clusters, and their endpoints if the
 * clients have asked for them. The load generator makes the digests.
 */
export function checkHeld(fleet: FleetState, held: Held, endpoints: boolean): void {
  if (held.differing > 0) throw new Error(`${held.differing} clients hold something else than the first`);
  for (let service = 0; service < fleet.services; service++) {
    expect(`cluster of ${serviceName(service)}`, held.clusters[service], digest(String(fleet.timeouts[service])));
    if (endpoints) expect(`endpoints of ${serviceName(service)}`, held.endpoints[service], digest(endpointsText(fleet, service)));
  }
  const count = Object.keys(held.clusters).length;
  if (count !== fleet.services) throw new Error(`the clients hold ${count} services of ${fleet.services}`);
}

function endpointsText(fleet: FleetState, service: number): string {
  return Array.from({ length: fleet.instances }, (_, instance) => {
    const address = addressOf(service * fleet.instances + instance);
    return `${address}:${PORT}@${weightOf(fleet, service, instance)}`;
  })
    .sort()
    .join(",");
}

function expect(what: string, actual: string | undefined, wanted: string): void {
  if (actual !== wanted) throw new Error(`the ${what} is not what was set: ${actual ?? "missing"} instead of ${wanted}`);
}

/** FNV-1a, 64 bits: as the load generator computes it. */
function digest(text: string): string {
  let hash = 0xcbf29ce484222325n;
  for (const byte of Buffer.from(text)) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  return hash.toString(16).padStart(16, "0");
}
