/** Which clusters there are to be, as the settings, a folder or Secrets say. Plain data. */
import type { RegistrySettings } from "../../src/registry/settings.ts";
import type { ClusterSettings } from "./schema.ts";

/** One cluster and how to reach it. Two that are equal in every field need no new connection. */
export interface ClusterSpec {
  readonly name: string;
  /** The text, or `in-cluster`. */
  readonly kubeconfig: string;
  /** Where the text is from, for errors: a path, or a Secret. */
  readonly origin: string;
  /** The folder that relative paths in it are meant from. */
  readonly dir: string;
  readonly context: string | undefined;
  /** True for files of this machine: paths in them mean something. */
  readonly local: boolean;
  readonly network: string;
  readonly locality: RegistrySettings["locality"];
}

/**
 * What one origin of clusters says now. A name with `undefined` is known to be meant, but cannot be read at the moment:
 * its cluster stays as it is. A name that is missing was removed by whoever writes there.
 */
export type SpecsByName = ReadonlyMap<string, ClusterSpec | undefined>;

/** Where a cluster is, with the registry's own settings for what it does not say. */
export function placeOf(
  { network, locality }: Pick<ClusterSettings, "network" | "locality">,
  settings: RegistrySettings,
): Pick<ClusterSpec, "network" | "locality"> {
  return { network: network ?? settings.network, locality: locality ?? settings.locality };
}
