/** Who a client certificate belongs to. Pure. */
import type { LinkPeer } from "./policy.ts";

/**
 * The names of a certificate as node:tls gives them (`subjectaltname`): `URI:spiffe://…` and `DNS:…` only. Node puts a
 * name with unusual characters in quotes so that none can pass for two; such names are no identity here.
 */
export function identitiesOf(subjectAltName: string | undefined): readonly string[] {
  if (subjectAltName === undefined || subjectAltName.includes('"')) return [];
  return subjectAltName.split(", ").flatMap((entry) => {
    if (entry.startsWith("URI:")) return [entry];
    return entry.startsWith("DNS:") ? [entry.toLowerCase().replace("dns:", "DNS:")] : [];
  });
}

/** The peer that one of the names belongs to; exact names only, no wildcard. */
export function peerOf(identities: readonly string[], peers: readonly LinkPeer[]): LinkPeer | undefined {
  return peers.find((peer) => peer.identities.some((identity) => identities.includes(identity)));
}
