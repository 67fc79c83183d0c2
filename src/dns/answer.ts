/** From a question to its answer. Pure, but for the memory of `reachable`. */
import type { CatalogService } from "../catalog/types.ts";
import { selectPort } from "../routing/ports.ts";
import type { Endpoint } from "../routing/reach.ts";
import type { Asker } from "./asker.ts";
import { ranked, shuffled, tierOf } from "./choose.ts";
import { addressLabel, type LookupInput, lookUp, type Target } from "./lookup.ts";
import type { ReachableFinder } from "./reachable.ts";
import { type DnsAnswer, type DnsRecord, noRecords } from "./records.ts";

export interface Question {
  /** Lower case, without the last dot. */
  readonly name: string;
  /** As `dns-packet` writes it: `A`, `SRV`, `UNKNOWN_65` … */
  readonly type: string;
}

export interface AnswerContext extends LookupInput {
  readonly asker: Asker;
  readonly reachable: ReachableFinder;
  /** Whether every registry has been read and can be read: only then is what is not there known not to be. */
  readonly certain: boolean;
  /** The address of a service on sidecars; undefined: it has none, or the asker has no sidecar. */
  vipOf(service: CatalogService): string | undefined;
  /** Grows with every change. */
  readonly serial: number;
  readonly random: () => number;
}

/** More addresses help nobody who takes the first, and an answer has to fit into one packet. */
const MAX_RECORDS = 16;
const TRANSFERS: ReadonlySet<string> = new Set(["AXFR", "IXFR"]);
/** RFC 1035, 2.3.4, without the last dot. */
const MAX_NAME = 253;

export function answerTo(question: Question, context: AnswerContext): DnsAnswer {
  const meaning = lookUp(question.name, context);
  if (meaning.kind === "outside") return noRecords("REFUSED", "the name is in no zone of this server, and nothing is forwarded");
  if (TRANSFERS.has(question.type)) return noRecords("REFUSED", "zones are not transferred");
  const { zone } = meaning;
  // RFC 8482: whoever asks for everything gets next to nothing.
  if (question.type === "ANY" && meaning.kind !== "none") return anything(question.name, context);
  if (meaning.kind === "none") {
    if (!context.certain) return noRecords("SERVFAIL", "no such name is known, but not every registry can be read");
    return negative("NXDOMAIN", zone, context, "every registry has been read, and there is no such name");
  }
  if (meaning.kind === "apex") return ofApex(question, zone, context);
  if (meaning.kind === "nameServer") return addressesOf(question, zone, context.spec.addresses, context);
  if (meaning.kind === "empty") return negative("NOERROR", zone, context, "the name exists and has no records of its own");
  const service = meaning.srv || question.type === "SRV" ? ofSrv : ofAddresses;
  if (meaning.srv && question.type !== "SRV") return negative("NOERROR", zone, context, "the name has SRV records only");
  for (const target of meaning.targets) {
    const answer = service(question, target, zone, context);
    if (answer !== undefined) return answer;
  }
  const unknown = meaning.targets.every(({ service: { instances } }) => instances.length === 0);
  if (unknown && !context.certain) return noRecords("SERVFAIL", "no instance is known, but not every registry can be read");
  return negative("NOERROR", zone, context, "nobody who may be reached from there can serve");
}

/** Undefined: nobody can serve. */
function ofAddresses(question: Question, target: Target, zone: string, context: AnswerContext): DnsAnswer | undefined {
  const { asker, random, reachable } = context;
  const whole = target.cluster === undefined && target.instance === undefined && target.order === undefined;
  const vip = whole ? context.vipOf(target.service) : undefined;
  // The sidecar knows who can serve; its listener stands for the service whatever becomes of its instances.
  if (vip !== undefined) return { ...addressesOf(question, zone, [vip], context), why: "its address on sidecars" };
  const fixed = ingressAddress(target, context);
  if (fixed !== undefined) return addressesOf(question, zone, [fixed], context);
  const tier = tierOf(reachable.find(target, undefined, asker).tiers, random);
  if (tier === undefined) return undefined;
  const chosen = shuffled(tier.endpoints, tier.endpoints.length, random).map(({ address }) => address);
  return addressesOf(question, zone, [...new Set(chosen)], context);
}

/** The name of an ingress's address, as SRV records give it. */
function ingressAddress({ instance }: Target, { spec }: AnswerContext): string | undefined {
  if (instance === undefined) return undefined;
  return spec.ingress.flatMap(({ addresses }) => addresses).find((address) => addressLabel(address) === instance);
}

