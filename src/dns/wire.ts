/** The wire format (RFC 1035, 6891, 7871). The only file that knows dns-packet. Whatever comes in is hostile. */
import { decode, encode, type OptAnswer, type Packet, RECURSION_DESIRED } from "dns-packet";
import ipaddr from "ipaddr.js";
import type { DnsAnswer, DnsRecord, Rcode } from "./records.ts";

/** What a query says, as far as it is answered. */
export interface DnsQuery {
  readonly id: number;
  /** As it was written, to be given back (0x20). */
  readonly name: string;
  readonly type: string;
  readonly recursionDesired: boolean;
  readonly edns: Edns | undefined;
}

export interface Edns {
  /** Bytes the client takes over UDP; at least 512. */
  readonly udpSize: number;
  readonly subnet: ClientSubnet | undefined;
}

/** RFC 7871: whom the resolver asks for. */
export interface ClientSubnet {
  readonly family: number;
  readonly sourcePrefixLength: number;
  readonly address: string;
}

/** `drop`: no answer at all, since it is no query. Otherwise what could be read of it, for an answer that says why. */
export type Parsed =
  | { readonly kind: "query"; readonly query: DnsQuery }
  | { readonly kind: "refused"; readonly rcode: Rcode; readonly query: DnsQuery | undefined; readonly id: number }
  | { readonly kind: "drop" };

export const MAX_QUERY_BYTES = 4096;
const HEADER_BYTES = 12;
/** No more of our records than the OPT and a signature of the transaction belong into a query. */
const MAX_ADDITIONALS = 2;
/** Below every MTU that is in use (DNS flag day 2020), so that answers are never fragmented. */
const UDP_BYTES = 1232;
const PLAIN_UDP_BYTES = 512;
export const TCP_BYTES = 65_535;

/** Never throws. */
export function parseQuery(bytes: Buffer): Parsed {
  if (bytes.length < HEADER_BYTES || bytes.length > MAX_QUERY_BYTES) return { kind: "drop" };
  const id = bytes.readUInt16BE(0);
  const flags = bytes.readUInt16BE(2);
  if ((flags & 0x8000) !== 0) return { kind: "drop" };
  const refused = (rcode: Rcode, query?: DnsQuery): Parsed => ({ kind: "refused", rcode, query, id });
  if (((flags >> 11) & 0xf) !== 0) return refused("NOTIMP");
  // Looked at before they are decoded: the counts alone can ask for half a megabyte of records.
  const [questions, answers, authorities, additionals] = [4, 6, 8, 10].map((at) => bytes.readUInt16BE(at));
  const wellFormed = questions === 1 && answers === 0 && authorities === 0 && (additionals ?? 0) <= MAX_ADDITIONALS;
  if (!wellFormed) return refused("FORMERR");
  let packet: Packet;
  try {
    packet = decode(bytes);
  } catch {
    // The message is of the decoder's own making and tells nobody anything: the answer says what there is to say.
    return refused("FORMERR");
  }
  const question = packet.questions?.[0];
  const opts = (packet.additionals ?? []).filter((one) => one.type === "OPT");
  const [opt] = opts;
  if (question === undefined || opts.length > 1 || !isFaithful(question.name, bytes)) return refused("FORMERR");
  const { name, type } = question;
  const recursionDesired = (flags & RECURSION_DESIRED) !== 0;
  const edns = opt === undefined ? undefined : ednsOf(opt);
  const query = { id, name, type: String(type), recursionDesired, edns };
  if (opt !== undefined && opt.ednsVersion !== 0) return refused("BADVERS", query);
  // Chaos and others: there is nothing of that class here.
  if (String(question.class) !== "IN") return refused("REFUSED", query);
  return { kind: "query", query };
}

/** A label with a dot or foreign bytes in it reads like another name: only what is written back byte by byte is answered. */
function isFaithful(name: string, bytes: Buffer): boolean {
  if (name === ".") return bytes[HEADER_BYTES] === 0;
  let at = HEADER_BYTES;
  for (const label of name.split(".")) {
    const text = Buffer.from(label);
    if (bytes[at] !== text.length || !bytes.subarray(at + 1, at + 1 + text.length).equals(text)) return false;
    at += 1 + text.length;
  }
  return bytes[at] === 0;
}

