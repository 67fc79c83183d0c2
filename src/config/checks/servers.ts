/** Where the bridge itself listens. */
import { isIP } from "node:net";
import ipaddr from "ipaddr.js";
import { isLoopback, parseListen } from "../../kernel/listen-address.ts";
import { orList, quoted } from "../../kernel/text.ts";
import { parseServiceId } from "../../model/service.ts";
import { type CheckContext, soundItems } from "./check.ts";

export function checkServers(context: CheckContext): void {
  checkXds(context);
  checkIdentities(context);
  checkTokens(context);
  checkAdmin(context);
  const { file, sound, report } = context;
  if (sound(["sidecar"]) && isIP(file.sidecar.outbound.address) === 0)
    report(["sidecar", "outbound", "address"], `must be an IP address, got ${quoted(file.sidecar.outbound.address)}`);
  checkVips(context);
}

/** So many addresses at least: in a narrower range services would take each other's places. */
const LEAST_HOST_BITS = 8;

function checkVips({ file: { sidecar }, sound, report }: CheckContext): void {
  if (!sound(["sidecar"]) || sidecar.vips === undefined) return;
  const { range, pins } = sidecar.vips;
  const path = ["sidecar", "vips"];
  if (!ipaddr.isValidCIDR(range)) report([...path, "range"], `must be a range such as 127.64.0.0/10, got ${quoted(range)}`);
  else {
    const [address, prefix] = ipaddr.parseCIDR(range);
    const bits = address.toByteArray().length * 8 - prefix;
    if (bits < LEAST_HOST_BITS) report([...path, "range"], `has no more than ${2 ** bits} addresses; at least 256 are needed`);
    const network =
      address.kind() === "ipv4" ? ipaddr.IPv4.networkAddressFromCIDR(range) : ipaddr.IPv6.networkAddressFromCIDR(range);
    if (network.toString() !== address.toString()) report([...path, "range"], `must begin where it begins: ${network}/${prefix}`);
  }
  const owners = new Map<string, string>();
  for (const [service, address] of Object.entries(pins)) {
    if (parseServiceId(service) === undefined) report([...path, "pins", service], "must be namespace/name");
    if (isIP(address) === 0) report([...path, "pins", service], `must be an IP address, got ${quoted(address)}`);
    else if (owners.has(address)) report([...path, "pins", service], `${address} is that of ${owners.get(address)} already`);
    owners.set(address, service);
  }
}

function checkXds({ file: { xds }, sound, report }: CheckContext): void {
  if (!sound(["xds"])) return;
  const address = parseListen(xds.listen);
  if (address?.kind !== "tcp")
    report(["xds", "listen"], `must be host:port, such as 127.0.0.1:18000 or [::1]:18000, got ${quoted(xds.listen)}`);
  else if (xds.tls === undefined && !xds.insecure && !isLoopback(address))
    report(
      ["xds", "listen"],
      `would serve plain text to other machines on ${quoted(xds.listen)}; configure xds.tls, listen on 127.0.0.1, or say insecure: true`,
    );
}

function checkIdentities(context: CheckContext): void {
  const { file, report } = context;
  const { tls, identities } = file.xds;
  const path = ["xds", "identities"];
  for (const [index, rule] of soundItems(context, path, identities)) {
    const at = [...path, index];
    const given = PATTERNS.filter((key) => rule[key] !== undefined);
    if (given.length !== 1) report(at, `needs exactly one of ${orList(PATTERNS)}`);
    const text = given.map((key) => rule[key]).join("");
    if (rule.namespace === "{namespace}" && !/(^|[/.])\{namespace\}([/.]|$)/.test(text))
      report([...at, "namespace"], "stands for {namespace} of the pattern, which has none between its slashes or dots");
    if (rule.serviceAccount !== undefined && !/^[^/]+\/[^/]+$/.test(rule.serviceAccount))
      report([...at, "serviceAccount"], "must be namespace/name");
    if (rule.gateway !== undefined && rule.role !== "gateway") report([...at, "gateway"], "is for the role gateway");
    if (rule.serviceAccount !== undefined && file.xds.tokens === undefined)
      report(at, "needs xds.tokens: without it no token is looked into");
    if ((rule.spiffe !== undefined || rule.dns !== undefined) && tls?.clientCaFile === undefined)
      report(at, "needs xds.tls.clientCaFile: without it no client shows a certificate");
  }
}

function checkTokens({ file, sound, report }: CheckContext): void {
  const { tokens, tls, listen, identities } = file.xds;
  if (tokens === undefined || !sound(["xds"])) return;
  const path = ["xds", "tokens"];
  if (tls?.clientCaFile !== undefined)
    report(path, "cannot be had beside xds.tls.clientCaFile, which asks every client for a certificate");
  const address = parseListen(listen);
  if (tls === undefined && address?.kind === "tcp" && !isLoopback(address))
    report(path, "needs xds.tls: tokens would cross the network in plain text");
  if (identities.length === 0) report(path, "needs xds.identities, which say what a token's owner may be");
  const found = file.registries.find(({ name }) => name === tokens.registry);
  if (found?.kind !== "kubernetes")
    report([...path, "registry"], `no registry of kind kubernetes is called ${quoted(tokens.registry)}`);
}

const PATTERNS = ["spiffe", "dns", "serviceAccount"] as const;

function checkAdmin({ file: { admin }, sound, report }: CheckContext): void {
  if (!sound(["admin"])) return;
  const address = parseListen(admin.listen);
  if (address === undefined)
    report(
      ["admin", "listen"],
      `must be host:port or unix:/path, such as 127.0.0.1:8080 or unix:/run/meshbridge.sock, got ${quoted(admin.listen)}`,
    );
  else if (!admin.insecure && !isLoopback(address))
    report(
      ["admin", "listen"],
      `would open the admin API, which has no login, to other machines on ${quoted(admin.listen)}; listen on 127.0.0.1 or unix:/path, or say insecure: true`,
    );
}
