/**
 * Who may be what: a client says in its node what it is, and its certificate or token proves who it is. The rules of the
 * configuration tie the two together, so that what one workload has proved lets it be no other. Pure.
 */
import { matchesGlob } from "../kernel/glob.ts";
import type { Client } from "../routing/client.ts";
import type { IdentityRule } from "../routing/identity-rule.ts";

/** What a connection has proved. */
export type PeerIdentity =
  | {
      readonly kind: "certificate";
      /** Subject alternative names, `URI:…` and `DNS:…`. */
      readonly names: readonly string[];
    }
  | { readonly kind: "serviceAccount"; readonly namespace: string; readonly name: string }
  | { readonly kind: "none" };

export interface Claim {
  readonly nodeId: string;
  readonly client: Client;
}

/** Undefined: some rule allows it. Otherwise why none does, for people; it names nothing of the rules. */
export function refusalOf(rules: readonly IdentityRule[], peer: PeerIdentity, claim: Claim): string | undefined {
  if (peer.kind === "none") return "it has shown neither a certificate nor a token";
  if (peer.kind === "certificate" && uris(peer.names).length > 1)
    return "its certificate has more than one URI, so it is nobody's in particular";
  const known = rules.flatMap((rule) => {
    const namespace = matchedBy(rule, peer);
    return namespace === undefined ? [] : [{ rule, namespace: namespace || undefined }];
  });
  if (known.length === 0) return `no rule knows ${shown(peer)}`;
  const allowed = known.some(({ rule, namespace }) => permits(rule, namespace, claim));
  const { client, nodeId } = claim;
  const who = [client.role, client.gateway, client.namespace, client.cluster].filter((part) => part !== "").join(" ");
  return allowed ? undefined : `${shown(peer)} may not be the node ${nodeId} (${who})`;
}

/** Undefined: it does not match. Otherwise the namespace that was matched, empty where the pattern has none. */
function matchedBy({ spiffe, dns, serviceAccount }: IdentityRule, peer: PeerIdentity): string | undefined {
  if (peer.kind === "serviceAccount")
    return serviceAccount === undefined ? undefined : match(serviceAccount, `${peer.namespace}/${peer.name}`, "/");
  if (peer.kind === "none") return undefined;
  if (spiffe !== undefined) return first(uris(peer.names), (name) => match(spiffe, name, "/"));
  if (dns === undefined) return undefined;
  const names = peer.names.flatMap((name) => (name.startsWith("DNS:") ? [name.slice("DNS:".length).toLowerCase()] : []));
  // A wildcard certificate is good for many names, so it proves none.
  return first(
    names.filter((name) => !name.includes("*")),
    (name) => match(dns.toLowerCase(), name, "."),
  );
}

function permits(rule: IdentityRule, matched: string | undefined, { nodeId, client }: Claim): boolean {
  const { role, gateway, namespace, cluster, node } = rule;
  if (role !== client.role) return false;
  if (gateway !== undefined && gateway !== client.gateway) return false;
  if (cluster !== undefined && cluster !== client.cluster) return false;
  const wanted = namespace === PLACEHOLDER ? (matched ?? "") : namespace;
  if (wanted !== undefined && wanted !== client.namespace) return false;
  return node === undefined || matchesGlob(node.replaceAll(PLACEHOLDER, matched ?? PLACEHOLDER), nodeId);
}

const PLACEHOLDER = "{namespace}";

/** The text `{namespace}` stands for, or an empty one; undefined when the text does not match, part by part, as a whole. */
function match(pattern: string, text: string, divider: "/" | "."): string | undefined {
  const parts = text.split(divider);
  const wanted = pattern.split(divider);
  if (parts.length !== wanted.length) return undefined;
  let namespace = "";
  for (const [index, want] of wanted.entries()) {
    const part = parts[index] ?? "";
    if (want === PLACEHOLDER) {
      if (part === "") return undefined;
      namespace = part;
    } else if (want === "*" ? part === "" : !matchesGlob(want, part)) return undefined;
  }
  return namespace;
}

function uris(names: readonly string[]): readonly string[] {
  return names.flatMap((name) => (name.startsWith("URI:") ? [name.slice("URI:".length)] : []));
}

function first<T, R>(items: readonly T[], of: (item: T) => R | undefined): R | undefined {
  for (const item of items) {
    const found = of(item);
    if (found !== undefined) return found;
  }
  return undefined;
}

function shown(peer: Exclude<PeerIdentity, { readonly kind: "none" }>): string {
  if (peer.kind === "serviceAccount") return `the service account ${peer.namespace}/${peer.name}`;
  return `the certificate of ${peer.names.join(", ") || "nobody"}`;
}

/**
 * The names in node:crypto's text of a certificate's alternative names. A name with a comma or a quote in it comes quoted; no
 * identity has one, so it is left out, and cannot pass for two.
 */
export function alternativeNames(text: string | undefined): readonly string[] {
  if (text === undefined || text.includes('"')) return [];
  return text.split(", ").filter((name) => name.startsWith("URI:") || name.startsWith("DNS:"));
}
