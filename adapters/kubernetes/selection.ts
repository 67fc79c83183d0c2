/** Which Services are meant, besides what the API server selects by label. Pure. */
import { matchesGlob } from "../../src/kernel/glob.ts";
import type { KubeService } from "./objects.ts";
import type { KubernetesSettings } from "./schema.ts";

/** `"true"` or `"false"` on a Service. */
const EXPOSE = "meshbridge.io/expose";
/** More namespaces than this are cheaper to read as one. */
const MAX_NAMESPACES = 8;

export interface Selection {
  service(service: KubeService): boolean;
  /** Whether anything in the namespace can be meant: slices have no more to be told by. */
  namespace(name: string): boolean;
  /** Namespaces to ask for one by one, for which rights in them suffice; undefined: the whole cluster is asked. */
  readonly namespaces: readonly string[] | undefined;
}

type Filters = Pick<KubernetesSettings, "namespaces" | "excludeNamespaces" | "include" | "exclude" | "expose">;

export function selectionOf(config: Filters): Selection {
  const { namespaces, excludeNamespaces = ["kube-system"], include, exclude, expose = "all" } = config;
  const any = (patterns: readonly string[] | undefined, name: string, otherwise: boolean) =>
    patterns?.some((pattern) => matchesGlob(pattern, name)) ?? otherwise;
  const namespace = (name: string) => any(namespaces, name, true) && !any(excludeNamespaces, name, false);
  const literal = namespaces?.every((pattern) => !pattern.includes("*")) ? [...new Set(namespaces)].filter(namespace) : [];
  return {
    namespace,
    namespaces: literal.length > 0 && literal.length <= MAX_NAMESPACES ? literal : undefined,
    service: ({ namespace: where, name, annotations }) =>
      namespace(where) &&
      any(include, name, true) &&
      !any(exclude, name, false) &&
      (expose === "annotated" ? annotations[EXPOSE] === "true" : annotations[EXPOSE] !== "false"),
  };
}
