/** What the operator wants of links: who may read what of this bridge. Pure. */
import type { ServiceKey } from "../model/service.ts";
import { matchesService } from "../routing/match.ts";
import type { ExportRule } from "../routing/topology.ts";

/** Another bridge that may read this one's exports. */
export interface LinkPeer {
  /** The name of its cluster. */
  readonly name: string;
  /** Subject alternative names its client certificate may have: `URI:spiffe://…` or `DNS:…`. */
  readonly identities: readonly string[];
}

export interface LinkPolicy {
  readonly peers: readonly LinkPeer[];
  readonly exports: readonly ExportRule[];
  /** How many bridges a service goes through at most: 1 is this cluster's own services only. */
  readonly hopLimit: number;
}

/** Default deny: only what a rule names for this cluster. Rules add up; what is local to its cluster stays whatever they say. */
export function isExported({ exports }: LinkPolicy, service: ServiceKey, peer: string): boolean {
  const rules = exports.filter(({ match }) => matchesService(match, service));
  if (rules.some(({ local }) => local)) return false;
  return rules.some(({ to }) => to.includes("*") || to.includes(peer));
}
