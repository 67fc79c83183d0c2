/** ExternalName Services: a name instead of endpoints. The catalog takes addresses, so somebody else has to resolve it. */
import { isIPv4, isIPv6 } from "node:net";
import { compareText } from "../../../src/kernel/compare.ts";
import { quoted } from "../../../src/kernel/text.ts";
import type { Instance } from "../../../src/model/instance.ts";
import type { ServicePort } from "../../../src/model/service.ts";
import type { KubeService } from "../objects.ts";
import { placeOf } from "./instances.ts";
import type { Rejections } from "./rejections.ts";
import type { TranslateContext } from "./types.ts";

/**
 * One instance for each address that the caller has resolved the name to, on the Service's own port numbers (a name has no
 * others). Without any the Service has no instance, and a rejection says why. Addresses of the preferred family only, if
 * there are some.
 */
export function externalInstances(
  service: KubeService,
  ports: readonly ServicePort[],
  { context, rejections }: { readonly context: TranslateContext; readonly rejections: Rejections },
): readonly Instance[] {
  const { externalName } = service;
  const reject = (reason: string) => rejections.add("externalName", reason);
  if (externalName === undefined || externalName === "") reject("it is missing");
  else if (ports.length === 0) reject(`the Service has no TCP port by which ${quoted(externalName)} could be dialled`);
  else {
    const addresses = context.resolved.get(externalName);
    if (addresses === undefined) reject(`${quoted(externalName)} is a host name and was not resolved: only addresses are served`);
    else if (addresses.length === 0) reject(`${quoted(externalName)} has no address`);
    else return preferred(addresses, context).map((address) => instanceOf(address, ports, context));
  }
  return [];
}

function preferred(addresses: readonly string[], { family }: TranslateContext): readonly string[] {
  const unique = [...new Set(addresses)].sort(compareText);
  const liked = unique.filter((address) => (family === "ipv4" ? isIPv4(address) : family === "ipv6" && isIPv6(address)));
  return liked.length > 0 ? liked : unique;
}

/** It runs outside the cluster, at no place that anybody told: only the place the registry was given counts. */
function instanceOf(address: string, ports: readonly ServicePort[], context: TranslateContext): Instance {
  return {
    id: address,
    address,
    ports: Object.fromEntries(ports.map(({ name, port }) => [name, port])),
    locality: placeOf(undefined, context),
    cluster: context.cluster,
    network: context.network,
    health: "unknown",
    weight: 1,
    labels: {},
  };
}