function ednsOf({ udpPayloadSize, options }: OptAnswer): Edns {
  const found = options.find(({ code }) => code === CLIENT_SUBNET);
  const udpSize = Math.max(PLAIN_UDP_BYTES, udpPayloadSize);
  if (found === undefined || !("ip" in found) || typeof found.ip !== "string") return { udpSize, subnet: undefined };
  const { family, sourcePrefixLength, ip } = found;
  const fits = (family === 1 && (sourcePrefixLength ?? 0) <= 32) || (family === 2 && (sourcePrefixLength ?? 0) <= 128);
  if (!fits || family === undefined || !ipaddr.isValid(ip)) return { udpSize, subnet: undefined };
  return { udpSize, subnet: { family, sourcePrefixLength: sourcePrefixLength ?? 0, address: ip } };
}

const CLIENT_SUBNET = 8;

const RCODES: Readonly<Record<Rcode, number>> = {
  NOERROR: 0,
  FORMERR: 1,
  SERVFAIL: 2,
  NXDOMAIN: 3,
  NOTIMP: 4,
  REFUSED: 5,
  BADVERS: 16,
};

const AUTHORITATIVE = 0x0400;
const TRUNCATED = 0x0200;

export interface EncodeOptions {
  /** The answer counts for the whole of the client's subnet. */
  readonly subnet?: ClientSubnet | undefined;
  /** Bytes it may have. */
  readonly limit: number;
}

/**
 * The answer's bytes, never more than `limit`: what is only a courtesy goes first, then everything, marked as truncated, so
 * that the client comes over TCP.
 */
export function encodeAnswer(query: DnsQuery, answer: DnsAnswer, { subnet, limit }: EncodeOptions): Buffer {
  const whole = encode(packetOf(query, answer, { subnet, truncated: false }));
  if (whole.length <= limit) return whole;
  const bare = encode(packetOf(query, { ...answer, additionals: [] }, { subnet, truncated: false }));
  if (bare.length <= limit) return bare;
  const none = { ...answer, answers: [], authorities: [], additionals: [] };
  return encode(packetOf(query, none, { subnet, truncated: true }));
}

/** Bytes a query may be answered with over UDP. */
export function udpLimit({ edns }: DnsQuery): number {
  return edns === undefined ? PLAIN_UDP_BYTES : Math.min(edns.udpSize, UDP_BYTES);
}

/** "Come again over TCP", without anything else: what a source gets that asks too much. */
export function encodeTruncated(query: DnsQuery): Buffer {
  const none: DnsAnswer = { rcode: "NOERROR", answers: [], authorities: [], additionals: [], why: "" };
  return encode(packetOf(query, none, { subnet: undefined, truncated: true }));
}

/** Header and nothing else: of what was asked nothing can be given back. */
export function encodeBare(id: number, rcode: Rcode): Buffer {
  return encode({ id, type: "response", flags: RCODES[rcode] & 0xf, questions: [] });
}

interface PacketShape {
  readonly subnet: ClientSubnet | undefined;
  readonly truncated: boolean;
}

function packetOf(query: DnsQuery, answer: DnsAnswer, { subnet, truncated }: PacketShape): Packet {
  const rcode = RCODES[answer.rcode];
  const authoritative = answer.rcode === "NOERROR" || answer.rcode === "NXDOMAIN";
  const opt: OptAnswer = {
    name: ".",
    type: "OPT",
    udpPayloadSize: UDP_BYTES,
    extendedRcode: rcode >> 4,
    ednsVersion: 0,
    flags: 0,
    flag_do: false,
    options: subnet === undefined ? [] : [subnetOption(subnet)],
  };
  return {
    id: query.id,
    type: "response",
    flags:
      (rcode & 0xf) |
      (authoritative ? AUTHORITATIVE : 0) |
      (truncated ? TRUNCATED : 0) |
      (query.recursionDesired ? RECURSION_DESIRED : 0),
    questions: [{ name: query.name, type: query.type, class: "IN" } as NonNullable<Packet["questions"]>[number]],
    answers: answer.answers.map((one) => recordOf(one, query)),
    authorities: answer.authorities.map((one) => recordOf(one, query)),
    additionals: [...answer.additionals.map((one) => recordOf(one, query)), ...(query.edns === undefined ? [] : [opt])],
  };
}

function subnetOption({ family, sourcePrefixLength, address }: ClientSubnet) {
  return {
    code: CLIENT_SUBNET,
    type: "CLIENT_SUBNET",
    family,
    sourcePrefixLength,
    scopePrefixLength: sourcePrefixLength,
    ip: address,
  } as const;
}

/** A record of the name asked for carries it as it was written. */
function recordOf(record: DnsRecord, { name }: DnsQuery): NonNullable<Packet["answers"]>[number] {
  const written = record.name === name.toLowerCase() ? { ...record, name } : record;
  return { ...written, class: "IN" } as NonNullable<Packet["answers"]>[number];
}
