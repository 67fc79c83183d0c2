/** For tests: a small world of services, and a client that asks about it as `dig` would. */
import { decode, encode, type Packet, type RecordType } from "dns-packet";
import type { CatalogInstance, CatalogService } from "../catalog/types.ts";
import { fakeClock } from "../kernel/fake-clock.ts";
import { locality } from "../model/locality.ts";
import { parseServiceId, type ServicePort } from "../model/service.ts";
import { DEFAULT_POLICY, type ServicePolicy } from "../routing/policy.ts";
import { createTopology, type ExportRule, type NetworkSpec } from "../routing/topology.ts";
import type { VipSpec } from "../routing/vips.ts";
import { createResponder, type Responder, type ResponderState, type Transport } from "./responder.ts";
import type { DnsSpec } from "./spec.ts";

const SPEC: DnsSpec = {
  ttl: 5,
  domain: "mesh.local",
  clusterset: "clusterset.local",
  zones: ["service.consul"],
  places: [],
  clientSubnetFrom: [],
  vipsFor: [],
  ingress: [],
  names: [],
  addresses: ["192.0.2.53"],
};

const OUTBOUND = { address: "127.0.0.1", port: 15001 };
const HTTP: ServicePort = { name: "http", port: 80, protocol: "HTTP", inferred: false };

export function instanceOf(address: string, fields: Partial<CatalogInstance> = {}): CatalogInstance {
  const base = { id: address, address, ports: { http: 8080 }, locality: locality({ region: "eu" }), cluster: "eu-1" };
  const rest = { network: "n1", health: "healthy", weight: 1, labels: {}, source: { registry: "r", scope: "s" } } as const;
  return { ...base, ...rest, ...fields };
}

export function serviceOf(
  id: string,
  instances: readonly CatalogInstance[],
  fields: Partial<CatalogService> = {},
): CatalogService {
  const key = parseServiceId(id);
  if (key === undefined) throw new Error(`${id} is no service id`);
  return { id, key, ports: [HTTP], labels: {}, instances, sources: [], conditions: [], ...fields };
}

export interface WorldInput {
  readonly services?: readonly CatalogService[];
  readonly spec?: Partial<DnsSpec>;
  readonly networks?: readonly NetworkSpec[];
  readonly exports?: readonly ExportRule[];
  readonly policy?: Partial<ServicePolicy>;
  readonly vips?: VipSpec;
  readonly certain?: boolean;
  readonly random?: () => number;
  readonly sync?: "waiting" | "complete";
}

export interface DnsWorld {
  readonly responder: Responder;
  readonly state: ResponderState;
  put(service: CatalogService): void;
  /** The records of an answer as text: `A 10.0.0.1`, without order, after its code. */
  ask(name: string, type: string, options?: AskOptions): string;
}

export interface AskOptions {
  readonly from?: string;
  readonly transport?: Transport;
  /** EDNS with this payload size and client subnet. */
  readonly udpSize?: number;
  readonly subnet?: string;
}

export function network(name: string, fields: Partial<NetworkSpec> = {}): NetworkSpec {
  return { name, cidrs: [], clusters: [], registries: [], egress: [], gateways: [], sni: { dialect: "meshbridge" }, ...fields };
}

export function dnsWorld(input: WorldInput = {}): DnsWorld {
  const { networks = [], exports, policy, vips, certain = true, random = () => 0.5, sync = "complete" } = input;
  const topology = createTopology({ networks, exports, gateways: new Map() });
  const state: ResponderState = {
    spec: { ...SPEC, ...input.spec },
    traffic: {
      topology,
      networks,
      policyOf: () => ({ ...DEFAULT_POLICY, ...policy }),
      sidecar: { outbound: OUTBOUND, ...(vips && { vips }) },
    },
    home: { cidrs: [], network: "n1", cluster: "eu-1", locality: locality({ region: "eu" }) },
  };
  const responder = createResponder(state, { clock: fakeClock(), random, certain: () => certain, onQuery: () => undefined });
  const services = new Map((input.services ?? []).map((service) => [service.id, service]));
  responder.update({ services, changed: new Set(services.keys()), sync });
  return {
    responder,
    state,
    put(service) {
      services.set(service.id, service);
      responder.update({ services, changed: new Set([service.id]), sync });
    },
    ask(name, type, options = {}) {
      const { from = "10.1.0.9", transport = "udp" } = options;
      const bytes = responder.respond(queryBytes(name, type, options), from, transport);
      return bytes === undefined ? "nothing" : answerText(decode(bytes));
    },
  };
}

export function queryBytes(name: string, type: string, { udpSize, subnet }: AskOptions = {}): Buffer {
  const opt = {
    ...{ name: ".", type: "OPT" as const, udpPayloadSize: udpSize ?? 1232, extendedRcode: 0, ednsVersion: 0, flags: 0 },
    flag_do: false,
    options:
      subnet === undefined
        ? []
        : [{ code: 8, type: "CLIENT_SUBNET" as const, family: 1, sourcePrefixLength: 24, scopePrefixLength: 0, ip: subnet }],
  };
  return encode({
    ...{ type: "query", id: 4711, flags: 0x0100, questions: [{ type: type as RecordType, name, class: "IN" }] },
    ...((udpSize !== undefined || subnet !== undefined) && { additionals: [opt] }),
  } as Packet);
}

/** `NOERROR: A 10.0.0.1, A 10.0.0.2`; the authority after `|`, then the flag TC. */
export function answerText(packet: Packet & { readonly rcode?: string; readonly flag_tc?: boolean }): string {
  const text = (records: Packet["answers"] = []) =>
    records
      .filter((one) => one.type !== "OPT")
      .map((one) => `${one.type} ${"data" in one ? dataText(one.data) : ""}`.trim())
      .sort()
      .join(", ");
  const answers = text(packet.answers);
  const authority = (packet.authorities ?? []).map(({ type }) => type).join(",");
  return `${packet.rcode}:${answers === "" ? "" : ` ${answers}`}${authority === "" ? "" : ` | ${authority}`}${packet.flag_tc ? " TC" : ""}`;
}

function dataText(data: unknown): string {
  if (typeof data !== "object" || data === null) return String(data);
  if ("target" in data && "priority" in data && "weight" in data && "port" in data)
    return `${data.priority} ${data.weight} ${data.port} ${data.target}`;
  return "mname" in data ? String(data.mname) : JSON.stringify(data);
}
