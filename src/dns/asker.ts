/** Who asks, as far as it matters for what is near: from a source address to a place. Pure. */
import ipaddr from "ipaddr.js";
import type { Client } from "../routing/client.ts";
import type { NetworkSpec } from "../routing/topology.ts";
import type { DnsPlace, DnsSpec } from "./spec.ts";

/** A client's place, and a key that is equal for equal places. */
export interface Asker {
  readonly key: string;
  readonly client: Client;
}

export interface Askers {
  /** Who asks from the address; who is on no network we know of is taken to be where this bridge is. */
  at(address: string): Asker;
  /** Whether a sidecar is beside who asks from the address. */
  hasSidecar(address: string): boolean;
  /** Whether the source's word on its client's subnet counts. */
  believes(source: string): boolean;
}

export interface AskersInput {
  readonly spec: Pick<DnsSpec, "places" | "clientSubnetFrom" | "vipsFor">;
  readonly networks: readonly NetworkSpec[];
  /** Where this bridge is. */
  readonly home: DnsPlace;
}

interface Range {
  readonly cidr: ReturnType<typeof ipaddr.parseCIDR>;
  readonly asker: Asker;
}

export function createAskers({ spec, networks, home }: AskersInput): Askers {
  const own = askerOf(home);
  const ranges: Range[] = [...networks.map((network) => placeOfNetwork(network, home)), ...spec.places].flatMap((place) => {
    const asker = askerOf(place);
    return place.cidrs.map((cidr) => ({ cidr: ipaddr.parseCIDR(cidr), asker }));
  });
  // Of equal ranges the last, a place, says more than a network.
  ranges.reverse().sort((a, b) => b.cidr[1] - a.cidr[1]);
  const inAny = (cidrs: readonly string[]) => {
    const parsed = cidrs.map((cidr) => ipaddr.parseCIDR(cidr));
    return (address: string) => parsed.length > 0 && parsed.some((cidr) => within(process(address), cidr));
  };
  return {
    at(address) {
      if (ranges.length === 0) return own;
      const parsed = process(address);
      return ranges.find(({ cidr }) => within(parsed, cidr))?.asker ?? own;
    },
    hasSidecar: inAny(spec.vipsFor),
    believes: inAny(spec.clientSubnetFrom),
  };
}

/** A link-local address names its interface, which is no part of it. */
function process(address: string): ipaddr.IPv4 | ipaddr.IPv6 {
  return ipaddr.process(address.split("%")[0] ?? address);
}

function within(address: ipaddr.IPv4 | ipaddr.IPv6, cidr: Range["cidr"]): boolean {
  return address.kind() === cidr[0].kind() && address.match(cidr);
}

/** A network of one cluster says which cluster; the place of its first gateway says the locality. */
function placeOfNetwork({ name, cidrs, clusters, gateways }: NetworkSpec, home: DnsPlace): DnsPlace {
  const here = name === home.network;
  const cluster = clusters.length === 1 ? (clusters[0] ?? "") : here ? home.cluster : "";
  const locality = here ? home.locality : (gateways[0]?.locality ?? { region: "", zone: "", subZone: "" });
  return { cidrs, network: name, cluster, locality };
}

function askerOf({ network, cluster, locality }: DnsPlace): Asker {
  // Sees what a sidecar there would see: other networks through what stands for them.
  const client: Client = { role: "sidecar", gateway: "", cluster, network, locality, namespace: "", inbound: undefined };
  return { key: JSON.stringify([network, cluster, locality]), client };
}
