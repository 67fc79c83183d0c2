/** Parts of a service: the instances of one cluster, or of one version. Pure. */
import type { CatalogService } from "../catalog/types.ts";

/** Labels that say an instance's version, as meshes read them. */
const VERSION_LABELS = ["version", "app.kubernetes.io/version"] as const;

/** The service with the instances of that cluster or, when there is no such cluster, version. Undefined: there are none. */
export function ofSubset(service: CatalogService, subset: string): CatalogService | undefined {
  const ofCluster = service.instances.filter(({ cluster }) => cluster.toLowerCase() === subset.toLowerCase());
  const instances =
    ofCluster.length > 0
      ? ofCluster
      : service.instances.filter(({ labels }) =>
          VERSION_LABELS.some((label) => labels[label]?.toLowerCase() === subset.toLowerCase()),
        );
  return instances.length === 0 ? undefined : { ...service, instances };
}
