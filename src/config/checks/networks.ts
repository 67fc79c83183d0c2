/** Networks and exports: names that must differ, ranges that must be some, gateways that must be somewhere. */
import ipaddr from "ipaddr.js";
import { didYouMean, type Path, quoted } from "../../kernel/text.ts";
import { isServicePattern } from "../../routing/match.ts";
import { type CheckContext, reportDuplicateNames, soundItems } from "./check.ts";

export function checkNetworks(context: CheckContext): void {
  const { networks, registries } = context.file;
  reportDuplicateNames(context, ["networks"], networks, "network");
  const known = context.shaped(["registries"])
    ? registries.flatMap((one) => (typeof one?.name === "string" ? [one.name] : []))
    : [];
  const owners = new Map<string, string>();
  for (const [index, network] of soundItems(context, ["networks"], networks)) {
    const path = ["networks", index];
    for (const list of ["cidrs", "egress"] as const) checkRanges(context, [...path, list], network[list]);
    for (const list of ["clusters", "registries"] as const)
      for (const [position, name] of network[list].entries()) {
        const owner = owners.get(`${list} ${name}`);
        if (owner === undefined) owners.set(`${list} ${name}`, network.name);
        else context.report([...path, list, position], `${name} is on network ${owner} already`);
      }
    for (const [position, name] of network.registries.entries())
      if (!known.includes(name))
        context.report(
          [...path, "registries", position],
          `there is no registry called ${quoted(name)}${didYouMean(name, known)}`,
        );
    if (network.sni?.dialect === "consul")
      for (const key of ["datacenter", "trustDomain"] as const)
        if (network.sni[key] === undefined) context.report([...path, "sni", key], "is missing; Consul's names have it in them");
    for (const [position, gateway] of network.gateways.entries()) checkGateway(context, [...path, "gateways", position], gateway);
  }
  checkExports(context);
  checkMutualTls(context);
}

/** Secrets that exist, and services that say `tls: mutual` only where `mtls` says how. */
function checkMutualTls({ file, sound, shaped, report }: CheckContext): void {
  const { mtls, secrets, services } = file;
  if (mtls === undefined) {
    if (!shaped(["services"])) return;
    for (const [index, policy] of services.entries())
      if (policy?.tls === "mutual")
        report(["services", index, "tls"], "needs `mtls`, which says whose certificates are shown and believed");
    return;
  }
  if (!(sound(["mtls"]) && sound(["secrets"]))) return;
  const known = secrets.map(({ name }) => name);
  const check = (path: Path, name: string | undefined) => {
    if (name !== undefined && !known.includes(name))
      report(path, `there is no secret called ${quoted(name)}${didYouMean(name, known)}`);
  };
  check(["mtls", "certificate"], mtls.certificate);
  check(["mtls", "clientCa"], mtls.clientCa);
  for (const [index, { ca }] of mtls.trustDomains.entries()) check(["mtls", "trustDomains", index, "ca"], ca);
}

function checkRanges(context: CheckContext, path: Path, ranges: readonly string[]): void {
  for (const [index, range] of ranges.entries())
    if (!ipaddr.isValidCIDR(range))
      context.report([...path, index], `must be a range such as 10.0.0.0/8 or fd00::/8, got ${quoted(range)}`);
}

type Gateway = CheckContext["file"]["networks"][number]["gateways"][number];

function checkGateway({ report }: CheckContext, path: Path, { address, service, servicePort }: Gateway): void {
  if (address === undefined && service === undefined)
    report([...path, "address"], "is missing; a gateway has an address or a service");
  if (address !== undefined && service !== undefined)
    report([...path, "service"], "a gateway has an address or a service, not both");
  if (service === undefined && servicePort !== undefined) report([...path, "servicePort"], "needs a service");
  const isName = address !== undefined && /^[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_.])?$/.test(address);
  if (address !== undefined && !isName && !ipaddr.isValid(address))
    report([...path, "address"], `must be an IP address or a host name, got ${quoted(address)}`);
}

function checkExports(context: CheckContext): void {
  for (const [index, rule] of soundItems(context, ["exports"], context.file.exports ?? [])) {
    const path = ["exports", index];
    if (!isServicePattern(rule.match))
      context.report(
        [...path, "match"],
        `must be namespace/name with * for any characters, such as shop/*, got ${quoted(rule.match)}`,
      );
    if (rule.scope === "local" && rule.to.length > 0) context.report([...path, "to"], "scope local leaves to nobody");
    if (rule.scope === undefined && rule.to.length === 0)
      context.report([...path, "to"], "is missing; an export names networks, clusters or `*`, or has scope: local");
  }
}
