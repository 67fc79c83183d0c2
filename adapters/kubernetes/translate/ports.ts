/** Ports: those of the Service that can be served, and the numbers a slice gives for them. */
import { quoted } from "../../../src/kernel/text.ts";
import type { Protocol, ServicePort } from "../../../src/model/service.ts";
import type { KubeEndpointSlice, KubePort, KubeService } from "../objects.ts";
import { protocolOf } from "./protocol.ts";
import type { Rejections } from "./rejections.ts";

export interface ReadPorts {
  /** In the Service's order. */
  readonly ports: readonly ServicePort[];
  /** The mesh's name by the Service's; undefined for a port that is left out. Slices use the Service's names. */
  readonly names: ReadonlyMap<string, string | undefined>;
}

/**
 * TCP ports only: the mesh carries nothing else. The one port that may be without a name is called as its protocol is
 * (`http`, `grpc`, …), as in registries that know no port names, so that both can be one service.
 */
export function readPorts(
  service: KubeService,
  slices: readonly KubeEndpointSlice[],
  { defaultProtocol, rejections }: { readonly defaultProtocol: Protocol; readonly rejections: Rejections },
): ReadPorts {
  const ports = new Map<string, ServicePort>();
  const names = new Map<string, string | undefined>();
  // Named ports first: an unnamed one beside them, which the API forbids, must not take a name away.
  for (const port of [...service.ports].sort((a, b) => Number(a.name === "") - Number(b.name === ""))) {
    const problem = names.has(port.name) ? "another port of the Service has the same name" : transportProblem(port.transport);
    if (problem !== undefined) {
      rejections.add(recordOf(port), problem);
      if (!names.has(port.name)) names.set(port.name, undefined);
      continue;
    }
    const appProtocol = port.appProtocol ?? sliceAppProtocol(port.name, slices);
    const protocol = protocolOf({ ...port, appProtocol }, defaultProtocol);
    const name = port.name === "" ? protocol.toLowerCase() : port.name;
    const taken = ports.has(name);
    if (taken) rejections.add(recordOf(port), `it has no name, and ${name} is taken by another port`);
    else ports.set(name, { name, port: port.port, protocol, inferred: false });
    names.set(port.name, taken ? undefined : name);
  }
  return { ports: [...ports.values()], names };
}

/**
 * Number by the mesh's port name. Slices are matched by name: the number is that of the Pods in this slice and may differ
 * from the Service's and from that of other slices. An empty name matches the unnamed port alone.
 */
export function slicePorts(slice: KubeEndpointSlice, { names }: ReadPorts, rejections: Rejections): ReadonlyMap<string, number> {
  const numbers = new Map<string, number>();
  for (const { name, port, transport } of slice.ports) {
    const reject = (reason: string) => rejections.add(`slice ${slice.name}, port ${quoted(name)}`, reason);
    const known = names.get(name);
    // The Service's own port was left out with a reason already.
    if (names.has(name) && known === undefined) continue;
    if (port === undefined) reject("it has no number, which means all ports: none that could be dialled");
    else if (known === undefined) reject("the Service has no port of this name");
    else if (transport !== "TCP") reject(`its transport is ${quoted(transport)}, that of the Service's port is TCP`);
    else if (numbers.has(known)) reject("another port of the slice has the same name");
    else numbers.set(known, port);
  }
  return numbers;
}

/** For Services without one: their slices may be written by hand and say it. Ignored where slices disagree. */
function sliceAppProtocol(name: string, slices: readonly KubeEndpointSlice[]): string | undefined {
  const said = new Set(slices.flatMap(({ ports }) => ports.filter((port) => port.name === name).map((port) => port.appProtocol)));
  said.delete(undefined);
  return said.size === 1 ? [...said][0] : undefined;
}

function transportProblem(transport: string): string | undefined {
  return transport === "TCP" ? undefined : `its transport is ${quoted(transport)}; only TCP ports are served`;
}

function recordOf({ name, port }: KubePort): string {
  return name === "" ? `port ${port}` : `port ${name}`;
}
