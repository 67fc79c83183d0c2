/**
 * All slices of a Service as one list of copies. One slice is never the Service: an endpoint may be in two while the
 * control plane moves it (KEP-0752), and one Pod is in a slice of each address family.
 */
import { compareText } from "../../../src/kernel/compare.ts";
import { quoted } from "../../../src/kernel/text.ts";
import type { KubeEndpoint, KubeEndpointSlice } from "../objects.ts";
import { compareStatements, standingOf } from "./conditions.ts";
import { type ReadPorts, slicePorts } from "./ports.ts";
import type { Rejections } from "./rejections.ts";
import type { Copy, Family, Standing } from "./types.ts";

const FAMILIES: ReadonlyMap<string, Family> = new Map([
  ["IPv4", "ipv4"],
  ["IPv6", "ipv6"],
]);

/** Of one address that is no Pod's: each statement is compared with all of them. */
const MAX_COPIES = 64;

/** What one slice says of one address. */
interface Statement {
  readonly family: Family;
  readonly endpoint: KubeEndpoint;
  readonly standing: Standing;
  readonly ports: ReadonlyMap<string, number>;
}

export interface MergeOptions {
  readonly ports: ReadPorts;
  readonly publishNotReady: boolean;
  readonly rejections: Rejections;
}

/**
 * One copy for each address of each Pod, and of each endpoint that is no Pod; those that are gone among them. The order of
 * slices and endpoints does not count, nor does that of what is rejected.
 */
export function mergeSlices(slices: readonly KubeEndpointSlice[], options: MergeOptions): readonly Copy[] {
  const byAddress = new Map<string, Statement[]>();
  for (const slice of slices) {
    for (const statement of statementsOf(slice, options)) {
      const key = JSON.stringify([statement.endpoint.podName, statement.family, statement.endpoint.address]);
      const statements = byAddress.get(key);
      if (statements === undefined) byAddress.set(key, [statement]);
      else statements.push(statement);
    }
  }
  return [...byAddress.values()].flatMap((statements) => copiesOf(statements, options.rejections));
}

function statementsOf(slice: KubeEndpointSlice, options: MergeOptions): readonly Statement[] {
  const { rejections, publishNotReady } = options;
  const family = FAMILIES.get(slice.addressType);
  if (family === undefined) {
    const what = slice.addressType === "FQDN" ? "host names are not resolved" : "neither IPv4 nor IPv6";
    rejections.add(`slice ${slice.name}`, `its address type is ${quoted(slice.addressType)}: ${what}`);
    return [];
  }
  const ports = slicePorts(slice, options.ports, rejections);
  if (ports.size === 0) {
    if (slice.endpoints.length > 0) rejections.add(`slice ${slice.name}`, "none of its ports can be served");
    return [];
  }
  return slice.endpoints.flatMap((endpoint) => {
    if (endpoint.address !== "") return [{ family, endpoint, standing: standingOf(endpoint.conditions, publishNotReady), ports }];
    rejections.add(`slice ${slice.name}`, "an endpoint of it has no address");
    return [];
  });
}

/**
 * From what is said of one address. The first statement (see `compareStatements`) tells the standing, zone and node; ports
 * of all are added. A second number for a port name means another process behind an address that is no Pod's (an external
 * host that is listed by hand), and that is a copy of its own; a Pod is one copy, and the first number counts.
 */
function copiesOf(statements: readonly Statement[], rejections: Rejections): readonly Copy[] {
  const copies: { readonly first: Statement; readonly ports: Map<string, number> }[] = [];
  const ordered = [...statements].sort(compare);
  for (const statement of ordered) {
    const { podName } = statement.endpoint;
    const home = podName === undefined ? copies.find(({ ports }) => agree(ports, statement.ports)) : copies[0];
    if (home === undefined && copies.length >= MAX_COPIES)
      rejections.add(statement.endpoint.address, `more than ${MAX_COPIES} processes behind one address`);
    else if (home === undefined) copies.push({ first: statement, ports: new Map(statement.ports) });
    else for (const [name, port] of statement.ports) addPort(home, name, port, rejections);
  }
  return copies.map(({ first, ports }, index) => {
    const { family, endpoint, standing } = first;
    return { id: idOf(endpoint, index === 0 ? undefined : ports), family, endpoint, standing, ports };
  });
}

function addPort(
  { first, ports }: { readonly first: Statement; readonly ports: Map<string, number> },
  name: string,
  port: number,
  rejections: Rejections,
): void {
  const known = ports.get(name);
  if (known === undefined) ports.set(name, port);
  else if (known !== port)
    rejections.add(idOf(first.endpoint, undefined), `port ${quoted(name)} is ${known} in one slice and ${port} in another`);
}

function agree(a: ReadonlyMap<string, number>, b: ReadonlyMap<string, number>): boolean {
  return [...b].every(([name, port]) => (a.get(name) ?? port) === port);
}

/** A Pod's name is a running copy's; where there is none the address has to do. */
function idOf({ podName, address }: KubeEndpoint, ports: ReadonlyMap<string, number> | undefined): string {
  if (podName !== undefined) return podName;
  if (ports === undefined) return address;
  const numbers = [...new Set(ports.values())].sort((a, b) => a - b);
  return `${address}#${numbers.join("+")}`;
}

function compare(a: Statement, b: Statement): number {
  const ofPod = a.endpoint.podName !== undefined;
  return compareStatements(a.standing, b.standing, ofPod) || comparePorts(a.ports, b.ports) || compareText(textOf(a), textOf(b));
}

/** By the lowest number, as numbers: 8080 before 10080. */
function comparePorts(a: ReadonlyMap<string, number>, b: ReadonlyMap<string, number>): number {
  return Math.min(...a.values()) - Math.min(...b.values());
}

/** The last resort of sorting, so that no order of slices shows. */
function textOf({ endpoint, ports }: Statement): string {
  const { zone, nodeName, hostname, hintZones, hintNodes, conditions } = endpoint;
  const { ready, serving, terminating } = conditions;
  const numbers = [...ports].sort(([a], [b]) => compareText(a, b));
  return JSON.stringify([numbers, zone, nodeName, hostname, hintZones, hintNodes, ready, serving, terminating]);
}
