/** The words of the xDS server: resource types, resources, and what a client is known to hold. */
import type { NameIndex } from "./name-set.ts";

export const TYPE_URL = {
  listener: "type.googleapis.com/envoy.config.listener.v3.Listener",
  route: "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
  /** On demand only: one virtual host of a route configuration, `<route configuration>/<host>`. */
  virtualHost: "type.googleapis.com/envoy.config.route.v3.VirtualHost",
  cluster: "type.googleapis.com/envoy.config.cluster.v3.Cluster",
  endpoint: "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
  /** One filter's configuration, apart from its listener. */
  extension: "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig",
  secret: "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret",
} as const;
export type TypeUrl = string;

/** One named, encoded resource. Immutable; equal bytes have equal versions on every replica and after a restart. */
export interface Resource {
  readonly typeUrl: TypeUrl;
  readonly name: string;
  /** Content hash of `body`: to be compared for equality only. */
  readonly version: string;
  /** The encoded message: the value of its `Any`. */
  readonly body: Uint8Array;
  /** Resources it names: these are sent again after it (Envoy waits for them to warm). */
  readonly refs: readonly ResourceRef[];
}

export interface ResourceRef {
  readonly typeUrl: TypeUrl;
  readonly name: string;
}

/** One type's resources of one view, with a change log. Read-only face for streams. */
export interface TypeTable {
  /** Grows with every change of this table; 0 while untouched. */
  readonly seq: number;
  readonly size: number;
  /** Content hash over all names and versions: equal on replicas with equal content. */
  readonly version: string;
  /** Numbers for the names that are or were in it. */
  readonly index: NameIndex;
  get(name: string): Resource | undefined;
  /** The seq at which the name came into the table last; 0 when it is not in it. */
  addedAt(name: string): number;
  /** The seq of the name's last change; 0 when it was never in the table. */
  changedAt(name: string): number;
  /** True for a name that is known to be meant and cannot be read yet: nothing is said of it, not even that it is gone. */
  pending(name: string): boolean;
  /** What a removed name held last, for clients that must let go of it later. */
  removed(name: string): Resource | undefined;
  /** All resources, in a stable order; the same list for everybody who asks, until something changes. */
  all(): readonly Resource[];
  /** Names added, changed or removed after `seq`, each once, in the order of their last change. O(changes). */
  changedSince(seq: number): readonly string[];
}

/** What all streams of one view read. */
export interface ViewTables {
  table(typeUrl: TypeUrl): TypeTable;
  /**
   * False while a source that may feed this view has never synced: resources may then be missing without being gone,
   * so nothing may be taken from, or changed at, a client that came with state of its own.
   */
  readonly complete: boolean;
}

const SHORT_TYPES: ReadonlyMap<TypeUrl, string> = new Map([
  [TYPE_URL.listener, "LDS"],
  [TYPE_URL.route, "RDS"],
  [TYPE_URL.virtualHost, "VHDS"],
  [TYPE_URL.cluster, "CDS"],
  [TYPE_URL.endpoint, "EDS"],
  [TYPE_URL.secret, "SDS"],
  [TYPE_URL.extension, "ECDS"],
]);

/** The name people know a type by: LDS, RDS, VHDS, CDS, EDS, SDS, ECDS; the last part of the URL for any other. */
export function shortType(typeUrl: TypeUrl): string {
  return SHORT_TYPES.get(typeUrl) ?? typeUrl.slice(typeUrl.lastIndexOf(".") + 1);
}
