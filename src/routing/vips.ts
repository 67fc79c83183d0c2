/**
 * Which virtual address stands for which service on sidecars. Nothing is kept: the addresses are a pure function of the services'
 * names, so that every replica gives the same ones, and the same again after a restart. Pure.
 */
import { createHash } from "node:crypto";
import ipaddr from "ipaddr.js";
import type { CatalogService } from "../catalog/types.ts";
import { compareText } from "../kernel/compare.ts";
import { isHttp, type ServiceId } from "../model/service.ts";
import type { ServicePolicy } from "./policy.ts";

export interface VipSpec {
  /** CIDR; its first and last address are given to nobody. */
  readonly range: string;
  /** `tcp`: services with a port that is not HTTP; `all`: every service. */
  readonly for: "tcp" | "all";
  /** Addresses by service, within the range or without: they are no other service's. */
  readonly pins: Readonly<Record<ServiceId, string>>;
}

export type VipTable = ReadonlyMap<ServiceId, string>;

/** So many places are tried for a service; one that finds none free has no address, which takes a range that is nearly full. */
const MAX_TRIES = 64;

/**
 * An address for each service. Where several want one place, the one whose hash is smaller has it and the others try
 * their next: so a service changes its address only when a stronger one comes to want the very same place.
 */
export function vipTable(ids: Iterable<ServiceId>, { range, pins }: Pick<VipSpec, "range" | "pins">): VipTable {
  const space = spaceOf(range);
  const firstOf = firstClaims(range, space);
  const table = new Map<ServiceId, string>();
  const holders = new Map<string, Claim>();
  const taken = new Set(Object.values(pins));
  const waiting: Claim[] = [];
  for (const id of ids) {
    const pinned = Object.hasOwn(pins, id) ? pins[id] : undefined;
    if (pinned === undefined) waiting.push(firstOf(id));
    else table.set(id, pinned);
  }
  for (let claim = waiting.pop(); claim !== undefined; claim = waiting.pop()) {
    const holder = holders.get(claim.address);
    let loser: Claim = claim;
    if (!taken.has(claim.address) && (holder === undefined || isStronger(claim, holder))) {
      holders.set(claim.address, claim);
      if (holder === undefined) continue;
      loser = holder;
    }
    if (loser.tries + 1 < MAX_TRIES) waiting.push(claimOf(loser.id, loser.tries + 1, space));
  }
  for (const { id, address } of holders.values()) table.set(id, address);
  return table;
}

/** Whether a service has such an address. Its ports are as policies see them. */
export function wantsVip(
  { ports }: Pick<CatalogService, "ports">,
  { protocol }: Pick<ServicePolicy, "protocol">,
  spec: Pick<VipSpec, "for">,
): boolean {
  if (ports.length === 0) return false;
  return spec.for === "all" || ports.some((port) => !isHttp(protocol ?? port.protocol));
}

interface Claim {
  readonly id: ServiceId;
  readonly tries: number;
  readonly address: string;
  readonly strength: string;
}

function isStronger(a: Claim, b: Claim): boolean {
  return (compareText(a.strength, b.strength) || compareText(a.id, b.id)) < 0;
}

interface Space {
  readonly bytes: readonly number[];
  readonly hostBits: number;
}

function spaceOf(range: string): Space {
  const [address, prefix] = ipaddr.parseCIDR(range);
  const bytes = address.toByteArray();
  return { bytes, hostBits: bytes.length * 8 - prefix };
}

/** So many first claims are remembered: tables are made anew whenever a service comes or goes. */
const REMEMBERED = 200_000;
const remembered = new Map<string, Map<ServiceId, Claim>>();

/** A claim hangs on name and range alone, so what is remembered of it cannot grow old. */
function firstClaims(range: string, space: Space): (id: ServiceId) => Claim {
  let claims = remembered.get(range);
  if (claims === undefined || claims.size > REMEMBERED) {
    claims = new Map();
    remembered.clear();
    remembered.set(range, claims);
  }
  const known = claims;
  return (id) => {
    let claim = known.get(id);
    if (claim === undefined) {
      claim = claimOf(id, 0, space);
      known.set(id, claim);
    }
    return claim;
  };
}

/** The place of the n-th try. The hash is of the name alone, so a service's first place hangs on nothing else. */
function claimOf(id: ServiceId, tries: number, { bytes, hostBits }: Space): Claim {
  const digest = createHash("sha256")
    .update(tries === 0 ? id : `${id}#${tries}`)
    .digest();
  // Between the first and the last address of the range, which mean the range itself and everybody in it.
  const size = (1n << BigInt(hostBits)) - 2n;
  const offset = (digest.readBigUInt64BE(0) % size) + 1n;
  let left = offset;
  const host = [...bytes];
  for (let index = host.length - 1; index >= 0 && left > 0n; index--) {
    host[index] = (host[index] ?? 0) | Number(left & 0xffn);
    left >>= 8n;
  }
  return { id, tries, address: ipaddr.fromByteArray(host).toString(), strength: digest.toString("hex", 8, 16) };
}
