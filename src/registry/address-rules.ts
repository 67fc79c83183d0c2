/**
 * Which instance addresses are believed. A registry's writers are not trusted to point proxies at themselves, at their
 * host's metadata service or at a multicast group (CVE-2021-25740 is of this kind), so such ranges need an allow rule.
 */
import { isIP } from "node:net";
import ipaddr from "ipaddr.js";
import { excerpt } from "../kernel/text.ts";

type Parsed = ipaddr.IPv4 | ipaddr.IPv6;

interface Rule {
  readonly cidr: string;
  readonly base: Parsed;
  readonly bits: number;
  readonly allow: boolean;
  /** Higher wins between rules of equal length: a written deny, a written allow, then what is built in. */
  readonly rank: number;
}

/** Denied in every registry that is not trusted, unless a rule at least as long allows it. */
const FORBIDDEN_RANGES = [
  "0.0.0.0/8",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "224.0.0.0/4",
  "255.255.255.255/32",
  "::/128",
  "::1/128",
  "fe80::/10",
  "ff00::/8",
] as const;

export interface AddressRules {
  /** The normal form of an acceptable IP literal, or why it is not acceptable. */
  check(address: string): { readonly address: string } | { readonly reason: string };
}

export interface AddressRulesOptions {
  readonly allow: readonly string[];
  readonly deny: readonly string[];
  /** Trusted registries skip the built-in ranges; written rules count for them too. */
  readonly trusted: boolean;
}

/** The longest matching prefix decides. CIDRs must be valid: the configuration has checked them. */
export function createAddressRules({ allow, deny, trusted }: AddressRulesOptions): AddressRules {
  const rules: readonly Rule[] = [
    ...deny.map((cidr) => toRule(cidr, false, 2)),
    ...allow.map((cidr) => toRule(cidr, true, 1)),
    ...(trusted ? [] : FORBIDDEN_RANGES.map((cidr) => toRule(cidr, false, 0))),
  ].sort((a, b) => b.bits - a.bits || b.rank - a.rank);
  return {
    check(address) {
      if (isIP(address) === 0) return { reason: `"${excerpt(address)}" is not an IP address; host names are not resolved` };
      const parsed = normal(address);
      const rule = rules.find(({ base, bits }) => base.kind() === parsed.kind() && matches(parsed, base, bits));
      if (rule !== undefined && !rule.allow) return { reason: `address ${parsed} is denied by ${rule.cidr}` };
      return { address: parsed.toString() };
    },
  };
}

/** An IPv4 address mapped into IPv6 is the IPv4 address: it must not slip past the rules for it. */
function normal(address: string): Parsed {
  return ipaddr.process(address.split("%", 1)[0] ?? address);
}

function toRule(cidr: string, allow: boolean, rank: number): Rule {
  const [base, bits] = ipaddr.parseCIDR(cidr);
  return { cidr, base, bits, allow, rank };
}

function matches(address: Parsed, base: Parsed, bits: number): boolean {
  return (address as ipaddr.IPv4).match(base as ipaddr.IPv4, bits);
}
