/** Links: names, and that nobody is let in without a certificate. */
import { type CheckContext, reportDuplicateNames, soundItems } from "./check.ts";

export function checkLinks(context: CheckContext): void {
  const { file, report, sound } = context;
  if (!context.shaped(["links"])) return;
  reportDuplicateNames(context, ["links", "peers"], file.links.peers, "peer");
  const owners = new Map<string, string>();
  for (const [index, peer] of soundItems(context, ["links", "peers"], file.links.peers)) {
    for (const [at, identity] of peer.identities.entries()) {
      const owner = owners.get(identity);
      if (owner === undefined || owner === peer.name) owners.set(identity, peer.name);
      else
        report(
          ["links", "peers", index, "identities", at],
          `is an identity of ${owner} as well: a certificate would be two peers`,
        );
    }
    if (sound(["mesh"]) && peer.name === file.mesh.cluster)
      report(["links", "peers", index, "name"], "is this bridge's own cluster (mesh.cluster)");
  }
  if (sound(["links"]) && sound(["xds"]) && file.links.peers.length > 0 && file.xds.tls?.clientCaFile === undefined)
    report(["links", "peers"], "need xds.tls with clientCaFile: peers are known by their client certificate alone");
}
