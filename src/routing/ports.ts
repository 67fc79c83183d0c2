/** Which port of a service is meant. Pure. */
import type { ServicePort } from "../model/service.ts";

/**
 * The port of that name or number; without a wish, the only one, else the first HTTP one, else the first by name.
 * A number given as text counts as a number when no port has that name.
 */
export function selectPort(ports: readonly ServicePort[], wanted: string | number | undefined): ServicePort | undefined {
  if (wanted === undefined) return ports.find(({ protocol }) => protocol.startsWith("HTTP") || protocol === "GRPC") ?? ports[0];
  return ports.find(({ name }) => name === wanted) ?? ports.find(({ port }) => String(port) === String(wanted));
}