function addressesOf({ name, type }: Question, zone: string, addresses: readonly string[], context: AnswerContext): DnsAnswer {
  const records = addresses.map((address) => addressRecord(name, address, context.spec.ttl)).filter((one) => one.type === type);
  if (records.length === 0) return negative("NOERROR", zone, context, `it has no ${type} record`);
  return { rcode: "NOERROR", answers: records.slice(0, MAX_RECORDS), authorities: [], additionals: [], why: whoAnswers(context) };
}

function ofSrv({ name, type }: Question, target: Target, zone: string, context: AnswerContext): DnsAnswer | undefined {
  const { asker, random, reachable, spec } = context;
  const port = target.port ?? selectPort(target.service.ports, undefined)?.name;
  if (type !== "SRV" || port === undefined || target.instance !== undefined)
    return negative("NOERROR", zone, context, `it has no ${type} record`);
  const all = ranked(reachable.find(target, port, asker).localities);
  if (all.length === 0) return undefined;
  const targetOf = ({ address }: Endpoint) => `${addressLabel(address)}.${target.host}`;
  const chosen = [...Map.groupBy(all, ({ priority }) => priority)].flatMap(([priority, group]) =>
    shuffled(
      group.map(({ endpoint }) => endpoint),
      group.length,
      random,
    ).map((endpoint) => ({ priority, endpoint })),
  );
  const told = chosen.filter(({ endpoint }) => targetOf(endpoint).length <= MAX_NAME).slice(0, MAX_RECORDS);
  const scale = Math.max(1, ...told.map(({ endpoint }) => endpoint.weight / 65_535));
  const answers = told.map(({ priority, endpoint }): DnsRecord => {
    const weight = Math.max(1, Math.round(endpoint.weight / scale));
    return { type: "SRV", name, ttl: spec.ttl, data: { priority, weight, port: endpoint.port, target: targetOf(endpoint) } };
  });
  const glue = new Map(told.map(({ endpoint }) => [targetOf(endpoint), endpoint.address]));
  const additionals = [...glue].map(([host, address]) => addressRecord(host, address, spec.ttl));
  return { rcode: "NOERROR", answers, authorities: [], additionals, why: whoAnswers(context) };
}

function ofApex(question: Question, zone: string, context: AnswerContext): DnsAnswer {
  const why = "it is a zone of this server";
  const { ttl, addresses } = context.spec;
  if (question.type === "SOA") return { rcode: "NOERROR", answers: [soa(zone, context)], authorities: [], additionals: [], why };
  if (question.type !== "NS") return negative("NOERROR", zone, context, why);
  const additionals = addresses.map((address) => addressRecord(`ns.${zone}`, address, ttl));
  const answers: readonly DnsRecord[] = [{ type: "NS", name: zone, ttl, data: `ns.${zone}` }];
  return { rcode: "NOERROR", answers, authorities: [], additionals, why };
}

function anything(name: string, { spec }: AnswerContext): DnsAnswer {
  const record: DnsRecord = { type: "HINFO", name, ttl: spec.ttl, data: { cpu: "RFC8482", os: "" } };
  const why = "ANY gets a single record (RFC 8482)";
  return { rcode: "NOERROR", answers: [record], authorities: [], additionals: [], why };
}

function addressRecord(name: string, address: string, ttl: number): DnsRecord {
  return { type: address.includes(":") ? "AAAA" : "A", name, ttl, data: address };
}

/** With the zone's SOA, which says for how long a resolver may remember that there is nothing (RFC 2308). */
function negative(rcode: "NOERROR" | "NXDOMAIN", zone: string, context: AnswerContext, why: string): DnsAnswer {
  return { rcode, answers: [], authorities: [soa(zone, context)], additionals: [], why };
}

function soa(zone: string, { spec: { ttl }, serial }: AnswerContext): DnsRecord {
  const names = { mname: `ns.${zone}`, rname: `hostmaster.${zone}` };
  return { type: "SOA", name: zone, ttl, data: { ...names, serial, refresh: 60, retry: 10, expire: 3600, minimum: ttl } };
}

function whoAnswers({ asker: { client } }: AnswerContext): string {
  const where = client.cluster === "" ? "" : `, cluster ${client.cluster}`;
  return `the nearest that can serve, for who asks on network ${client.network}${where}`;
}
