/** ClusterProfiles (multicluster.x-k8s.io, KEP-4322): what a hub's inventory calls the clusters. Pure. */
import { type JsonObject, listAt, textAt } from "../json/value.ts";

/** The ID that the About API gives a cluster, as the inventory repeats it. */
const ID_PROPERTY = "cluster.clusterset.k8s.io";

/**
 * `namespace/name` of the profile by what the cluster may be called here: its display name, its ID, or the profile's own name,
 * in this order where two profiles want the same.
 */
export function profileNames(profiles: readonly JsonObject[]): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  const callers = [
    (one: JsonObject) => textAt(one, "spec", "displayName"),
    (one: JsonObject) =>
      textAt(
        listAt(one, "status", "properties").find((item) => textAt(item, "name") === ID_PROPERTY),
        "value",
      ),
    (one: JsonObject) => textAt(one, "metadata", "name"),
  ];
  for (const called of callers)
    for (const profile of profiles) {
      const name = called(profile);
      const full = `${textAt(profile, "metadata", "namespace") ?? ""}/${textAt(profile, "metadata", "name") ?? ""}`;
      if (name !== undefined && !names.has(name)) names.set(name, full);
    }
  return names;
}
