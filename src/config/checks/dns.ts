/** The name server: addresses that are some, and names that are in its zones. */
import { isIP } from "node:net";
import ipaddr from "ipaddr.js";
import { parseListen } from "../../kernel/listen-address.ts";
import { type Path, quoted } from "../../kernel/text.ts";
import { type CheckContext, soundItems } from "./check.ts";

export function checkDns(context: CheckContext): void {
  const { file, report, sound, shaped } = context;
  const { dns, mesh } = file;
  if (dns === undefined || !shaped(["dns"])) return;
  const address = parseListen(String(dns.listen));
  if (sound(["dns", "listen"]) && !(address?.kind === "tcp" && isIP(address.host) !== 0))
    report(
      ["dns", "listen"],
      `must be an IP address and a port, such as 127.0.0.1:5353 or [::1]:5353, got ${quoted(dns.listen)}`,
    );
  const ranges = (path: Path, list: readonly string[]) => {
    for (const [index, cidr] of soundItems(context, path, list))
      if (!ipaddr.isValidCIDR(cidr))
        report([...path, index], `must be a range such as 10.0.0.0/8 or fd00::/8, got ${quoted(cidr)}`);
  };
  const literals = (path: Path, list: readonly string[]) => {
    for (const [index, one] of soundItems(context, path, list))
      if (isIP(one) === 0) report([...path, index], `must be an IP address, got ${quoted(one)}`);
  };
  ranges(["dns", "clientSubnetFrom"], dns.clientSubnetFrom);
  ranges(["dns", "vipsFor"], dns.vipsFor);
  if (dns.vipsFor.length > 0 && sound(["sidecar"]) && file.sidecar.vips === undefined)
    report(["dns", "vipsFor"], "needs `sidecar.vips`, which says where the addresses are from");
  literals(["dns", "addresses"], dns.addresses);
  for (const [index, place] of soundItems(context, ["dns", "places"], dns.places))
    ranges(["dns", "places", index, "cidrs"], place.cidrs);
  for (const [index, one] of soundItems(context, ["dns", "ingress"], dns.ingress))
    literals(["dns", "ingress", index, "addresses"], one.addresses);
  if (!(sound(["mesh"]) && sound(["dns", "zones"]) && sound(["dns", "clusterset"]))) return;
  const zones = [mesh.domain, ...(dns.clusterset === false ? [] : [dns.clusterset]), ...dns.zones];
  const seen = new Set<string>();
  for (const [index, { name }] of soundItems(context, ["dns", "names"], dns.names)) {
    const path = ["dns", "names", index, "name"];
    if (!zones.some((zone) => name.endsWith(`.${zone}`))) report(path, `is in none of the zones: ${zones.join(", ")}`);
    if (seen.has(name)) report(path, "is there twice");
    seen.add(name);
  }
}
